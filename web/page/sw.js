// The service worker. It makes the page work without a network, and isolates it from
// other sites where the host does not send the headers for that, without which browsers
// give a page no threads. The build puts version and files, all of the page's but the
// models, before this.
// Pages in other folders of the origin have caches of their own, with the folder in their names.
const folder = new URL(registration.scope).pathname;
const mine = folder === "/" ? "dit8-page-" : `dit8-page-${folder}-`, name = mine + version;
const isMine = (other) => other.startsWith(mine) && !other.slice(mine.length).includes("/");
const later = ["convert.js", "dit8/convert.js", "dit8/convert-worker.js", "dit8/convert-files.js", "dit8/convert.wasm", "dit8/webgpu.js", "dit8/webgpu.wgsl"]; // kept once they were used
const known = new Set([...files, ...later].map((file) => new URL(file, registration.scope).href));
const headers = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp", "Cross-Origin-Resource-Policy": "same-origin" };

// The first one starts at once, to isolate the page before its model is loaded; what the page
// has not asked for by then is stored when it says so. A newer one has all files first.
self.addEventListener("install", (event) => {
  event.waitUntil((self.registration.active ? store() : Promise.resolve()).then(() => self.skipWaiting()));
});

self.addEventListener("message", (event) => event.waitUntil(store().catch(() => {}))); // next time, perhaps

// store fetches the files that are not kept yet.
async function store() {
  const cache = await caches.open(name);
  await Promise.all(files.map(async (file) => {
    const request = new Request(file, { cache: "no-cache" });
    if (await cache.match(request.url)) return;
    const response = await load(request, request.url);
    if (!response.ok) throw new TypeError(`${request.url}: the server answered ${response.status}`);
    await cache.put(request.url, response);
  }));
}

// load takes index.html for the folder, which some hosts (S3, GCS, R2) have no document for.
async function load(request, url) {
  const response = await fetch(request);
  if (url !== registration.scope || !(response.status >= 400)) return response;
  const page = await fetch(new URL("index.html", registration.scope));
  return page.ok ? page : response;
}

// It claims no page that is open: one whose threads sleep keeps Firefox from ever loading it again.
self.addEventListener("activate", (event) => event.waitUntil(tidy()));
async function tidy() {
  for (const other of await caches.keys()) if (isMine(other) && other !== name) await caches.delete(other);
}

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  url.search = url.hash = "";
  if (event.request.method === "GET" && known.has(url.href)) event.respondWith(answer(event.request, url.href));
});

// The network comes first: it has the newest files, all of one version.
async function answer(request, url) {
  const cache = await caches.open(name);
  let response;
  try {
    response = await load(request, url);
    if (response.ok) await cache.put(url, response.clone()).catch(() => {}); // where there is no room
  } catch (error) {
    response = await cache.match(url) ?? (url === registration.scope ? await cache.match(new URL("index.html", url)) : undefined);
    if (!response) throw error;
  }
  // 0 is a redirection, which the browser follows; WebKit passes a 304 on, which no Response can be made of: what is kept is meant.
  if (response.status === 304) response = await cache.match(url) ?? response;
  return [0, 304].includes(response.status) ? response : isolated(response);
}

function isolated(response) {
  const all = new Headers(response.headers);
  for (const name in headers) all.set(name, headers[name]);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers: all });
}
