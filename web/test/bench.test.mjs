// The bench mode, which has no model to load.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fits, start } from "./page.mjs";

let site;
before(async () => { site = await start(); });
after(() => site?.stop());

const tiny = { input_size: 8, patch_size: 2, in_channels: 3, hidden_size: 24, depth: 2, num_heads: 3, mlp_hidden_size: 40, num_classes: 3 };
const benchPage = (query) => site.open({ address: `?${new URLSearchParams(query)}`, until: "" });
const cells = (other, id) => other.$$eval(`#${id} tr`, (rows) => rows.map((row) => Array.from(row.cells, (cell) => cell.textContent)));

for (const [query, network, batch] of [
  [{ bench: "d256", threads: 2, passes: 2 }, "d256, 9.8 M parameters, int8", "2"],
  [{ bench: JSON.stringify(tiny), threads: 1, passes: 3, batch: 4 }, "custom, 0.0 M parameters, int8", "4"],
]) test(`bench shows figures of ${query.bench}`, async () => {
  const other = await benchPage(query);
  await other.waitForSelector("#operations");
  const whole = Object.fromEntries(await cells(other, "whole"));
  assert.equal(whole.Network, network);
  assert.equal(whole.Batch, batch);
  assert.equal(whole.Threads, String(query.threads));
  assert.equal(whole.Device.replace("relaxed ", ""), query.threads === 1 ? "simd128" : `simd128 ×${query.threads}`);
  assert.ok(Number(whole[`ms per step, best of ${query.passes}`]) <= Number(whole["ms per step, median"]));
  const [head, ...operations] = await cells(other, "operations");
  assert.deepEqual(head, ["Operation", "Calls", "ms", "Share", "GMAC/s"]);
  assert.ok(operations.some(([name]) => name === "attention"));
  const shares = operations.reduce((sum, row) => sum + parseFloat(row[3]), 0);
  assert.ok(Math.abs(shares - 100) < 1, `the shares add up to ${shares}`);
  assert.equal(await other.isVisible("#form"), false);
  await other.setViewportSize({ width: 360, height: 740 });
  assert.equal(await fits(other), true);
  await other.close();
});

test("bench says what is wrong", async () => {
  for (const [query, message] of [
    [{ bench: "d257" }, 'config is "d257", allowed: d256, s4, s2, ditb2, ditxl2, pmfb16, imfb2, jitb16, lightningxl1 or an object'], [{ bench: "d256", passes: "x" }, 'passes is "x"'],
    [{ bench: "d256", batch: 65 }, "batch is 65, allowed: 1 to 64"], [{ bench: '{"hidden": 3}' }, 'unknown field "hidden"'], [{ bench: "{" }, "JSON"],
  ]) {
    const other = await benchPage(query);
    await other.waitForSelector("#error:visible");
    assert.ok((await other.textContent("#error")).includes(message), await other.textContent("#error"));
    assert.equal(await other.isVisible("table"), false);
    await other.close();
  }
});

test("no errors on the console", () => assert.deepEqual(site.complaints, []));
