// The worker of ahead.js.
//   in:  {type: "open", model, storage, memory} first, then
//        {type: "more"} for some bytes as they are | {type: "decode", pieces, left} for all that follow | {type: "end", damaged}
//   out: "ready" when it listens, {type: "note", note} | {type: "more"}, where it is waited for what is in the ring | {type: "ended", had}
import { crc32c } from "./crc32c.js";
import { open } from "./model.js";
import { ring } from "./ring.js";
import { zstd } from "./zstd.js";

let source, slots, event = {};
let rest = new Uint8Array(); // what was read and is not given yet
let working = Promise.resolve();
const none = new Uint8Array();

// give gives bytes, in as many slots as they take. It throws where they are not wanted any more.
function give(kind, bytes = none) {
  for (let at = 0; at < bytes.length || at === 0; at += slots.size) {
    const wanted = slots.put(kind, bytes.subarray(at, at + slots.size), event);
    if (slots.called()) postMessage({ type: "more" });
    if (!wanted) throw new DOMException("it is not wanted any more", "AbortError");
  }
}

// fill reads on until there is something in rest, and says whether there is.
async function fill() {
  while (!rest.length) {
    const more = await source.read();
    if (!more) return false;
    rest = more;
  }
  return true;
}

const take = (n) => {
  const some = rest.subarray(0, n);
  rest = rest.subarray(some.length);
  return some;
};

async function more() {
  if (await fill()) give("bytes", take(slots.size));
  else give("end");
}

// decode gives each piece as it should be, and then the rest of the file.
async function decode(pieces, left) {
  rest = concat(left, rest);
  const { input, output } = await zstd();
  for (let i = 0; i < pieces.length; i += 2) {
    const stored = pieces[i], plain = pieces[i + 1];
    const to = plain ? input(stored, plain) : undefined;
    for (let n = 0; n < stored;) {
      if (!await fill()) return give("end"); // it is too short
      const some = take(stored - n);
      if (to) to.set(some, n);
      else give("bytes", some);
      n += some.length;
    }
    if (plain) give("bytes", summed(decoded(output, stored, plain)));
  }
  while (await fill()) give("bytes", take(slots.size));
  give("end");
}

// decoded is what a frame becomes: zeros where it is damaged, which the checksum of what it should be then tells.
function decoded(output, stored, plain) {
  try {
    const bytes = output(stored, plain);
    if (bytes.length === plain) return bytes;
  } catch {}
  return new Uint8Array(new ArrayBuffer(plain + 4), 0, plain);
}

// summed is bytes with their checksum in the four behind them, where the frame was that they come from.
function summed({ buffer, byteOffset, length }) {
  const all = new Uint8Array(buffer, byteOffset, length + 4);
  new DataView(buffer, byteOffset + length).setUint32(0, crc32c(all.subarray(0, length)), true);
  return all;
}

function concat(a, b) {
  if (!a.length) return b;
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

// work does one thing after the other, and tells what goes wrong through the ring, behind the bytes before it.
function work(f) {
  working = working.then(f).catch(({ name, message, url, status }) => {
    if (name !== "AbortError") give("error", new TextEncoder().encode(JSON.stringify({ name, message, url, status })));
  }).catch(() => {});
}

const calls = {
  open({ model, storage, memory }) {
    slots = ring(memory);
    source = open(model, { storage, report: (news) => { news.note ? postMessage({ type: "note", note: news.note }) : (event = news); } });
  },
  more: () => work(more),
  decode: ({ pieces, left }) => work(() => decode(pieces, left)),
  async end({ damaged }) {
    postMessage({ type: "ended", had: await source.end(damaged) });
  },
};
onmessage = ({ data: { type, ...rest } }) => calls[type](rest);
postMessage("ready");
