// What takes long is told to who looks elsewhere: the tab's title says how far it is, and how it ended, and the screen stays on.
const own = document.title, long = 1500; // ms from which on it is told
let since, said, lock; // when it began; the last part; a promise of a WakeLockSentinel

const show = (text) => { document.title = text ? `${text} · ${own}` : own; };

// awake keeps the screen on. A browser lets go of it where the tab is hidden.
function awake() {
  if (!said || document.hidden) return;
  lock ??= navigator.wakeLock?.request("screen").then((held) => Object.assign(held, { onrelease() { lock = undefined; } }), () => { lock = undefined; });
}
document.addEventListener("visibilitychange", () => {
  awake();
  if (!document.hidden && !since) show();
});

export const busy = {
  begin() { since ??= performance.now(); },

  // told says how far it is, from 0 to 1.
  told(part) {
    const text = `${Math.floor(100 * part)} %`;
    if (!since || said === text || !said && performance.now() - since < long) return;
    show(said = text);
    awake();
  },

  // end says how it ended, where that is to stay in the title until somebody looks.
  end(how) {
    show(document.hidden && said && how);
    lock?.then((held) => held?.release());
    since = said = undefined;
  },
};
