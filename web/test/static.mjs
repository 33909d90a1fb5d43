// A plain static host, as people have them, whose answers for some files a test may
// replace.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";

const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm", ".svg": "image/svg+xml", ".json": "application/json" };

// host serves dir. answers[path], where there is one, is called with (request, response,
// body) in place of the plain answer, body being the file's bytes; it may be changed at
// any time. requests lists what was asked for, as {path, range}. With etags a file that the
// client says it has is a 304.
export async function host(dir, { headers = {}, etags = false } = {}) {
  const answers = {}, requests = [];
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://host").pathname);
    requests.push({ path, range: request.headers.range });
    const file = join(dir, path.endsWith("/") ? `${path}index.html` : path);
    const body = await readFile(file).catch(() => undefined);
    for (const [name, value] of Object.entries({ "Content-Type": types[extname(file)] ?? "application/octet-stream", ...headers })) response.setHeader(name, value);
    if (answers[path]) {
      try {
        answers[path](request, response, body);
      } catch (error) { // an assertion that fails: the test shall hear of it, not wait
        if (response.headersSent) response.destroy();
        else response.writeHead(400).end();
        throw error;
      }
    } else if (body) {
      if (etags) response.setHeader("ETag", `"${createHash("sha256").update(body).digest("hex")}"`);
      if (etags && request.headers["if-none-match"] === response.getHeader("ETag")) response.writeHead(304).end();
      else response.end(body);
    } else response.writeHead(404).end("not found");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  return { url: `http://127.0.0.1:${port}/`, port, answers, requests, stop: () => { server.closeAllConnections(); server.close(); } };
}
