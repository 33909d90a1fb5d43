import { Sampler } from "./dit8/sampler.js";
import { chosen } from "./panel.js";

// The page as index.html?bench=NAME shows it: how long a network's passes take here,
// in place of the form. NAME is a preset of core/bench or a JSON object of the
// network's sizes; batch, passes, threads and device may follow: ?bench=s2&passes=20&threads=2. The device is else the one that the panel chose.
export async function measure(asked) {
  const status = element("p", "Starting…");
  status.id = "status";
  status.setAttribute("role", "status");
  const main = document.querySelector("main");
  main.className = "measure";
  main.replaceChildren(status);
  document.querySelector("header p").textContent = "How fast a Diffusion Transformer runs on this machine.";

  try {
    const threads = asked.get("threads");
    const result = await Sampler.bench(options(asked), {
      threads: threads ? Number(threads) : undefined,
      device: asked.get("device") ?? chosen(),
      onProgress: ({ done, total }) => { status.textContent = `Pass ${done} of ${total}`; },
    });
    status.textContent = "Done.";
    main.append(...report(result));
  } catch ({ message }) {
    status.textContent = "";
    const error = element("p", message);
    error.id = "error";
    error.setAttribute("role", "alert");
    main.replaceChildren(status, error);
  }
}

// options reads the address. What is no number is sent as it stands, so that the
// program's own message tells what is wrong.
function options(asked) {
  const name = asked.get("bench") || "d256";
  const options = { config: name.startsWith("{") ? JSON.parse(name) : name };
  for (const field of ["batch", "passes"]) {
    const text = asked.get(field);
    if (text !== null) options[field] = text === "" || Number.isNaN(Number(text)) ? text : Number(text);
  }
  return options;
}

// report makes two tables: the whole pass, and the operations in it.
function report(r) {
  const whole = [
    ["Network", `${r.name}, ${(r.parameters / 1e6).toFixed(1)} M parameters, int8`],
    ["Batch", r.batch],
    ["Device", r.deviceNote ? `${r.device} (${r.deviceNote})` : r.device],
    ["Threads", r.note ? `${r.threads} (${r.note})` : r.threads],
    [`ms per step, best of ${r.passes}`, r.best_ms.toFixed(2)],
    ["ms per step, median", r.median_ms.toFixed(2)],
    ["GMAC/s", r.gmac_per_s.toFixed(2)],
    ["Output", r.output.slice(0, 16)],
  ];
  const operations = r.operations.map((o) => [
    o.name, o.calls || "", o.ms.toFixed(2), `${o.share.toFixed(1)} %`, o.gmac_per_s ? o.gmac_per_s.toFixed(2) : "",
  ]);
  return [table("whole", [], whole), operations.length ? table("operations", ["Operation", "Calls", "ms", "Share", "GMAC/s"], operations)
    : element("p", "Times are of whole steps. A graphics processor runs operations while others are issued, so that none has a time of its own.")];
}

function table(id, head, rows) {
  const table = Object.assign(document.createElement("table"), { id });
  if (head.length) table.createTHead().append(row(head, "col"));
  table.createTBody().append(...rows.map((cells) => row(cells)));
  return table;
}

// row makes the first cell of a row, or with scope "col" all, a heading.
function row(cells, scope) {
  const tr = document.createElement("tr");
  tr.append(...cells.map((text, i) => {
    const cell = element(scope || i === 0 ? "th" : "td", text);
    if (cell.tagName === "TH") cell.scope = scope ?? "row";
    return cell;
  }));
  return tr;
}

const element = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
