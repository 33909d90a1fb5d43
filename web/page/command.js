// A request as words, and as a command line that makes the same pixels.
import { labelOf } from "./picker.js";

const names = ({ class: name, classes }) => (classes ? classes.map((share) => share.class) : [name]);

// summary is a request in a few words.
export function summary(request) {
  const { seed, seed_to, count, edit } = request;
  const what = names(request).map(labelOf).join(" + ");
  return `${count > 1 ? `${count} × ` : ""}${what}, seed ${seed}${seed_to === undefined ? "" : ` to ${seed_to}`}${edit ? `, ${edit.task === "inpaint" ? "painted anew" : "varied"}` : ""}`;
}

// fileName is a name for a request's PNG.
export const fileName = (request) => `${names(request).join("-").slice(0, 80)}-${request.seed}.png`.replaceAll(/[/\\:*?"<>|\0-\x1f]/g, "_");

const quote = (text) => (/^[\w.,=@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

// flags are the flags of fields that have no name of their own.
const flags = { guidance_interval: ([low, high]) => `${low}-${high}` };

// command is a command line for tools/sample. What flags can't say comes from the saved PNG.
export function command(request, { model } = {}) {
  const parts = ["go run ./tools/sample"];
  const flag = (name, value) => parts.push(`-${name} ${quote(String(value))}`);
  if (model) flag("model", model);
  const { class: name, classes, edit, ...rest } = request;
  if (edit || classes?.some((share) => /[=@,]/.test(share.class))) {
    flag("request", fileName(request));
  } else {
    if (classes) flag("mix", classes.map(share).join(","));
    else flag("class", name);
    for (const [key, value] of Object.entries(rest)) flag(key.replaceAll("_", "-"), flags[key]?.(value) ?? value);
  }
  flag("o", edit ? "same.png" : fileName(request));
  return parts.join(" ");
}

const share = ({ class: name, weight, from = 0, to = 0 }) => `${name}${weight === 1 ? "" : `=${weight}`}${from || to ? `@${from}-${to}` : ""}`;
