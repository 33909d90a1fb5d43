// Starts the service worker (sw.js).
const patience = 2000; // ms; what is not ready by then is for the next visit
const tried = `dit8-isolated ${new URL("./", location.href).pathname}`; // in this folder

// isolate resolves where the page may load its model. A page that is not isolated from
// other sites is loaded anew, once, by the service worker, which isolates it.
export async function isolate() {
  if (crossOriginIsolated || !navigator.serviceWorker || storage("getItem", tried)) return;
  storage("setItem", tried, "1");
  try {
    await within(patience, taken());
  } catch {
    return; // one thread does
  }
  location.reload();
  await new Promise(() => {});
}

// keep makes the page work offline from now on.
export function keep() {
  storage("removeItem", tried);
  navigator.serviceWorker?.register("sw.js").then(({ installing, waiting, active }) => (installing ?? waiting ?? active)?.postMessage("keep"))
    .catch(() => {}); // the page works without
}

async function taken() {
  const { installing } = await navigator.serviceWorker.register("sw.js");
  const failed = new Promise((_, reject) => installing?.addEventListener("statechange", () => { if (installing.state === "redundant") reject(); }));
  await Promise.race([navigator.serviceWorker.ready, failed]);
}

const within = (ms, promise) => Promise.race([promise, new Promise((_, reject) => setTimeout(reject, ms))]);

// Storage throws where cookies are blocked.
function storage(method, ...args) {
  try {
    return sessionStorage[method](...args);
  } catch {
    return "1";
  }
}
