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
  const error = got.reduce((most, v, i) => Math.max(most, Math.abs(v - want[i])), 0);
  console.log(`${name}: max |error| ${error.toExponential(1)}, max |${golden}| ${want.reduce((most, v) => Math.max(most, Math.abs(v)), 0).toFixed(1)}`);
}
