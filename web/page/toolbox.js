// The tools for a closer look at a result, one at a time in a panel of their own. They are
// loaded when they are first used.
import { said } from "./command.js";
import { explain, tell } from "./errors.js";

const $ = (id) => document.getElementById(id);
const titles = { edit: "Edit", inspect: "What AdaLN does", morph: "Morph" };

let style;
const styled = () => (style ??= new Promise((resolve) => {
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: "tools.css", onload: resolve, onerror: resolve });
  document.head.append(link);
}));

export function toolbox({ onRun, onMessage }) {
  const made = {};
  let open; // {name, button, entry}
  const makers = {
    edit: async (element) => (await import("./edit.js")).editor(element, { onEdit: onRun, onMessage: say }),
    inspect: async (element) => (await import("./inspector.js")).inspector(element),
    morph: async (element) => (await import("./morph.js")).morph(element, { onMessage: say, onError: wrong }),
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

    // show opens a tool at image i of an entry; morph goes from there to the
    // same place in a second one, whose noise can be blended with it.
    async show(name, button, { sampler, entry, i, to }) {
      close();
      open = { name, button, entry };
      $("tool-title").textContent = `${titles[name]}: ${said(entry.request)}`;
      $("tool-note").textContent = "";
      for (const other of Object.keys(titles)) $(`${other}-tool`).hidden = other !== name;
      $("tool").hidden = false;
      button.setAttribute("aria-expanded", "true");
      $("tool-title").focus({ preventScroll: true });
      const image = (e, k) => ({ request: e.request, image: e.result.images[k], index: (e.request.first ?? 0) + k });
      try {
        const tool = await make(name);
        if (open?.entry !== entry || open.name !== name) return;
        if (name === "edit") tool.open(entry.result.images[i], entry.request, sampler.info);
        else if (name === "inspect") tool.show(sampler, entry.request);
        else tool.open(sampler, image(entry, i), image(to, Math.min(i, to.result.images.length - 1)));
        $("tool").scrollIntoView({ block: "start" });
      } catch (error) {
        delete made[name];
        wrong(error);
      }
    },
  };
}
