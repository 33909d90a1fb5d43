// The tools for a closer look at a result, one at a time in a panel of their own. They are
// loaded when they are first used.
import { said } from "./command.js";
import { explain, tell } from "./errors.js";

const $ = (id) => document.getElementById(id);
const titles = { edit: "Edit", inspect: "What AdaLN does", morph: "Morph", compare: "Compare", photo: "Your picture", how: "How it works" };

let style;
// styled loads what tools look like.
export const styled = () => (style ??= new Promise((resolve) => {
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: "tools.css", onload: resolve, onerror: resolve });
  document.head.append(link);
}));

export function toolbox({ onRun, onPhoto, onMessage }) {
  const made = {};
  let open; // {name, button}
  const makers = {
    edit: async (element) => (await import("./edit.js")).editor(element, { onEdit: onRun, onMessage: say }),
    inspect: async (element) => (await import("./inspector.js")).inspector(element),
    morph: async (element) => (await import("./morph.js")).morph(element, { onMessage: say, onError: wrong }),
    compare: async (element) => (await import("./compare.js")).comparer(element),
    photo: async (element) => (await import("./photo.js")).photos(element, { onEdit: onPhoto }),
    how: async (element) => (await import("./how.js")).how(element),
  };
  const image = (e, k) => ({ request: e.request, image: e.result.images[k], index: (e.request.first ?? 0) + k });
  const openers = {
    edit: (tool, { sampler, entry, i }) => tool.open(entry.result.images[i], entry.request, sampler.info),
    inspect: (tool, { sampler, entry }) => tool.show(sampler, entry.request),
    morph: (tool, { sampler, entry, i, to }) => { tool.open(sampler, image(entry, i), image(to, Math.min(i, to.result.images.length - 1))); },
    compare: (tool, { entry, to }) => tool.open(entry, to),
    photo: (tool, { sampler, bitmap, name }) => tool.open(bitmap, name, sampler.info),
    how: (tool, { sampler, entry }) => { tool.open(sampler, entry?.request ?? {}).catch(wrong); },
  };
  const say = (text) => { $("tool-note").textContent = text; onMessage(text); };

  // wrong shows an error at the tool, and at the field of it that it is about.
  function wrong(error) {
    tell($("tool-note"), error);
    onMessage(explain(error) ?? error.message);
    $("tool-note").scrollIntoView({ block: "nearest" });
    if (open) make(open.name).then((tool) => tool.wrong?.(error.field), () => {});
  }
  const make = async (name) => (await (made[name] ??= styled().then(() => makers[name]($(`${name}-tool`)))));

  function close() {
    if (!open) return;
    const { name, button } = open;
    open = undefined;
    $("tool").hidden = true;
    button.setAttribute("aria-expanded", "false");
    make(name).then((tool) => (name === "inspect" ? tool.clear() : tool.close()), () => {});
  }
  const dismiss = () => {
    const button = open?.button;
    close();
    button?.focus();
  };
  $("close").onclick = dismiss;
  $("tool").addEventListener("keydown", (event) => { if (event.key === "Escape" && !event.defaultPrevented) dismiss(); });

  return {
    close, wrong,

    // at marks the time that the replay is at.
    at(t) { if (open?.name === "inspect") make("inspect").then((tool) => tool.at(t), () => {}); },

    // show opens a tool with what it takes: mostly image i of an entry, and a second entry where it is about two.
    async show(name, button, given) {
      close();
      const mine = open = { name, button };
      $("tool-title").textContent = [titles[name], given.name ?? (name !== "how" && said(given.entry.request))].filter(Boolean).join(": ");
      $("tool-note").textContent = "";
      for (const other of Object.keys(titles)) $(`${other}-tool`).hidden = other !== name;
      $("tool").hidden = false;
      button.setAttribute("aria-expanded", "true");
      $("tool-title").focus({ preventScroll: true });
      try {
        const tool = await make(name);
        if (open !== mine) return;
        openers[name](tool, given);
        if (name !== "photo") $("tool").scrollIntoView({ block: "start" }); // what becomes of a photo is above
      } catch (error) {
        delete made[name];
        wrong(error);
      }
    },
  };
}
