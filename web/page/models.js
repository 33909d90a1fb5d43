// The models that can be chosen: the host's (models.json), those that are kept on this device, and one that the address names.
import { Sampler } from "./dit8/sampler.js";

const list = "models.json";
const speeds = "dit8-speeds", loading = "dit8-loading"; // in localStorage
const large = 100e6; // bytes of a model that may be too much for a device

const mega = (bytes) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
const keyOf = ({ sha256, url, kept }) => sha256 ?? url ?? kept;
const element = (name, properties, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

// Storage throws where cookies are blocked.
const stored = (key) => { try { return JSON.parse(localStorage.getItem(key) ?? "null"); } catch { return null; } };
const store = (key, value) => { try { if (value === undefined) localStorage.removeItem(key); else localStorage.setItem(key, JSON.stringify(value)); } catch {} };

// named gives the model that ?model= names: an entry of the lists, or one of an address; undefined where it names none.
export async function named(name) {
  if (!name) return undefined;
  const listed = (await Sampler.models({ list })).find((model) => model.name === name || model.kept === name);
  if (listed) return listed;
  if (!/[/.]/.test(name)) throw new Error(`There is no model named ${name} here.`);
  const url = new URL(name, location.href);
  return { name: decodeURIComponent(url.pathname.split("/").at(-1)).replace(/\.dit8$/i, "") || url.host, url: url.href };
}

// guard remembers that a model is in use, so that the next visit knows of a page that ended with it; over forgets it.
const tab = `dit8-tab-${Math.random()}`;
navigator.locks?.request(tab, () => new Promise(() => {}));
export const guard = (model) => store(loading, { tab, name: model.name, bytes: model.bytes });
export const over = () => store(loading);
addEventListener("pagehide", over);

// ended tells of a large model that a page ended with, which had not been closed: {name, bytes}.
export async function ended() {
  const last = stored(loading);
  if (!last || !navigator.locks) return undefined;
  const { held } = await navigator.locks.query();
  if (held.some(({ name }) => name === last.tab)) return undefined;
  over();
  return last.bytes >= large ? last : undefined;
}

// models shows the list, above what the page says of how it runs. onUse(model) is called for one that is to be loaded.
export function models({ onUse, onMessage }) {
  const rows = element("ul", { id: "model-list" });
  const details = element("details", { id: "models" }, element("summary", { textContent: "Models" }), rows);
  details.ontoggle = () => { if (details.open) show(); };
  let now; // in use

  async function show() {
    let all, note = "";
    try {
      all = await Sampler.models({ list });
    } catch ({ message }) {
      note = message;
      all = await Sampler.models();
    }
    const fast = stored(speeds) ?? {};
    if (now?.url && !all.some((model) => keyOf(model) === keyOf(now))) all.push(now);
    rows.replaceChildren(...all.map((model) => row(model, fast[keyOf(model)])), ...(note ? [element("li", { textContent: note })] : []));
  }

  function row(model, ms) {
    const inUse = now && keyOf(now) === keyOf(model), { url, bytes, kept, name, draws } = model;
    const host = url && new URL(url).origin !== location.origin && new URL(url).host;
    const facts = [bytes && mega(bytes), kept && "kept here", host && `from ${host}`, ms && `${ms.toFixed(ms < 10 ? 1 : 0)} ms a step here`].filter(Boolean).join(" · ");
    const use = element("a", { href: `?model=${encodeURIComponent(nameOf(model))}`, textContent: inUse ? "In use" : "Use", className: "use" });
    use.setAttribute("aria-label", `${inUse ? "In use:" : "Use"} ${name}`);
    if (inUse) use.setAttribute("aria-current", "true");
    use.onclick = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // another tab
      event.preventDefault();
      if (!inUse) onUse(model);
    };
    const line = element("li", {}, element("p", {}, element("strong", { textContent: name }), draws ? ` ${draws}` : "", element("small", { textContent: facts })), use);
    if (!kept) return line;
    const drop = element("button", { type: "button", className: "quiet", textContent: "Delete" });
    drop.setAttribute("aria-label", `Delete ${name} from this device`);
    drop.onclick = async () => {
      try {
        await Sampler.remove(model);
        onMessage(`${name} is deleted here.`);
      } catch ({ message }) {
        onMessage(message);
      }
      await show();
      rows.querySelector("a")?.focus();
    };
    line.append(drop);
    return line;
  }

  const nameOf = ({ name, url, kept }) => (url && url === now?.url && !now.listed ? url : name ?? kept);
  document.getElementById("panel").before(details);

  return {
    // use says which model is in use, where it is one of these, and puts it into the address.
    use(model, isDefault) {
      now = model;
      const search = new URLSearchParams(location.search);
      if (!model || isDefault) search.delete("model");
      else if (search.get("model") !== model.url) search.set("model", model.name);
      const text = search.toString();
      try { history.replaceState(null, "", `${location.pathname}${text ? `?${text}` : ""}${location.hash}`); } catch {}
      if (details.open) show();
    },
    // measured keeps how fast the model in use is here.
    measured({ ms_per_step: ms }) {
      if (!now) return;
      store(speeds, { ...stored(speeds), [keyOf(now)]: ms });
      if (details.open) show();
    },
    refresh: show,
  };
}
