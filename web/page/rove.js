// A row of buttons that is one stop of the tab key, along which arrow keys, Home and End go.
export function rove(box) {
  const first = () => [...box.children].some((button) => button.tabIndex === 0);
  box.addEventListener("keydown", (event) => {
    const all = [...box.children], at = all.indexOf(document.activeElement);
    const row = all.filter((button) => button.offsetTop === all[0].offsetTop).length;
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + row, ArrowUp: at - row, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || to === undefined || (row === all.length && /Up|Down/.test(event.key))) return;
    event.preventDefault();
    all[Math.max(0, Math.min(to, all.length - 1))].focus();
  });
  const stop = (button) => { for (const other of box.children) other.tabIndex = other === button ? 0 : -1; };
  box.addEventListener("focusin", ({ target }) => stop(target));
  return { stop, first };
}
