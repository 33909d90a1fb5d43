// The link to the source, which is there where its address is known.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { root } from "./helpers.mjs";

const index = (...args) => spawnSync("node", [`${root}web/source.mjs`, ...args], { encoding: "utf8" });

test("the footer links to the source that is given, and to none else", () => {
  const { stdout } = index("https://example.org/dit8?a=1&b=\"2\"");
  assert.match(stdout, /free software: <a id="source" href="https:\/\/example\.org\/dit8\?a=1&amp;b=%222%22">source<\/a>, <a href="dit8\/LICENSE">MIT licence<\/a>/);
  for (const none of [[], [""]]) assert.match(index(...none).stdout, /free software: <a href="dit8\/LICENSE">MIT licence<\/a>/);
});

test("what is no address of the web is refused", () => {
  for (const wrong of ["dit8", "javascript:alert(1)"]) {
    const { status, stdout, stderr } = index(wrong);
    assert.deepEqual([status, stdout], [2, ""]);
    assert.match(stderr, /^The address of the source is ".*", allowed: one that begins with https:\/\/ or http:\/\/, or none\n$/);
  }
});
