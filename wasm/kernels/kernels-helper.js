// A helper of kernels.js: a thread that runs parts of its operations, for ever.
(function () {
  const port = globalThis.postMessage ? globalThis : globalThis.process.getBuiltinModule("node:worker_threads").parentPort; // no require: Parcel takes the file for a module then
  const start = ({ module, memory, thread, stack }) => {
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    exports.__stack_pointer.value = stack;
    port.postMessage("ready");
    exports.help(thread);
  };
  if (port === globalThis) port.onmessage = ({ data }) => start(data);
  else port.once("message", start);
})();
