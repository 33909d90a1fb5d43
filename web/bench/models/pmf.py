#!/usr/bin/env python3
"""Writes the network of pixel MeanFlow (pMF) for ONNX Runtime, in float32 and in int8.

  pmf.py                        pmfb16_b1.onnx.gz and pmfb16_b1.int8.onnx.gz: pMF-B/16, one image, good for timing only
  pmf.py -case FOLDER -o NAME   NAME.onnx and NAME.int8.onnx: the network and weights of FOLDER's case.json and
                                model.safetensors, with the batch of its forward.safetensors, for check.mjs

Inputs: x [B,3,S,S] float32; y [B] int64, the class; h = t - r, omega, t_min, t_max and t [B] float32.
Outputs: u [B,3,S,S], the average velocity (x - x0)/max(t, 0.05), and x0.

int8 is what ONNX Runtime's own dynamic quantisation makes: each product with constant weights is a
DynamicQuantizeLinear, a MatMulInteger and a rescaling, the weights int8 by output channel.

Everything is written in the form that ONNX Runtime's CPU and wasm providers run fastest: their fused RMS norms (with
the addition in front), rotation and attention; q, k and v apart, as splitting copies; no bias of zeros; patches as rows
of a product in place of a convolution. Two folds are exact: attn_scale and mlp_scale are in the rows of the weights
before them, and each head of q and k has its even channels first, so that rope turns halves (the products of q and k stay).

Needs python3-numpy and python3-onnx."""
import argparse, gzip, json, os, struct
import numpy as np
from onnx import TensorProto, helper, numpy_helper

B16 = dict(input_size=256, patch_size=16, in_channels=3, hidden_size=768, depth=16, num_heads=12, num_classes=1000, aux_head_depth=8,
           num_class_tokens=8, num_time_tokens=4, num_cfg_tokens=4, num_interval_tokens=2, mlp_ratio=8 / 3)
BOTTLENECK, FREQUENCIES = 128, 128


def read_safetensors(path):
    data = open(path, "rb").read()
    n, = struct.unpack("<Q", data[:8])
    tensors = {}
    for name, v in json.loads(data[8:8 + n]).items():
        if name != "__metadata__":
            a, b = v["data_offsets"]
            dtype = {"F32": "<f4", "I64": "<i8"}[v["dtype"]]
            tensors[name] = np.frombuffer(data[8 + n + a:8 + n + b], dtype).reshape(v["shape"])
    return tensors


class Checkpoint:
    """The tensors of a file by their official names."""

    def __init__(self, path):
        clean = lambda k: k.removeprefix("net.").replace("._flax_linear", "").replace("._flax_embedding", "")
        self.tensors = {clean(k): v for k, v in read_safetensors(path).items()}

    def get(self, name, *shape):
        return self.tensors[name].reshape(shape)


class Random:
    """One row of round random numbers repeated, so that files are small: Tile makes the rest when they are loaded."""

    def __init__(self):
        self.random = np.random.default_rng(1)

    def get(self, name, *shape):
        row = self.random.integers(1, 32, shape[-1]).astype(np.float32) * self.random.choice(np.float32([-1, 1]), shape[-1]) / 1024
        return np.broadcast_to(row + np.float32("norm" in name), shape)


