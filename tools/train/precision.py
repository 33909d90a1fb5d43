"""What networks compute in: bfloat16, or float32 where that is asked for, or where the processor would have to emulate bfloat16."""

import contextlib
import pathlib

import torch


def processor():
    """The line of what this processor can do, "" where the system does not say."""
    info = pathlib.Path("/proc/cpuinfo")
    lines = info.read_text().split("\n") if info.exists() else []
    return next((l for l in lines if l.startswith(("flags", "Features"))), "")


def fast(device):
    """Whether a device multiplies in bfloat16 itself. A processor that does not say so does not."""
    if device.split(":")[0] != "cpu":
        return True
    flags = processor().split()
    return any(f in flags for f in ("avx512_bf16", "amx_bf16", "bf16"))


def dtype(device, float32=False):
    return torch.float32 if float32 or not fast(device) else torch.bfloat16


def autocast(device, float32=False):
    return torch.autocast(device.split(":")[0], torch.bfloat16) if dtype(device, float32) == torch.bfloat16 else contextlib.nullcontext()
