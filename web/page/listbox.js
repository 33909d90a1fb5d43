// The list of a field that completes: the ARIA Authoring Practices' combobox with a listbox, whose element has the id of the
// input and "-list". take(i) is called where an option is clicked, leave() where the field is left: by the focus or by a press
// elsewhere, also of a finger, which need not move the focus.
export function listbox(input, label, { take, leave }) {
  const list = document.getElementById(`${input.id}-list`);
  let active = -1;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", label);
  for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-haspopup", "listbox"], ["aria-controls", list.id], ["aria-expanded", "false"]]) input.setAttribute(name, value);

  function mark(i) {
    list.children[active]?.removeAttribute("aria-selected");
    active = i;
    const option = list.children[i];
    if (!option) return input.removeAttribute("aria-activedescendant");
    option.setAttribute("aria-selected", "true");
    input.setAttribute("aria-activedescendant", option.id);
    const margin = list.firstElementChild.offsetTop;
    list.scrollTop = Math.min(option.offsetTop - margin, Math.max(list.scrollTop, option.offsetTop + option.offsetHeight + margin - list.clientHeight));
  }

  list.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
  list.addEventListener("click", (event) => {
    const option = event.target.closest("li");
    if (option) take([...list.children].indexOf(option));
  });

  input.addEventListener("blur", leave);
  document.addEventListener("pointerdown", ({ target, defaultPrevented }) => {
    if (!list.hidden && !defaultPrevented && target !== input && !list.contains(target)) leave();
  });

  return {
    get hidden() { return list.hidden; },
    get active() { return active; },
    mark,
    // open shows what there is, the children of each option, with option number at marked.
    open(contents, at) {
      list.replaceChildren(...contents.map((children, i) => {
        const option = Object.assign(document.createElement("li"), { id: `${input.id}-${i}` });
        option.setAttribute("role", "option");
        option.append(...children);
        return option;
      }));
      if (list.hidden) {
        list.hidden = false;
        list.scrollIntoView({ block: "nearest" });
      }
      input.setAttribute("aria-expanded", "true");
      mark(at);
    },
    close() {
      list.hidden = true;
      list.replaceChildren();
      active = -1;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    },
  };
}
