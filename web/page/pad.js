// A pad between the shares of a mix: each has a corner, and the nearer a point is to it the more of it there is.
const corners = { 3: [[0.5, 0.06], [0.06, 0.94], [0.94, 0.94]], 4: [[0.06, 0.06], [0.94, 0.06], [0.06, 0.94], [0.94, 0.94]] };
const order = { 3: ["at the top", "at the left", "at the right"], 4: ["top left", "top right", "bottom left", "bottom right"] };

// weigh gives the shares at a point of the pad, which sum to 1: of a triangle's corners, or of a square's.
export function weigh(n, [x, y]) {
  const [u, v] = [x, y].map((c) => Math.max(0, Math.min(1, (c - 0.06) / 0.88)));
  if (n === 4) return [(1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v];
  const right = Math.max(0, Math.min(v, u - (1 - v) / 2));
  return [1 - v, v - right, right];
}

// pad makes the element; onMove(weights) is told of each move. set(names, weights) says whose corners they are.
export function pad({ onMove }) {
  const element = Object.assign(document.createElement("div"), { className: "pad" }), dot = document.createElement("i");
  element.tabIndex = 0;
  element.setAttribute("role", "application");
  element.setAttribute("aria-label", "Mix by place");
  let names = [], at = [0.5, 0.5], held = false;

  function show() {
    const n = names.length;
    dot.style.left = `${100 * at[0]}%`;
    dot.style.top = `${100 * at[1]}%`;
    element.setAttribute("aria-description", `Arrow keys move. ${names.map((name, i) => `${name} ${order[n][i]}: ${Math.round(100 * weigh(n, at)[i])} %`).join(", ")}.`);
  }

  function move([x, y]) {
    at = [x, y].map((c) => Math.max(0.06, Math.min(0.94, c)));
    if (names.length === 3) { // into the triangle
      const half = (at[1] - 0.06) / 2;
      at[0] = Math.max(0.5 - half, Math.min(0.5 + half, at[0]));
    }
    show();
    onMove(weigh(names.length, at).map((w) => Math.round(100 * w) / 100));
  }
  const place = ({ clientX, clientY }) => {
    const { left, top, width, height } = element.getBoundingClientRect();
    return [(clientX - left) / width, (clientY - top) / height];
  };
  element.onpointerdown = (event) => {
    held = true;
    element.setPointerCapture(event.pointerId);
    move(place(event));
  };
  element.onpointermove = (event) => { if (held) move(place(event)); };
  element.onpointerup = element.onpointercancel = () => { held = false; };
  element.onkeydown = (event) => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!by) return;
    event.preventDefault();
    move(at.map((c, k) => c + by[k] * 0.04));
  };

  return {
    element,
    set(all, weights) {
      names = all;
      element.classList.toggle("three", all.length === 3);
      const sum = weights.reduce((a, b) => a + b, 0) || 1, places = corners[all.length];
      if (!held && document.activeElement !== element) at = [0, 1].map((c) => places.reduce((total, place, i) => total + place[c] * weights[i] / sum, 0));
      element.replaceChildren(dot, ...all.map((name, i) => {
        const label = Object.assign(document.createElement("span"), { textContent: name });
        label.style.left = `${100 * places[i][0]}%`;
        label.style.top = `${100 * places[i][1]}%`;
        label.dataset.at = i;
        return label;
      }));
      show();
    },
  };
}
