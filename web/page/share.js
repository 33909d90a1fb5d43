// A request as the fragment of an address, and back: readable parameters, or JSON where some
// are lists or objects.
const maxLink = 60_000; // characters: what browsers and messengers still take

// toHash gives the fragment without #, or undefined where it would be too long. model is what
// made it: what it does by itself is left out. One that came from a file is named by its id.
export function toHash(request, model) {
  const defaults = { seed: 0, count: 1, first: 0, steps: model.steps, guidance: model.guidance, shift: model.shift };
  const fields = Object.entries(request).filter(([name, value]) => value !== defaults[name]);
  const params = new URLSearchParams(fields.some(([, value]) => typeof value === "object") ? { request: JSON.stringify(Object.fromEntries(fields)) } : fields);
  if (model.file) params.set("model", model.id);
  const hash = params.toString();
  return hash.length <= maxLink ? hash : undefined;
}

const texts = ["class", "prompt", "style", "negative", "solver", "schedule"];
const booleans = { true: true, false: false };

// fromHash is {request, model} of a fragment. The generator judges the request, but for
// what is none at all.
export function fromHash(hash) {
  const { model, request, ...fields } = Object.fromEntries(new URLSearchParams(hash.replace(/^#/, "")));
  if (request === undefined) {
    return { model, request: Object.fromEntries(Object.entries(fields).map(([name, value]) =>
      [name, !texts.includes(name) && Object.hasOwn(booleans, value) ? booleans[value] : texts.includes(name) || value.trim() === "" || Number.isNaN(Number(value)) ? value : Number(value)])) };
  }
  let parsed;
  try { parsed = JSON.parse(request); } catch {}
  if (!isRequest(parsed)) throw Object.assign(new Error(`request in the link is ${request.slice(0, 60)}, allowed: a JSON object`), { field: "request" });
  return { model, request: parsed };
}

export const isRequest = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
