// What went wrong, in two layers: a sentence for people and, under Details, the precise text.

const fields = { class: "What", prompt: "The text", count: "The number of images", seed_to: "The second seed", seed_mix: "How much of the second seed", edit: "The edit" };
const spoken = (field) => fields[field] ?? (/^classes/.test(field) ? "A share of the mix" : `The ${field.replaceAll(/[._]/g, " ")}`);

// Kinds of errors: a name or a field, what the text says, and the sentence, made of what was matched. The first that fits counts.
const kinds = [
  ["prompt", /which it does not of "(.*?)"(?:.*did you mean "(.*?)")?/s, (_, word, near) => `The model does not know “${word}”.${near ? ` Did you mean “${near}”?` : " Words that it knows come up as you type."}`],
  ["prompt", /is ""/, () => "Say what you want to see first."],
  ["prompt", /knows classes/, () => "This model is told a class, not words."],
  ["class", /is "(.*?)"(?:.*did you mean "(.*?)")?/s, (_, name, near) => `The model has no “${name}”.${near ? ` Did you mean “${near}”?` : ""}`],
  ["*", /^(\S+) is unknown/, (_, field) => `There is nothing named “${field}” to set.`],
  ["*", /^(\S+) is (.{1,40}), allowed: ([^;]{1,80})/s, (_, field, value, allowed) => `${spoken(field)} can be ${allowed}, not ${value}.`],
  ["*", /./, ([text], field) => `${spoken(field)} can’t be used like that.`],
  ["MemoryError", /./, () => "This device has too little memory for the model."],
  ["DownloadError", /answered (?:40[134]|410)/, () => "There is no such model at that address."],
  ["DownloadError", /answered/, () => "The server of the model is busy or broken. Try again in a while."],
  ["DownloadError", /./, () => "The model could not be downloaded. Is there a connection? Try again."],
  ["", /makes \d+-channel latents/, () => "This model needs an autoencoder, which turns what it makes into pictures: drop the autoencoder’s file here, too."],
  ["ModelError", /holds an autoencoder alone/, () => "This file is an autoencoder alone: open a model of latents first, then this one."],
  ["ModelError", /SHA-256/, () => "This is not the file that was meant: it may be damaged, or another version."],
  ["ModelError", /not a \.dit8 file/, () => "This is not a model of dit8."],
  ["ModelError", /./, () => "The model’s file is damaged."],
  ["", /want of memory|memory access|allocate/, () => "There was too little memory for that. Load the page again and try fewer or smaller images."],
  ["", /does not say how it was made|neither a PNG/, () => "This is no picture that a browser can read, and no model."],
];

// explain is the sentence for an error, or undefined where its own text is as good.
export function explain({ name, message, field }) {
  const kind = field ? kinds.find(([of, text]) => (of === "*" || of === field) && text.test(message)) : kinds.find(([of, text]) => (of === name || of === "") && text.test(message));
  return kind?.[2](...kind[1].exec(message), field);
}

// tell fills an element with an error.
export function tell(element, error) {
  const said = explain(error);
  element.replaceChildren(said ?? error.message);
  if (!said) return;
  const details = document.createElement("details");
  details.append(Object.assign(document.createElement("summary"), { textContent: "Details" }), Object.assign(document.createElement("code"), { textContent: error.message }));
  element.append(details);
}
