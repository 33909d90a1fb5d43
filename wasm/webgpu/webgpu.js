// The side of a compute.Device on WebGPU that owns the processor: buffers, pipelines, and the commands of a pass, which
// are recorded as they come and sent when something is read or written, or when there are enough for a while.
//   const found = await find({read, gpu: navigator.gpu, software, …});
//   const gpu = await found.open();
//   go.importObject.webgpu = gpu.imports;  gpu.attach(instance);  // Go's, before go.run
//   await gpu.compiled(false);  // the pipelines of networks; true: those of autoencoders as well
// read(name) gives a promise of the text of webgpu.wgsl. find and open fail with an Error that says why there is no device. With
// software a processor may play the GPU. found.recall(key) gives a promise of what found.remember(key, text) was told on this
// machine, also before a reload, by the same version. For measurements: unguarded leaves out what keeps compilers from changing
// floats, dry does no work, counts says what was done.
const operations = ["quantize", "linearI8", "linearF32", "norm", "rotate", "patches", "unpatchify", "columns", "heads", "attentionI8", "attentionF32",
  "rowSums", "groupSums", "affine", "rounding", "see", "seeI8", "convI8", "convF32"];
const some = operations.indexOf("attentionF32"); // from here on what networks of int8 weights do not need
const dotted = ["linearI8", "attentionI8", "convI8"]; // those with products of int8
const operands = 4; // buffers of an operation: what it writes, and up to three that it reads
const slot = 256, slots = 256; // an operation's parameters, in bytes, and how many there are before they are sent
const enough = 4e9; // multiplications, more or less, that are sent at a time: no driver should take it for a hang
const scopes = ["validation", "out-of-memory", "internal"];
const usage = { storage: 0x80 | 0x8 | 0x4, uniform: 0x40 | 0x8, read: 0x1 | 0x8 }; // with COPY_DST and COPY_SRC

export async function find({ read, gpu = globalThis.navigator?.gpu, software = false, ...rest }) {
  if (!gpu) throw new Error("there is no WebGPU here");
  async function request() {
    const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) throw new Error("WebGPU has no adapter here");
    return adapter;
  }
  let adapter = await request();
  const { info } = adapter;
  const soft = info.isFallbackAdapter || adapter.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|softpipe|basic render/i.test(`${info.architecture} ${info.device} ${info.description}`);
  if (soft && !software) throw new Error("the processor plays the GPU here");
  const code = await read("webgpu.wgsl");
  const known = await memory([info.vendor, info.architecture, info.device, info.description, globalThis.navigator?.userAgent, code].join("\n"));
  return { ...known, async open() {
    const mine = adapter ?? await request(); // one gives a single device
    adapter = undefined;
    return device({ adapter: mine, code, known, soft, builtin: gpu.wgslLanguageFeatures?.has("packed_4x8_integer_dot_product"), ...rest });
  } };
}

export const open = async (options) => (await find(options)).open();

// memory keeps texts by key in the Cache API, where there is one. What another version kept is dropped.
async function memory(version) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(version)));
  const name = `dit8-webgpu-${Array.from(hash.subarray(0, 8), (b) => b.toString(16).padStart(2, "0")).join("")}`;
  const at = (key) => new URL(`/dit8-webgpu/${encodeURIComponent(key)}`, location.origin);
  const opened = async () => {
    for (const other of await caches.keys()) if (other.startsWith("dit8-webgpu-") && other !== name) await caches.delete(other);
    return caches.open(name);
  };
  const cache = opened().catch(() => undefined);
  return {
    recall: async (key) => (await (await cache)?.match(at(key)))?.text(),
    remember: async (key, text) => (await cache)?.put(at(key), new Response(text)),
  };
}

