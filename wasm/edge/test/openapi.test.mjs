// The OpenAPI document against what the worker takes and answers.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import Ajv from "ajv/dist/2020.js";
import { golden, start, upload } from "./helpers.mjs";

let worker, document, ajv;
before(async () => {
  worker = await start(upload(), "", { bindings: { DIT8_TOKENS: "secret", DIT8_MAX_BODY: "100000", DIT8_MAX_WAITING: "0" } });
  document = await (await fetch(worker.url + "openapi.json")).json();
  ajv = new Ajv({ strict: false, allErrors: true });
  ajv.addSchema(document, "doc");
});
after(() => worker?.stop());

const validate = (ref, value) => {
  const check = ajv.getSchema(`doc${ref}`) ?? assert.fail(ref);
  assert.ok(check(value), `${ref}: ${ajv.errorsText(check.errors)}: ${JSON.stringify(value).slice(0, 300)}`);
};

test("it is an OpenAPI document", async () => {
  const result = await new Validator().validate(document);
  assert.ok(result.valid, JSON.stringify(result.errors));
});

// exchange sends a request and checks the answer against the document.
const covered = new Set();
async function exchange(status, method, template, { path = template.slice(1), body, headers } = {}) {
  const response = await fetch(worker.url + path, {
    method, redirect: "manual", body: body && (typeof body === "string" || body instanceof FormData ? body : JSON.stringify(body)),
    headers: { Authorization: "Bearer secret", ...(body && !(body instanceof FormData) && { "Content-Type": "application/json" }), ...headers },
  });
  const name = `${method} ${path}`;
  assert.equal(response.status, status, `${name}: ${await response.clone().text().then((text) => text.slice(0, 300))}`);
  const operation = document.paths[template][method.toLowerCase()];
  const documented = operation.responses[status] ?? assert.fail(`${name}: ${status} is not documented`);
  covered.add(`${method.toLowerCase()} ${template} ${status}`);
  const { content = {}, headers: promised = {} } = documented.$ref ? document.components.responses[documented.$ref.split("/").pop()] : documented;
  for (const header in promised) assert.ok(response.headers.get(header), `${name}: no ${header}`);
  const text = await response.text();
  if (status === 302) return assert.match(response.headers.get("location"), /[?&]seed=\d+/);
  if (method === "HEAD" || status === 304) return assert.equal(text, "");
  const type = response.headers.get("content-type");
  assert.ok(type in content, `${name}: ${type} is not documented`);
  const schema = content[type].schema;
  if (type === "application/json" && schema.$ref) validate(schema.$ref, JSON.parse(text));
  if (type !== "text/event-stream") return;
  for (const [, data] of text.matchAll(/^data: (.*)$/gm)) {
    const value = JSON.parse(data);
    validate(value.type === "image_generation.completed" ? "#/components/schemas/CompletedImage" : "#/components/schemas/PartialImage", value);
  }
}

