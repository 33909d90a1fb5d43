// Starts the worker that the sampler takes (dit8/host.js) while the page's modules are on their way. Not a module, so that it need not
// wait for them. A page that is not isolated from other sites may be loaded anew (offline.js), which would begin everything twice.
if (crossOriginIsolated) {
  const worker = new Worker("dit8/worker.js", { type: "module" });
  worker.onerror = () => { delete globalThis.dit8Worker; }; // the sampler tries again, and tells
  globalThis.dit8Worker = worker;
}
