// Requests that nobody means, as bytes on connections to the worker and to the native
// server: none may get a 500, or none at all. DIT8_FUZZ_SEED repeats a run.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { golden, serve, start, upload } from "./helpers.mjs";

const seed = Number(process.env.DIT8_FUZZ_SEED ?? Date.now() % 2 ** 32);
const count = Number(process.env.DIT8_FUZZ_COUNT ?? 400);

let servers;
before(async () => { servers = { workerd: await start(upload(), "", { bindings: { DIT8_MAX_STEPS: "3", DIT8_MAX_BODY: "20000" } }), native: await serve() }; });
after(() => Promise.all(Object.values(servers ?? {}).map((server) => server.stop())));

// random is mulberry32, a small generator with a seed.
function random(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function requests(next) {
  const pick = (list) => list[Math.floor(next() * list.length)];
  const junk = () => Array.from({ length: Math.floor(next() * 12) }, () => String.fromCharCode(33 + Math.floor(next() * 223))).join("");
  const number = () => pick(["0", "1", "2", "3", "-1", "1e9", "0.5", "1e-40", "NaN", "9007199254740991", "9007199254740993", "1e400", "007", "", "null", junk()]);
  const names = ["class", "prompt", "classes", "n", "steps", "seed", "seed_to", "seed_mix", "guidance", "guidance_interval", "guidance_rescale", "negative", "solver",
    "schedule", "shift", "diffusion", "size", "model", "stream", "partial_images", "edit", "response_format", "count", junk()];
  const text = () => pick(["fox", "panda", "fox:2,panda", "fox:1e38,panda:-1e38", "bear@1-0.6,fox@0.6-0", "fox@", ":,@", "euler", "heun", "sde", "cosine", "ddim", "32x32", "64x64", "auto", "99999999999x1", junk()]);
  const value = () => pick([number, () => JSON.stringify(text()), () => "[0.1,0.9]", () => "[]", () => "{}", () => "true", () => '[{"class":"fox","weight":1e3}]', () => '{"task":"image","width":32,"image":"AAAA"}', junk])();
  const query = () => Array.from({ length: Math.floor(next() * 5) }, () => `${pick(names)}=${pick([text, number])()}`).concat(pick(["class=fox", "prompt=fox", "steps=2"])).join("&").replace(/[^\x21-\x7e]/g, "%f0");
  // a whole body with a byte changed, or one of random fields
  const body = () => {
    if (next() < 0.3) {
      const bytes = Buffer.from(JSON.stringify(pick(golden).body));
      for (let i = 0; i < 1 + next() * 3; i++) bytes[Math.floor(next() * bytes.length)] = next() * 256;
      return bytes;
    }
    return Buffer.from(`{${[...Array(Math.floor(next() * 5))].map(() => `${JSON.stringify(pick(names))}:${value()}`).concat('"prompt":"fox"', pick(['"steps":2', '"steps":3', '"n":2', ""])).filter(Boolean).join(",")}${next() < 0.9 ? "}" : ""}`);
  };
  const header = () => `${pick(["If-None-Match", "Authorization", "Origin", "Accept", "Range", "Dit8-Call", "Cookie", "Access-Control-Request-Headers", "X-Y"])}: ${pick(['"a", W/"b"', "*", "Bearer x", "null", "bytes=0-1", "1", "0", junk(), "x".repeat(3000)])}`;
  return () => {
    const post = next() < 0.5;
    const path = post ? "/v1/images/generations" : pick([`/v1/images?${query()}`, `/v1/images?${query()}`, `/v1/models/${encodeURIComponent(junk())}`, "//healthz", "/v1/../v1/models", `/${encodeURIComponent(junk())}`, "/%zz", "/v1/images?%zz", "/v1/models/%2f%00"]);
    const method = post ? "POST" : pick(["GET", "GET", "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"]);
    // net/http resets a connection when it refuses the URL and has not read all.
    const content = post || (next() < 0.1 && path !== "/%zz") ? body() : Buffer.alloc(0);
    const kind = pick(["application/json", "application/json", "application/json; charset=utf-8", "text/plain", junk()]);
    const head = [`${method} ${path} HTTP/1.1`, "Host: x", "Connection: close", header(), ...(content.length ? [`Content-Type: ${kind}`, `Content-Length: ${content.length}`] : []), "", ""].join("\r\n");
    return Buffer.concat([Buffer.from(head, "latin1"), content]);
  };
}

// complete tells whether an answer has come whole; workerd keeps a connection for some
// seconds, whatever is asked of it.
function complete(answer, head) {
  const end = answer.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const [, status] = /^HTTP\/1.1 (\d+)/.exec(answer) ?? [];
  const length = /^content-length: (\d+)/im.exec(answer.slice(0, end))?.[1];
  if (head || status === "204" || status === "304") return true;
  return length ? answer.length >= end + 4 + Number(length) : answer.endsWith("0\r\n\r\n");
}

// send gives the answer to the bytes of a request.
const send = (url, bytes) => new Promise((resolve, reject) => {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const head = bytes.subarray(0, 5).toString() === "HEAD ";
  let answer = "";
  socket.setEncoding("latin1");
  socket.setTimeout(30_000, () => socket.destroy(new Error("no answer in 30 s")));
  socket.on("data", (piece) => {
    answer += piece;
    if (complete(answer, head)) socket.destroy();
  });
  socket.on("error", (error) => (answer ? resolve(answer) : reject(error)));
  socket.on("close", () => resolve(answer));
  socket.write(bytes);
});

for (const name of ["workerd", "native"]) test(`${count} requests of seed ${seed}, ${name}`, async () => {
  const { url } = servers[name];
  const next = requests(random(seed));
  const seen = {};
  for (let i = 0; i < count; i++) {
    const bytes = next();
    const answer = await send(url, bytes).catch((error) => assert.fail(`${error.message}: ${bytes.toString("latin1")}`));
    const status = Number(/^HTTP\/1.1 (\d+)/.exec(answer)?.[1]);
    assert.ok(status >= 200 && status < 500, `${answer.slice(0, 500)}\nto\n${bytes.toString("latin1")}`);
    seen[status] = (seen[status] ?? 0) + 1;
  }
  assert.ok(seen[200] && seen[400], JSON.stringify(seen));
  const { body, sha256 } = golden[1];
  const last = await fetch(url + "v1/images/generations", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  assert.equal((await last.json()).metadata.sha256, sha256);
});
