"""Reading and writing safetensors: a JSON header, then the tensors' bytes."""

import json
import os
import struct

import numpy as np
import torch

NAMES = {torch.float32: "F32", torch.float16: "F16", torch.int64: "I64"}
TYPES = {"F32": np.float32, "F16": np.float16, "I64": np.int64, "U8": np.uint8}


def write(path, state):
    header, offset, blobs = {}, 0, []
    for name, t in state.items():
        blob = t.detach().cpu().contiguous().numpy().tobytes()
        header[name] = dict(dtype=NAMES[t.dtype], shape=list(t.shape), data_offsets=[offset, offset + len(blob)])
        offset += len(blob)
        blobs.append(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    part = f"{path}.part"
    with open(part, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for blob in blobs:
            f.write(blob)
    os.replace(part, path)


def read(path):
    with open(path, "rb") as f:
        n, = struct.unpack("<Q", f.read(8))
        header = json.loads(f.read(n))
        data = f.read()
    header.pop("__metadata__", None)
    return {name: tensor(data[slice(*h["data_offsets"])], h) for name, h in header.items()}


def tensor(data, h):
    if h["dtype"] == "BF16":  # the upper half of a float32
        values = (np.frombuffer(data, np.uint16).astype(np.uint32) << 16).view(np.float32)
    else:
        values = np.frombuffer(data, TYPES[h["dtype"]]).copy()
    return torch.from_numpy(values.reshape(h["shape"]))