async function device({ adapter, code, known, soft, builtin, unguarded = false, dry = false }) {
  const { info, limits } = adapter;
  const { maxStorageBufferBindingSize, maxBufferSize } = limits;
  const device = await adapter.requestDevice({ requiredLimits: { maxStorageBufferBindingSize, maxBufferSize } });
  const largest = Math.min(maxStorageBufferBindingSize, maxBufferSize, 2 ** 32 - 4);

  let failure = ""; // why the device is of no use any more
  device.lost.then(({ reason, message }) => { failure ||= `WebGPU lost the device: ${message || reason}`; });
  device.onuncapturederror = ({ error }) => { failure ||= `WebGPU: ${error.message}`; };
  scopes.forEach((scope) => device.pushErrorScope(scope));

  const layout = device.createBindGroupLayout({ entries: [
    { binding: 0, visibility: 4, buffer: { type: "uniform", hasDynamicOffset: true, minBindingSize: 64 } },
    ...Array.from({ length: operands }, (_, i) => ({ binding: 1 + i, visibility: 4, buffer: { type: i ? "read-only-storage" : "storage" } })),
    { binding: 7, visibility: 4, buffer: { type: "uniform" } },
  ] });
  const pipelineLayout = device.createPipelineLayout({ bindGroupLayouts: [layout] });
  const pipeline = (module, entryPoint) => ({ layout: pipelineLayout, compute: { module, entryPoint } });

  const parameters = device.createBuffer({ size: slot * slots, usage: usage.uniform });
  const zero = device.createBuffer({ size: 16, usage: usage.uniform });
  const none = device.createBuffer({ size: 16, usage: usage.storage }); // an operand that an operation does not have
  const buffers = new Map([[0, { buffer: none, groups: new Set() }]]); // by number, with the keys of the groups they're in
  const groups = new Map(); // bind groups, by the numbers of their buffers
  const dead = []; // buffers that recorded commands may still use
  const recorded = new Uint32Array(slot / 4 * slots);
  let next = 1, encoder, pass, used = 0, work = 0;
  const counts = { dispatches: 0, submits: 0, written: 0, read: 0 };
  let goMemory, words;
  const attach = (instance) => { goMemory = instance.exports.mem; };
  const go = () => (words?.buffer === goMemory.buffer ? words : (words = new Uint32Array(goMemory.buffer)));

  function flush() {
    if (encoder) {
      endPass();
      if (used) device.queue.writeBuffer(parameters, 0, recorded, 0, slot / 4 * used);
      device.queue.submit([encoder.finish()]);
      counts.submits++;
      encoder = undefined;
      used = work = 0;
    }
    for (const buffer of dead.splice(0)) buffer.destroy();
  }
  function endPass() {
    pass?.end();
    pass = undefined;
  }
  const commands = () => (encoder ??= device.createCommandEncoder());

  function group(numbers) {
    const key = numbers.join();
    let found = groups.get(key);
    if (!found) {
      found = device.createBindGroup({ layout, entries: [
        { binding: 0, resource: { buffer: parameters, size: slot } },
        ...numbers.map((n, i) => ({ binding: 1 + i, resource: { buffer: buffers.get(n).buffer } })),
        { binding: 7, resource: { buffer: zero } },
      ] });
      groups.set(key, found);
      for (const n of numbers) buffers.get(n).groups.add(key);
    }
    return found;
  }

  // call is {operation, work in 2²⁰ multiplications, workgroups [3], operands [4], parameters [16]}.
  function run(call) {
    if (used === slots || work > enough) flush();
    const at = call >>> 2, memory = go();
    recorded.set(memory.subarray(at + 9, at + 25), slot / 4 * used);
    pass ??= commands().beginComputePass();
    pass.setPipeline(pipelines[memory[at]] ??= device.createComputePipeline(pipeline(moduleOf(operations[memory[at]]), operations[memory[at]])));
    pass.setBindGroup(0, group([...memory.subarray(at + 5, at + 9)]), [slot * used]);
    if (!dry) pass.dispatchWorkgroups(memory[at + 2], memory[at + 3], memory[at + 4]);
    work += memory[at + 1] * 2 ** 20;
    used++;
    counts.dispatches++;
  }

  const imports = {
    alive: () => (failure ? 0 : 1),
    largest: () => largest,
    // buffer makes one of n bytes, all zeros, and gives its number, 0 where there is none.
    buffer(n) {
      try {
        const buffer = device.createBuffer({ size: Math.max(16, (n >>> 0) + 3 & ~3), usage: usage.storage });
        buffers.set(next, { buffer, groups: new Set() });
        return next++;
      } catch {
        return 0;
      }
    },
    destroy(number) {
      const { buffer, groups: keys } = buffers.get(number);
      for (const key of keys) groups.delete(key);
      buffers.delete(number);
      dead.push(buffer);
      if (!encoder) flush();
    },
    write(number, at, from, n) {
      flush();
      counts.written += n >>> 0;
      device.queue.writeBuffer(buffers.get(number).buffer, at >>> 0, goMemory.buffer, from >>> 0, n >>> 0);
    },
    copy(to, toAt, from, fromAt, n) {
      endPass();
      commands().copyBufferToBuffer(buffers.get(from).buffer, fromAt >>> 0, buffers.get(to).buffer, toAt >>> 0, n >>> 0);
    },
    run,
  };

  // read gives a promise of bytes of a buffer, once all that was recorded has run.
  async function readBack(number, at, n) {
    const to = device.createBuffer({ size: n, usage: usage.read });
    try {
      endPass();
      commands().copyBufferToBuffer(buffers.get(number).buffer, at, to, 0, n);
      flush();
      counts.read += n;
      // Whatever went wrong since the last time is told here, before what was read is believed.
      const errors = scopes.map(() => device.popErrorScope());
      scopes.forEach((scope) => device.pushErrorScope(scope));
      for (const error of await Promise.all([...errors, to.mapAsync(1)])) if (error) failure ||= `WebGPU: ${error.message}`;
      if (failure) throw new Error(failure);
      return new Uint8Array(to.getMappedRange()).slice();
    } finally {
      to.destroy();
    }
  }

  if (unguarded) code = code.replace(/(fn keep4?\(t: \w+\) -> \w+ \{ return )[^;]*/g, "$1t");
  const byHand = device.createShaderModule({ code });
  let packed = builtin && device.createShaderModule({ code: code.replace("return byHand(a, b);", "return dot4I8Packed(a, b);") });
  const moduleOf = (operation) => (packed && dotted.includes(operation) ? packed : byHand);
  const make = (operation, module = moduleOf(operation)) => device.createComputePipelineAsync(pipeline(module, operation));
  const pipelines = [];
  const all = async (from, to) => {
    await Promise.all(operations.slice(from, to).map(async (operation, i) => { pipelines[from + i] ??= await make(operation); }));
  };

  // faster tells which of the products of a layer is, by turns that take 5 ms or more. Buffers of zeros do.
  async function faster(candidates) {
    const rows = 64, columns = 256, inner = 64;
    const [y, a, b] = [rows * columns, rows * (inner + 1), columns * (inner + 2)].map((n) => imports.buffer(4 * n));
    const turn = async (candidate, times) => {
      const start = performance.now();
      flush(); // what was recorded before
      recorded.set([rows, columns, inner, 0, 0, rows * inner, columns * inner, 0, 0, 0, 1, 0]);
      used = 1;
      pass = commands().beginComputePass();
      pass.setPipeline(candidate);
      pass.setBindGroup(0, group([y, a, b, 0]), [0]);
      for (let i = 0; i < times; i++) pass.dispatchWorkgroups(columns / 32, rows / 32);
      flush();
      await device.queue.onSubmittedWorkDone();
      return performance.now() - start;
    };
    let times = 1;
    while (await turn(candidates[0], times) < 5 && times < 4096) times *= 2;
    const best = candidates.map(() => Infinity);
    for (let round = 0; round < 3; round++) for (const i in candidates) best[i] = Math.min(best[i], await turn(candidates[i], times));
    for (const n of [y, a, b]) imports.destroy(n);
    return best.indexOf(Math.min(...best));
  }

  // choose takes dot4I8Packed or products by hand, and compiles what networks need.
  async function choose() {
    const kept = packed && await known.recall("dot4");
    if (kept === "by hand") packed = undefined;
    await all(0, some);
    if (!packed || kept) return;
    const candidates = [pipelines[operations.indexOf("linearI8")], await make("linearI8", byHand)];
    const won = await faster(candidates);
    await known.remember("dot4", ["packed", "by hand"][won]);
    if (!won) return;
    packed = undefined;
    for (const operation of dotted) delete pipelines[operations.indexOf(operation)];
    await all(0, some);
  }

  // compiled gives a promise of the pipelines. They are compiled from the start on, and what they are for can be loaded meanwhile.
  const networks = choose();
  networks.catch(() => {});
  let autoencoders;
  const compiled = async (more) => {
    if (more) (autoencoders ??= all(some, operations.length)).catch(() => {});
    await networks;
    if (more) await autoencoders;
  };
  const name = [info.vendor, info.architecture || info.device || info.description].filter(Boolean).join(" ") || "unnamed"; // Firefox tells nothing
  return { imports, attach, name, software: soft, read: readBack, compiled, counts, failure: () => failure, lose: () => device.destroy() };
}
