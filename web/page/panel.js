// The small panel of what computes, and how fast.
const $ = (id) => document.getElementById(id);

// chosen is the device that was asked for here.
export const chosen = () => { try { return localStorage.getItem("dit8-device") ?? "auto"; } catch { return "auto"; } };
const choose = (device) => { try { localStorage.setItem("dit8-device", device); } catch {} };

// panel fills it; again loads the model once more, where another device is asked for.
export function panel(sampler, metadata, again) {
  const { name, classes, words, styles, size, id, threads, note, deviceNote } = sampler.info;
  const device = metadata?.device ?? sampler.info.device; // another one where that was lost
  $("device").textContent = deviceNote ? `${device} (${deviceNote})` : device;
  const gpu = deviceNote || device.startsWith("webgpu"), other = $("other-device");
  other.hidden = !navigator.gpu;
  other.textContent = gpu ? "Use the processor" : "Use the GPU";
  if (again) other.onclick = () => { choose(gpu ? "wasm" : "webgpu"); again(); };
  $("threads").textContent = note ? `${threads} (${note})` : threads;
  $("memory").textContent = `${(sampler.memory / 1e6).toFixed(0)} MB`;
  $("model").textContent = `${name}, ${words.length ? `${words.length} words, ${styles.length} styles` : `${classes.length} classes`}, ${size}×${size} pixels, file ${id}`;
  if (!metadata) return;
  const { seconds, ms_per_step, request: { count } } = metadata;
  $("speed").textContent = `${ms_per_step.toFixed(ms_per_step < 10 ? 1 : 0)} ms a step, ${rate(count / seconds)} images a second`;
}

const rate = (r) => (r < 10 ? r.toFixed(r < 1 ? 2 : 1) : r.toFixed(0));
