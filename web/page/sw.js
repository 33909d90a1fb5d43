// The service worker. It makes the page work without a network, and isolates it from
// other sites where the host does not send the headers for that, without which browsers
// give a page no threads. The build puts version and files, all of the page's but the
// models, before this.
const name = `dit8-page-${version}`;
const known = new Set(files.map((file) => new URL(file, registration.scope).href));
const headers = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp", "Cross-Origin-Resource-Policy": "same-origin" };

self.addEventListener("install", (event) => {
  const fetched = files.map((file) => new Request(file, { cache: "no-cache" }));
  event.waitUntil(caches.open(name).then((cache) => cache.addAll(fetched)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => event.waitUntil(take()));
async function take() {
  for (const other of await caches.keys()) if (other.startsWith("dit8-page-") && other !== name) await caches.delete(other);
  await self.clients.claim();
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
    response = await fetch(request);
    if (response.ok) await cache.put(url, response.clone()).catch(() => {}); // where there is no room
  } catch (error) {
    response = await cache.match(url);
    if (!response) throw error;
  }
  return response.status ? isolated(response) : response; // 0: a redirection, which the browser follows
}

function isolated(response) {
  const all = new Headers(response.headers);
  for (const name in headers) all.set(name, headers[name]);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers: all });
}
