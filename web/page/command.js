// A request as words, and as a command line that makes the same pixels.
import { labelOf } from "./picker.js";

const names = ({ class: name, classes, prompt, style }) => (classes ? classes.map((share) => share.class) : [name ?? ([prompt, style].filter(Boolean).join(", ") || "anything")]);

// said is what a request's picture is of.
export const said = (request) => names(request).map(labelOf).join(" + ");

// summary is a request in a few words.
export function summary(request) {
  const { seed, seed_to, count, first, edit } = request;
  return `${count > 1 ? `${count} × ` : ""}${said(request)}, seed ${seed}${first ? `, number ${first + 1}` : ""}${seed_to === undefined ? "" : ` to ${seed_to}`}${edit ? `, ${{ image: "varied", inpaint: "inpainted", colorize: "recoloured" }[edit.task] ?? edit.task}` : ""}`;
}

// fileName is a name for a request's PNG.
export const fileName = (request) => `${names(request).join("-").slice(0, 80)}-${request.seed}${request.first ? `-${request.first + 1}` : ""}.png`.replaceAll(/[/\\:*?"<>|\0-\x1f]/g, "_");

const quote = (text) => (/^[\w.,=@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

const share = ({ class: name, weight, from = 0, to = 0 }) => `${name}${weight === 1 ? "" : `=${weight}`}${from || to ? `@${from}-${to}` : ""}`;

// Flags of fields that are lists.
const lists = {
  classes: (shares) => (shares.some((s) => /[=@,]/.test(s.class)) ? undefined : ["mix", shares.map(share).join(",")]),
  guidance_interval: ([low, high]) => ["guidance-interval", `${low}-${high}`],
};

// command is a command line for tools/sample. A request that flags can't say comes from the
// saved PNG. files name the model's, where it is not the command line's own.
export function command(request, { files = {} } = {}) {
  const name = fileName(request);
  let flags = Object.entries(request).map(([field, value]) => (value === true ? [field.replaceAll("_", "-")] : typeof value === "object" ? lists[field]?.(value) : [field.replaceAll("_", "-"), value]));
  flags = flags.includes(undefined) ? [["request", name], ["o", `again-${name}`]] : [...flags, ["o", name]];
  flags.unshift(...Object.entries(files).filter(([, file]) => file));
  return ["go run ./tools/sample", ...flags.map(([flag, value]) => `-${flag}${value === undefined ? "" : ` ${quote(String(value))}`}`)].join(" ");
}