test("answers are as documented", async () => {
  for (const { body } of golden) {
    validate("#/components/schemas/ImagesRequest", body);
    await exchange(200, "POST", "/v1/images/generations", { body });
  }
  await exchange(200, "POST", "/v1/images/generations", { body: { prompt: "fox", stream: true, partial_images: 2, n: 2, steps: 4 } });
  await exchange(400, "POST", "/v1/images/generations", { body: { prompt: "fxo" } });
  await exchange(401, "POST", "/v1/images/generations", { body: {}, headers: { Authorization: "" } });
  await exchange(404, "POST", "/v1/images/generations", { body: { prompt: "fox", model: "x" } });
  await exchange(413, "POST", "/v1/images/generations", { body: { prompt: "x".repeat(100001) } });
  await exchange(415, "POST", "/v1/images/generations", { body: "{}", headers: { "Content-Type": "text/plain" } });
  const { b64_json: made } = (await (await fetch(worker.url + "v1/images/generations", {
    method: "POST", body: JSON.stringify({ prompt: "fox", steps: 2 }), headers: { Authorization: "Bearer secret", "Content-Type": "application/json" },
  })).json()).data[0];
  const form = (fields = {}) => {
    const data = new FormData();
    data.append("image", new Blob([Buffer.from(made, "base64")], { type: "image/png" }), "fox.png");
    for (const name in fields) data.append(name, fields[name]);
    return data;
  };
  const ofPictures = ["/v1/images/edits", "/v1/images/variations"];
  for (const path of ofPictures) {
    await exchange(200, "POST", path, { body: form({ prompt: "fox", steps: "2" }) });
    await exchange(400, "POST", path, { body: form({ prompt: "fxo" }) });
    await exchange(401, "POST", path, { body: form(), headers: { Authorization: "" } });
    await exchange(404, "POST", path, { body: form({ prompt: "fox", model: "x" }) });
    await exchange(413, "POST", path, { body: form({ prompt: "x".repeat(100001) }) });
    await exchange(415, "POST", path, { body: "{}", headers: { "Content-Type": "text/plain" } });
  }
  const image = "/v1/images";
  for (const method of ["GET", "HEAD"]) {
    await exchange(200, method, image, { path: "v1/images?class=fox&steps=2" });
    await exchange(302, method, image, { path: "v1/images?class=fox&seed=-1" });
    await exchange(304, method, image, { path: "v1/images?class=fox", headers: { "If-None-Match": "*" } });
    await exchange(400, method, image);
    await exchange(401, method, image, { headers: { Authorization: "" } });
    await exchange(404, method, image, { path: "v1/images?class=fox&model=x" });
    await exchange(200, method, "/v1/models");
    await exchange(304, method, "/v1/models", { headers: { "If-None-Match": "*" } });
    await exchange(304, method, "/v1/models/{id}", { path: "v1/models/emoji", headers: { "If-None-Match": "*" } });
    await exchange(401, method, "/v1/models", { headers: { Authorization: "" } });
    await exchange(200, method, "/v1/models/{id}", { path: "v1/models/emoji" });
    await exchange(401, method, "/v1/models/{id}", { path: "v1/models/x", headers: { Authorization: "" } });
    await exchange(404, method, "/v1/models/{id}", { path: "v1/models/x" });
    await exchange(200, method, "/healthz");
    await exchange(200, method, "/openapi.json");
  }
  const busy = exchange(200, "POST", "/v1/images/generations", { body: { prompt: "fox", steps: 60 } });
  await new Promise((resolve) => setTimeout(resolve, 200));
  await exchange(429, "POST", "/v1/images/generations", { body: { prompt: "fox" } });
  await exchange(429, "GET", image, { path: "v1/images?class=fox" });
  for (const path of ofPictures) await exchange(429, "POST", path, { body: form({ prompt: "fox" }) });
  await busy;
  // All that is documented was seen, but for failures and what HEAD has no work for.
  const all = Object.entries(document.paths).flatMap(([path, operations]) => Object.entries(operations).flatMap(([method, { responses }]) => Object.keys(responses).map((status) => `${method} ${path} ${status}`)));
  assert.deepEqual(all.filter((name) => !covered.has(name) && !/ (422|500)$/.test(name) && !name.startsWith("head /v1/images 429")), []);
});

test("what the document refuses, the worker refuses", async () => {
  const check = ajv.getSchema("doc#/components/schemas/ImagesRequest");
  for (const body of [
    {}, { prompt: "fox", class: "fox" }, { prompt: "fox", n: 0 }, { prompt: "fox", n: 9 }, { prompt: "fox", n: 1.5 }, { prompt: "fox", steps: 101 }, { prompt: "fox", seed: -2 },
    { prompt: "fox", seed: 2 ** 53 }, { prompt: "fox", guidance: 101 }, { prompt: "fox", solver: "rk4" }, { prompt: "fox", size: "32" }, { prompt: "fox", colour: 1 },
    { prompt: "fox", guidance_interval: [0.1] }, { prompt: "fox", edit: { task: "image", image: "", width: 32, x: 1 } }, { prompt: "fox", response_format: "uri" },
    { prompt: "fox", stream: "yes" }, { prompt: "fox", partial_images: 17 }, { classes: [] }, { classes: [{ class: "fox", weight: 2000 }] }, { prompt: "fox", shift: 0.001 },
  ]) {
    assert.ok(!check(body), `the document accepts ${JSON.stringify(body)}`);
    await exchange(400, "POST", "/v1/images/generations", { body });
  }
});