class Graph:
    def __init__(self, weights, int8):
        self.weights, self.int8 = weights, int8
        self.nodes, self.initializers, self.quantized, self.count = [], [], {}, 0

    def op(self, kind, *inputs, outputs=1, domain="", **attributes):
        self.count += 1
        names = [f"{kind}{self.count}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def microsoft(self, kind, *inputs, **attributes):
        return self.op(kind, *inputs, domain="com.microsoft", **attributes)

    def constant(self, value):
        """A constant; where its rows are the same, one of them, to be repeated."""
        value = np.asarray(value)
        repeats = [n if n > 1 and stride == 0 else 1 for n, stride in zip(value.shape, value.strides)]
        value = value[tuple(slice(1) if r > 1 else slice(None) for r in repeats)]
        self.count += 1
        name = f"c{self.count}"
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return self.op("Tile", name, self.constant(np.int64(repeats))) if max(repeats, default=1) > 1 else name

    def floats(self, *values):
        return self.constant(np.float32(values))

    def reshape(self, x, *shape):
        return self.op("Reshape", x, self.constant(np.int64(shape)))

    def weight(self, name, *shape):
        return self.constant(self.weights.get(name, *shape))

    def linear(self, x, name, inputs, outputs, rows=None, scale=None, bias=False):
        """x times the transposed weights [outputs, inputs] of name. rows is an order for them, scale a tensor's name."""
        if isinstance(self.weights, Random):
            w = self.weights.get(name, inputs, outputs)
        else:
            w = self.weights.get(name + ".weight", outputs, inputs)
            if rows is not None:
                w = w[rows]
            if scale:
                w = w * self.weights.get(scale, outputs, 1)
            w = w.T
        if not self.int8:
            x = self.op("MatMul", x, self.constant(w))
        else:
            if x not in self.quantized:
                self.quantized[x] = self.op("DynamicQuantizeLinear", x, outputs=3)
            q, q_scale, q_zero = self.quantized[x]
            w_scale = (np.abs(w).max(axis=0) / 127).astype(np.float32)
            w8 = np.round(w[:1] / w_scale).astype(np.int8) if w.strides[0] == 0 else np.round(w / w_scale).astype(np.int8)
            product = self.op("MatMulInteger", q, self.constant(np.broadcast_to(w8, w.shape)), q_zero, self.constant(np.zeros(outputs, np.int8)))
            x = self.op("Mul", self.op("Cast", product, to=TensorProto.FLOAT), self.op("Mul", q_scale, self.constant(w_scale)))
        return self.op("Add", x, self.weight(name + ".bias", outputs)) if bias else x

    def silu(self, x):
        return self.microsoft("QuickGelu", x, alpha=1.0)  # x·sigmoid(x)

    def rms_norm(self, x, name, n, rows=slice(None)):
        w = self.constant(self.weights.get(name, n)[rows])
        return self.op("SimplifiedLayerNormalization", x, w, axis=-1, epsilon=1e-6, stash_type=1)

    def add_rms_norm(self, x, y, name, n):
        """x + y, and its norm."""
        norm, _, _, total = self.microsoft("SkipSimplifiedLayerNormalization", x, y, self.weight(name, n), outputs=4, epsilon=1e-6)
        self.nodes[-1].output[1:3] = ["", ""]
        return total, norm


def network(g, c, batch):
    d, heads, patch, channels = c["hidden_size"], c["num_heads"], c["patch_size"], c["in_channels"]
    head, grid, hidden = d // heads, c["input_size"] // patch, int(d * c["mlp_ratio"])
    image = grid * grid
    frequencies = g.constant(np.exp(-np.log(10000) * np.arange(FREQUENCIES) / FREQUENCIES).astype(np.float32)[None])

    def embed(value, name):
        angles = g.op("Mul", g.reshape(value, batch, 1), frequencies)
        x = g.op("Concat", g.op("Cos", angles), g.op("Sin", angles), axis=1)
        x = g.silu(g.linear(x, f"{name}.mlp.0", 2 * FREQUENCIES, d, bias=True))
        return g.linear(x, f"{name}.mlp.2", d, d, bias=True)

    # The sequence: groups of context tokens, then the image's.
    count = [c["num_class_tokens"], c["num_cfg_tokens"], c["num_interval_tokens"], c["num_interval_tokens"], c["num_time_tokens"]]
    embedded = [
        g.op("Gather", g.weight("y_embedder.embedding_table.weight", c["num_classes"] + 1, d), "y"),
        embed(g.op("Sub", g.floats(1), g.op("Reciprocal", "omega")), "omega_embedder"),
        embed("t_min", "cfg_t_start_embedder"),
        embed("t_max", "cfg_t_end_embedder"),
        embed("h", "h_embedder"),
    ]
    names = ["class_tokens", "omega_tokens", "t_min_tokens", "t_max_tokens", "time_tokens"]
    groups = [g.op("Add", g.weight(name, 1, n, d), g.reshape(e, batch, 1, d)) for name, n, e in zip(names, count, embedded)]
    context = sum(count)
    tokens = context + image

    # Rows of a patch's values in the order of the convolution's weights: channel, row, column.
    x = g.op("Transpose", g.reshape("x", batch, channels, grid, patch, grid, patch), perm=[0, 2, 4, 1, 3, 5])
    x = g.reshape(x, batch, image, channels * patch * patch)
    x = g.linear(x, "x_embedder.proj1", channels * patch * patch, BOTTLENECK, bias=True)
    x = g.linear(x, "x_embedder.proj2", BOTTLENECK, d, bias=True)
    x = g.op("Add", g.op("Concat", *groups, x, axis=1), g.weight("pos_embed", 1, tokens, d))

    # Axial rope: the first half of a head's pairs turns by the row, the other by the column, context tokens stay.
    f = 10000.0 ** (-np.arange(head // 4) / (head // 4))
    row, column = np.divmod(np.arange(image), grid)
    angles = np.concatenate([np.zeros((context, head // 2)), np.concatenate([row[:, None] * f, column[:, None] * f], 1)])
    cos, sin = g.constant(np.cos(angles).astype(np.float32)), g.constant(np.sin(angles).astype(np.float32))
    positions = g.constant(np.tile(np.arange(tokens), (batch, 1)))
    halves = np.concatenate([np.arange(0, head, 2), np.arange(1, head, 2)])  # of one head
    rows = (head * np.arange(heads)[:, None] + halves).ravel()

    def turned(x, block, letter):
        x = g.linear(x, f"{block}.attn.{letter}_proj", d, d, rows)
        x = g.rms_norm(g.reshape(x, batch, tokens, heads, head), f"{block}.attn.{letter}_norm.weight", head, halves)
        return g.microsoft("RotaryEmbedding", g.reshape(x, batch, tokens, d), positions, cos, sin)

    shared = c["depth"] - c["aux_head_depth"]
    blocks = [f"shared_blocks.{i}" for i in range(shared)] + [f"u_heads.{i}" for i in range(c["aux_head_depth"])]
    norm = g.rms_norm(x, f"{blocks[0]}.norm1.weight", d)
    for block, following in zip(blocks, [f"{b}.norm1.weight" for b in blocks[1:]] + ["u_final_layer.norm.weight"]):
        q, k, v = turned(norm, block, "q"), turned(norm, block, "k"), g.linear(norm, f"{block}.attn.v_proj", d, d)
        y = g.microsoft("MultiHeadAttention", q, k, v, num_heads=heads)
        y = g.linear(y, f"{block}.attn.out_proj", d, d, scale=f"{block}.attn_scale")
        x, norm = g.add_rms_norm(x, y, f"{block}.norm2.weight", d)
        y = g.op("Mul", g.silu(g.linear(norm, f"{block}.mlp.w1", d, hidden)), g.linear(norm, f"{block}.mlp.w3", d, hidden))
        y = g.linear(y, f"{block}.mlp.w2", hidden, d, scale=f"{block}.mlp_scale")
        x, norm = g.add_rms_norm(x, y, following, d)

    y = g.op("Slice", norm, g.constant(np.int64([context])), g.constant(np.int64([tokens])), g.constant(np.int64([1])))
    y = g.linear(y, "u_final_layer.linear", d, channels * patch * patch, bias=True)
    y = g.op("Transpose", g.reshape(y, batch, grid, grid, patch, patch, channels), perm=[0, 5, 1, 3, 2, 4])
    x0 = g.reshape(y, batch, channels, c["input_size"], c["input_size"])
    divisor = g.reshape(g.op("Max", "t", g.floats(0.05)), batch, 1, 1, 1)
    return g.op("Div", g.op("Sub", "x", x0), divisor), x0


def model(c, batch, weights, int8):
    g = Graph(weights, int8)
    for name, output in zip(["u", "x0"], network(g, c, batch)):
        g.nodes.append(helper.make_node("Identity", [output], [name]))
    image = [batch, c["in_channels"], c["input_size"], c["input_size"]]
    value = lambda name, shape, kind=TensorProto.FLOAT: helper.make_tensor_value_info(name, kind, shape)
    inputs = [value("x", image), value("y", [batch], TensorProto.INT64)] + [value(k, [batch]) for k in ("h", "omega", "t_min", "t_max", "t")]
    graph = helper.make_graph(g.nodes, "pmf", inputs, [value("u", image), value("x0", image)], g.initializers)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-case", metavar="FOLDER")
    parser.add_argument("-o", metavar="NAME", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "pmfb16_b1"))
    args = parser.parse_args()
    for int8 in (False, True):
        if args.case:
            c = json.load(open(f"{args.case}/case.json"))["config"]
            batch = len(read_safetensors(f"{args.case}/forward.safetensors")["t"])
            weights = Checkpoint(f"{args.case}/model.safetensors")
        else:
            c, batch, weights = B16, 1, Random()
        data = model(c, batch, weights, int8)
        name = f"{args.o}{'.int8' if int8 else ''}.onnx"
        if args.case:
            open(name, "wb").write(data)
        else:
            open(name + ".gz", "wb").write(gzip.compress(data, mtime=0))


if __name__ == "__main__":
    main()
