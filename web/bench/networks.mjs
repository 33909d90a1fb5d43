// The networks that dit8 is measured on beside ONNX Runtime, which has them as
// models/NAME.onnx.gz and models/NAME.int8.onnx.gz: config is the name of a preset of
// core/bench, and passes are those of a round. What is large would take the generic device
// minutes, and ORT Web all of its memory in float32: neither is run. The page imports this
// file too.
const plain = { x: [0.3, 3, 32, 32], t: [0.5], y: [0] };
const latents = { x: [0.3, 4, 32, 32], t: [0.5], y: [0] };
export const networks = {
  d256_b2: { config: "d256", batch: 2, passes: 12, inputs: plain },
  s4_b2: { config: "s4", batch: 2, passes: 12, inputs: plain },
  s2_b1: { config: "s2", batch: 1, passes: 12, inputs: plain },
  ditb2_b2: { config: "ditb2", batch: 2, passes: 8, inputs: latents },
  ditxl2_b2: { config: "ditxl2", batch: 2, passes: 4, large: true, inputs: latents },
  pmfb16_b1: { config: "pmfb16", batch: 1, passes: 4, inputs: { x: [0.3, 3, 256, 256], y: [0], h: [1], omega: [8.5], t_min: [0.1], t_max: [0.7], t: [1] } },
};

// feeds are the inputs of a batch, each full of one value.
function feeds(ort, { batch, inputs }) {
  return Object.fromEntries(Object.entries(inputs).map(([name, [value, ...shape]]) => {
    const dims = [batch, ...shape], length = dims.reduce((a, b) => a * b);
    return [name, name === "y" ? new ort.Tensor("int64", new BigInt64Array(length).fill(BigInt(value)), dims)
      : new ort.Tensor("float32", new Float32Array(length).fill(value), dims)];
  }));
}

// bestPass is the time in ms of the fastest pass of a round, after a quarter as many to warm up.
export async function bestPass(ort, session, network) {
  const inputs = feeds(ort, network);
  let ms = Infinity;
  for (let i = -network.passes / 4; i < network.passes; i++) {
    const start = performance.now();
    await session.run(inputs);
    if (i >= 0) ms = Math.min(ms, performance.now() - start);
  }
  return ms;
}

// counts says how many passes are behind a figure.
export const counts = (rounds) => Object.entries(networks).map(([name, { passes }]) => `${name} ${rounds * passes}`).join(", ");
