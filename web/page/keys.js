// Shortcuts of one key, which can be turned off, and the dialogue that lists them.
const $ = (id) => document.getElementById(id);
const stored = "dit8-keys"; // "off" where people turned them off

const store = (method, ...args) => { try { return localStorage[method](...args); } catch { return null; } };
const typing = (element) => element.matches?.("input:not([type=range], [type=checkbox], [type=radio]), select, textarea, [role=application]");

// keys takes {key: [what it does, do]}; those without a function are told of only.
export function keys(all) {
  const dialog = $("keys");
  dialog.innerHTML = `<div class="line"><h2 id="keys-title">Keyboard shortcuts</h2><button type="button" class="quiet">Close</button></div>
    <dl></dl><label class="check"><input type="checkbox"> Use shortcuts of one key</label>`;
  dialog.querySelector("dl").append(...Object.entries(all).map(([key, [what]]) => {
    const row = document.createElement("div");
    row.append(Object.assign(document.createElement("dt"), { textContent: what }), document.createElement("dd"));
    row.lastChild.append(Object.assign(document.createElement("kbd"), { textContent: key }));
    return row;
  }));
  const on = dialog.querySelector("input");
  on.checked = store("getItem", stored) !== "off";
  on.onchange = () => (on.checked ? store("removeItem", stored) : store("setItem", stored, "off"));
  dialog.querySelector("button").onclick = () => dialog.close();
  dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };
  $("help").onclick = () => dialog.showModal();

  addEventListener("keydown", (event) => {
    if (!on.checked || document.querySelector("dialog[open]") || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) return;
    if (event.key === "?") $("help").click();
    else if (all[event.key]?.[1] && !event.repeat) all[event.key][1]();
    else return;
    event.preventDefault();
  });
}

// click presses a button, if it can be.
export const click = (id) => () => { if (!$(id).disabled && $(id).offsetParent) $(id).click(); };
