// The edge worker around the Go program: it finds the model file, starts Go and the
// kernels once in the life of an isolate, and hands requests over.
//
// workerd ties every stream, timer and promise to the request that made it. So Go
// gets plain data only, and each request drives Go from its own timers: after every
// step of a computation Go comes back and waits for a tick, from whichever request.
// One that goes away thus never holds up the others.
import { decompress as dit8Zstd } from "fzstd";
import makeGo from "./dist/wasm_exec.mjs";
import goModule from "./dist/dit8.wasm";
import "./dist/kernels.js";
import kernelsModule from "./dist/kernels.wasm";

const maxModel = 48e6; // bytes; an isolate has 128 MB
const patience = 5000; // ms after which another request takes a load over
const stalled = 2000; // ms after which a client that does not read is given up

let program; // {calls, binding, exited(), dead}
let loading = 0; // when the request that loads was last heard of
let last = 0; // number of the last call

// worker is the handler of an isolate, with the bytes of a bundled model or without.
export const worker = (bundled) => ({
  async fetch(request, env, ctx) {
    try {
      await load(env, bundled);
    } catch (error) {
      return failure(503, "model_unavailable", error.message);
    }
    // The work goes on until it has seen that its client is gone.
    const response = answer(request, ctx);
    ctx.waitUntil(response);
    return response;
  },
});

// load waits for the program, which the first request starts.
async function load(env, bundled) {
  while (!program) {
    if (Date.now() - loading < patience) {
      await scheduler.wait(5);
      continue;
    }
    loading = Date.now();
    try {
      const file = await read(env, bundled);
      program = await start(env, await verified(env, file));
      if (file !== bundled) file.transfer?.(0); // at once, not when garbage is collected: it may be a third of the memory
    } finally {
      loading = 0;
    }
  }
}

// read is the model file, from where DIT8_SOURCE says.
async function read(env, bundled) {
  const name = env.DIT8_MODEL;
  switch (env.DIT8_SOURCE) {
    case "module":
      if (!bundled) throw new Error("DIT8_SOURCE is module, but no model is bundled");
      return bundled;
    case "assets": {
      const response = await env.ASSETS.fetch(new URL(name, "https://assets.local/"));
      if (!response.ok) throw new Error(`DIT8_MODEL is ${name}: the assets answer ${response.status}`);
      return whole(response.body);
    }
    case "r2": {
      const object = await env.MODELS.get(name);
      if (!object) throw new Error(`DIT8_MODEL is ${name}: the bucket has no such object`);
      return whole(object.body);
    }
  }
  throw new Error(`DIT8_SOURCE is ${env.DIT8_SOURCE}, allowed: module, assets and r2`);
}

async function whole(stream) {
  const bytes = await upTo(stream, maxModel, { progress: () => { loading = Date.now(); } });
  if (bytes.length > maxModel) throw new Error(`the model file has more than ${maxModel} bytes`);
  return bytes.buffer;
}

// upTo reads a stream, and stops when it has more than max bytes, or has dropped as many more as it may.
async function upTo(stream, max, { progress = () => {}, drop = 0 } = {}) {
  const pieces = [];
  let n = 0;
  for await (const piece of stream ?? []) {
    progress();
    if (n <= max) pieces.push(piece);
    if ((n += piece.length) > max + drop) break;
  }
  return joined(pieces);
}

