// The package's own files, which a bundler may have put elsewhere.

// address is a file's. A bundler (Turbopack) may give a path, which is no address in a worker that a blob: holds.
export const address = (url) => `${`${url}`.startsWith("/") ? new URL(url, self.origin) : url}`;

// get fetches one.
export async function get(url) {
  const response = await fetch(address(url));
  if (!response.ok) throw new Error(`${url}: the server answered ${response.status}`);
  return response;
}

// compile compiles one, also from a host that does not know what it is.
export async function compile(url) {
  const response = await get(url);
  const known = response.headers.get("Content-Type")?.startsWith("application/wasm");
  return known ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer());
}

// spawn calls start to start a worker, which a module at here has beside it. One of another origin, as a CDN's, cannot be started:
// a worker of this page's origin imports it.
export function spawn(here, name, start) {
  const { protocol, origin, href } = new URL(here);
  if (!/^https?:$/.test(protocol) || origin === globalThis.location?.origin) return start();
  const text = `import ${JSON.stringify(href.replace(/[^/]*$/, name))};`;
  return new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })), { type: "module" });
}
