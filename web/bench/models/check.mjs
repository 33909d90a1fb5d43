// Compares a network of "pmf.py -case" with the outputs of the official code:
// node check.mjs MODEL.onnx FOLDER/forward.safetensors
import ort from "onnxruntime-node";
import { readFileSync } from "node:fs";

const [model, file] = process.argv.slice(2);
const data = readFileSync(file), n = Number(data.readBigUInt64LE(0));
const header = JSON.parse(data.subarray(8, 8 + n));
const tensor = (name) => {
  const { dtype, shape, data_offsets: [from, to] } = header[name];
  const bytes = data.buffer.slice(data.byteOffset + 8 + n + from, data.byteOffset + 8 + n + to);
  return dtype === "I64" ? new ort.Tensor("int64", new BigInt64Array(bytes), shape) : new ort.Tensor("float32", new Float32Array(bytes), shape);
};
const session = await ort.InferenceSession.create(model);
const outputs = await session.run(Object.fromEntries(session.inputNames.map((name) => [name, tensor(name)])));
for (const [name, golden] of [["u", "out"], ["x0", "out_x"]]) {
  const want = tensor(golden).data, got = outputs[name].data;
  const error = got.map((v, i) => v - want[i]);
  const most = (a) => Math.max(...a.map(Math.abs)).toExponential(1), rms = (a) => Math.sqrt(a.reduce((sum, v) => sum + v * v, 0) / a.length).toExponential(1);
  console.log(`${name}: error ${most(error)}, rms ${rms(error)}; ${golden} ${most(want)}, rms ${rms(want)}`);
}
