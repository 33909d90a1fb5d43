// The gallery: small pictures that the default model drew when the page was made (make gallery), to be picked. They lie in one
// file, gallery.webp, in the order of this list.
import { rove } from "./rove.js";

const $ = (id) => document.getElementById(id);

const groups = {
  "Made up": "fox with sunglasses, angry tomato, crying moon, blue panda, blue fox, purple star, green cat, bear with sunglasses, sun with sunglasses, blue tomato, pink carrot, laughing robot",
  Animals: "fox, panda, cat face, owl, lion, penguin, koala, bear, frog, crab, whale, turtle, butterfly, honeybee, hamster, parrot",
  Faces: "grinning face, winking face, crying face, smiling face with sunglasses, nerd face, angry face, robot, ghost, alien, clown face, skull, pumpkin",
  Food: "pizza, hamburger, doughnut, strawberry, watermelon, avocado, red apple, cookie, carrot, ice cream, peach, cherry",
  Nature: "sun, rainbow, sunflower, rose, tulip, cactus, palm tree, mushroom, maple leaf, fire, crescent moon, snowflake",
  Things: "rocket, gem, bicycle, automobile, bus, guitar, balloon, crown, umbrella, light bulb, trophy, red heart",
};
// What they are drawn with, the style and the seed that most of them look best in; and the one of them that looks best of all, with which the page begins.
export const look = { style: "fluent-3d", seed: 4 }, first = { prompt: "smiling face with sunglasses", ...look };
export const columns = 8;
export const pictures = Object.entries(groups).flatMap(([group, prompts]) => prompts.split(", ").map((prompt) => ({ prompt, group })));

// gallery calls onPick(prompt).
export function gallery({ onPick }) {
  const box = $("thumbs"), row = rove(box), rows = Math.ceil(pictures.length / columns);
  let shown = "", known = () => true, styled = false;

  const thumbs = pictures.map(({ prompt, group }, i) => {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "thumb", title: prompt });
    button.setAttribute("aria-label", prompt);
    button.dataset.prompt = prompt;
    button.style.backgroundPosition = `${100 * (i % columns) / (columns - 1)}% ${100 * Math.floor(i / columns) / (rows - 1)}%`;
    button.style.backgroundSize = `${100 * columns}% ${100 * rows}%`;
    button.onclick = () => onPick(prompt);
    return { button, group, prompt };
  });

  function show() {
    const typed = $("find").value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = thumbs.filter(({ group, prompt }) => known(prompt) && (!shown || group === shown)
      && typed.every((word) => `${group} ${prompt}`.toLowerCase().split(" ").some((own) => own.startsWith(word))));
    box.replaceChildren(...found.map(({ button }) => button));
    if (!found.length) box.append(Object.assign(document.createElement("p"), { textContent: "None of these. Say it above: the model knows more words." }));
    else if (!row.first()) row.stop(found[0].button);
    for (const button of $("groups").children) button.setAttribute("aria-pressed", button.dataset.group === shown);
  }

  $("groups").append(...["", ...Object.keys(groups)].map((name) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: name || "All" });
    button.dataset.group = name;
    button.onclick = () => { shown = name; show(); box.scrollTop = 0; };
    return button;
  }));
  $("find").oninput = show;
  $("find").onkeydown = (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault(); // what is searched here is no request
    const [first] = box.querySelectorAll("button");
    first?.click();
  };
  show();

  return {
    // use shows what a model knows the words of, if that is most. Its pictures will be its own.
    use({ words, synonyms, styles }) {
      styled = styles.includes(look.style);
      const all = new Set([...words, ...synonyms]);
      known = (prompt) => prompt.split(" ").every((word) => word === "with" || all.has(word));
      show();
      $("gallery").hidden = thumbs.filter(({ prompt }) => known(prompt)).length < thumbs.length / 2;
    },
    get hidden() { return $("gallery").hidden; },
    // first is the request to begin with, where the pictures are shown.
    get first() { return this.hidden || !styled ? undefined : first; },
    mark(prompt) { for (const { button, prompt: own } of thumbs) button.setAttribute("aria-pressed", own === prompt); },
  };
}
