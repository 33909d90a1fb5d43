// A ring of slots in shared memory, through which one worker gives another bytes, each slot with what is said of it.
//   const slots = ring();   // or ring(memory), for the other worker, with its slots.memory
// who gives:
//   slots.put(kind, bytes, about)   // of up to slots.size bytes; waits where all slots are full; false where the other wants no more.
//                                   // about is {loaded, total, from}, or nothing
//   slots.called()                  // whether the other waits for a message since then
// who takes:
//   slots.ready(); slots.soon()     // whether there is one, soon after waiting a moment for it
//   slots.waits()                   // asks for a message when there is one, and says whether it will be sent
//   slots.get()                     // {kind, bytes, loaded, total, from}, until slots.done()
//   slots.stop()                    // it wants no more
const size = (1 << 18) + 8, count = 8, moment = 10; // bytes, slots, ms
const kinds = ["bytes", "end", "error"], origins = [undefined, "network", "storage", "file"];
const given = 0, taken = 1, wanted = 2, stopped = 3, words = 4 + 3 * count; // in control, before the kind, length and origin of each slot
const numbers = 8 * Math.ceil(words / 2), start = numbers + 16 * count;

export function ring(memory = new SharedArrayBuffer(start + size * count)) {
  const control = new Int32Array(memory, 0, words), progress = new Float64Array(memory, numbers, 2 * count);
  const load = (i) => Atomics.load(control, i), slot = (n) => (n >>> 0) % count;
  let held = false;
  const ready = () => load(given) !== load(taken);
  return {
    memory,
    size,
    put(kind, bytes, { loaded = 0, total = 0, from } = {}) {
      const n = load(given), i = slot(n);
      for (let done; n - (done = load(taken)) === count;) {
        if (load(stopped)) return false;
        Atomics.wait(control, taken, done, 100);
      }
      new Uint8Array(memory, start + i * size, size).set(bytes);
      control.set([kinds.indexOf(kind), bytes.length, origins.indexOf(from)], 4 + 3 * i);
      progress.set([loaded, total], 2 * i);
      Atomics.store(control, given, n + 1);
      Atomics.notify(control, given);
      return !load(stopped);
    },
    called: () => Atomics.exchange(control, wanted, 0) === 1,
    ready,
    soon() {
      if (!ready()) Atomics.wait(control, given, load(taken), moment);
      return ready();
    },
    waits() {
      Atomics.store(control, wanted, 1);
      return !(ready() && Atomics.exchange(control, wanted, 0) === 1);
    },
    get() {
      const i = slot(load(taken)), [kind, length, from] = control.subarray(4 + 3 * i);
      held = true;
      return { kind: kinds[kind], bytes: new Uint8Array(memory, start + i * size, length), loaded: progress[2 * i], total: progress[2 * i + 1], from: origins[from] };
    },
    done() {
      if (!held) return;
      held = false;
      Atomics.add(control, taken, 1);
      Atomics.notify(control, taken);
    },
    stop() {
      Atomics.store(control, stopped, 1);
      Atomics.notify(control, taken);
    },
  };
}