function joined(pieces) {
  const bytes = new Uint8Array(pieces.reduce((n, piece) => n + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

// verified is the model file if its SHA-256 is the one configured.
async function verified(env, buffer) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", buffer));
  const found = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (found !== env.DIT8_SHA256) throw new Error(`the model's SHA-256 is ${found}, DIT8_SHA256 is ${env.DIT8_SHA256}`);
  return new Uint8Array(buffer);
}

// start runs the Go program until it waits for requests.
async function start(env, model) {
  // No clock runs while a worker computes, so that relaxed SIMD cannot be raced.
  const kernels = await dit8Kernels({ read: async () => kernelsModule, threads: 1, relaxed: 0 });
  let problem;
  const strings = Object.fromEntries(Object.entries(env).filter(([, value]) => typeof value === "string"));
  const context = { env: strings, model, calls: {}, binding: {}, failed: (message) => { problem = message; } };
  const go = new (makeGo(world(context)))();
  const instance = new WebAssembly.Instance(goModule, { ...go.importObject, kernels: kernels.imports, workers: { ready() {} } });
  kernels.attach(instance);
  go.run(instance);
  if (problem || go.exited) throw new Error(problem ?? "the program ended");
  context.model = undefined; // what remains is in the kernels' memory
  return { calls: context.calls, binding: context.binding, exited: () => go.exited };
}

// world is all that Go may see of the globals. What belongs to requests is plain
// data here: Promise, Headers and Response as package workers uses them.
const world = (context) => ({
  Object, Array, Error, Uint8Array, Date, crypto, performance, TextEncoder, TextDecoder, dit8Zstd, context,
  Promise: class {
    constructor(run) {
      run((value) => { this.value = value; }, (error) => { this.error = error; });
    }
  },
  Headers: class {
    list = [];
    append(name, value) { this.list.push([name, value]); }
  },
  Response: class {
    constructor(_, { status, headers }) { Object.assign(this, { status, headers: headers.list }); }
  },
});

// answer lets Go answer a request.
async function answer(request, ctx) {
  const go = program;
  let body;
  try {
    // a client that is cut off while it sends may not see why
    body = await upTo(request.body, go.binding.maxBody, { drop: 10e6 });
  } catch (error) {
    return failure(400, "unreadable_body", `the body did not arrive whole: ${error.message}`);
  }
  const id = String(++last);
  const call = { body, pieces: [], write(piece) { this.pieces.push(piece); }, end() { this.ended = true; } };
  go.calls[id] = call;
  const headers = [...request.headers].filter(([name]) => name !== "dit8-call").concat([["dit8-call", id]]);
  const cancel = () => { if (!go.dead) within(go, () => go.binding.cancel(id)); };
  const finish = () => { delete go.calls[id]; };
  const work = async (until) => {
    while (!until()) {
      await scheduler.wait(0);
      within(go, () => go.binding.tick());
    }
  };
  request.signal.addEventListener("abort", cancel);
  try {
    const head = within(go, () => go.binding.handleRequest({ url: request.url, method: request.method, headers: { entries: () => headers }, body: null }));
    await work(() => head.value || head.error);
    if (head.error) {
      finish();
      return failure(400, "invalid_url", head.error.message);
    }
    const { status, headers: found } = head.value;
    const init = { status, headers: found };
    if (call.ended) {
      finish();
      return new Response(request.method === "HEAD" || status === 204 || status === 304 ? null : joined(call.pieces), init);
    }
    const { readable, writable } = new TransformStream();
    ctx.waitUntil(pass(call, writable.getWriter(), work).catch(cancel).finally(finish));
    return new Response(readable, init);
  } catch (error) {
    finish();
    return failure(503, "restarting", error.message);
  }
}

// within calls into Go. A program that ended or broke is given up: the next request
// starts another.
function within(go, f) {
  try {
    if (!go.dead) {
      const result = f();
      if (!go.exited()) return result;
    }
    throw new Error("the program ended");
  } catch (error) {
    go.dead = true;
    if (program === go) program = undefined;
    throw error;
  }
}

// pass writes what comes of a call's answer to a stream.
async function pass(call, writer, work) {
  for (;;) {
    await work(() => call.pieces.length || call.ended);
    if (!call.pieces.length) return writer.close();
    // A write to a client that was reset may never end, nor fail.
    const sent = writer.write(call.pieces.shift()).then(() => true);
    if (!(await Promise.race([sent, scheduler.wait(stalled)]))) throw new Error("the client does not read");
  }
}

function failure(status, code, message) {
  return Response.json({ error: { message, type: status < 500 ? "invalid_request_error" : "server_error", param: null, code } }, {
    status, headers: { "Access-Control-Allow-Origin": "*", ...(status === 503 && { "Retry-After": "5" }) },
  });
}
