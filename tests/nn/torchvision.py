#!/usr/bin/python3
"""A ResNet-18 as torchvision saves it, written by NumPy alone, and what it makes of an image:
tests/nn/torchvision.py FOLDER COMMAND… writes resnet18.safetensors (names, shapes and order of
torchvision's state_dict, random values) and expected.safetensors (an input and its logits, in
float64), and runs the command, the test that loads them: tests/nn/models.cpp.
"""

import json
import os
import pathlib
import struct
import subprocess
import sys

try:
    import numpy as np
except ImportError:
    sys.exit(77)  # skipped: no python3-numpy

STAGES = [64, 128, 256, 512]
random = np.random.default_rng(18)


def save(path, tensors):
    """In the safetensors format."""
    kinds = {"float32": "F32", "float64": "F64", "int64": "I64"}
    header, offset = {}, 0
    for name, x in tensors.items():
        header[name] = {"dtype": kinds[x.dtype.name], "shape": list(x.shape),
                        "data_offsets": [offset, offset + x.nbytes]}
        offset += x.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for x in tensors.values():
            file.write(x.tobytes())


def state():
    """torchvision.models.resnet18().state_dict(): 122 tensors."""
    tensors = {}

    def conv(name, out, into, kernel):
        scale = np.sqrt(2 / (out * kernel * kernel))
        tensors[name + ".weight"] = scale * random.standard_normal((out, into, kernel, kernel))

    def norm(name, width):
        tensors[name + ".weight"] = random.uniform(0.5, 1.5, width)
        tensors[name + ".bias"] = random.uniform(-0.5, 0.5, width)
        tensors[name + ".running_mean"] = random.uniform(-0.5, 0.5, width)
        tensors[name + ".running_var"] = random.uniform(0.5, 1.5, width)
        tensors[name + ".num_batches_tracked"] = np.array(7, np.int64)

    conv("conv1", 64, 3, 7)
    norm("bn1", 64)
    into = 64
    for stage, width in enumerate(STAGES, 1):
        for block in range(2):
            at = f"layer{stage}.{block}"
            conv(f"{at}.conv1", width, into, 3)
            norm(f"{at}.bn1", width)
            conv(f"{at}.conv2", width, width, 3)
            norm(f"{at}.bn2", width)
            if into != width:
                conv(f"{at}.downsample.0", width, into, 1)
                norm(f"{at}.downsample.1", width)
            into = width
    tensors["fc.weight"] = random.uniform(-0.04, 0.04, (1000, 512))
    tensors["fc.bias"] = random.uniform(-0.04, 0.04, 1000)
    return {name: x if x.dtype == np.int64 else x.astype(np.float32)
            for name, x in tensors.items()}


def conv2d(x, weight, stride, padding):
    kernel = weight.shape[2]
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), (2, 3))
    return np.einsum("nchwrs,kcrs->nkhw", windows[:, :, ::stride, ::stride], weight, optimize=True)


def logits(values, x):
    """The network in evaluation, in float64."""
    w = {name: value.astype(np.float64) for name, value in values.items()}

    def norm(name, x):
        def channels(key):
            return w[f"{name}.{key}"][:, None, None]
        return ((x - channels("running_mean")) / np.sqrt(channels("running_var") + 1e-5)
                * channels("weight") + channels("bias"))

    def relu(x):
        return np.maximum(x, 0)

    x = relu(norm("bn1", conv2d(x, w["conv1.weight"], 2, 3)))
    x = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))  # behind relu: 0 is as good as −∞
    x = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3))[:, :, ::2, ::2].max((4, 5))
    for stage in range(1, 5):
        for block in range(2):
            at = f"layer{stage}.{block}"
            stride = 2 if block == 0 and stage > 1 else 1
            y = relu(norm(f"{at}.bn1", conv2d(x, w[f"{at}.conv1.weight"], stride, 1)))
            y = norm(f"{at}.bn2", conv2d(y, w[f"{at}.conv2.weight"], 1, 1))
            if stride == 2:
                x = norm(f"{at}.downsample.1", conv2d(x, w[f"{at}.downsample.0.weight"], 2, 0))
            x = relu(x + y)
    return x.mean((2, 3)) @ w["fc.weight"].T + w["fc.bias"]


folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
values = state()
assert len(values) == 122
save(folder / "resnet18.safetensors", values)
image = random.standard_normal((2, 3, 64, 64))
save(folder / "expected.safetensors", {"input": image, "logits": logits(values, image)})
sys.exit(subprocess.call(sys.argv[2:], env=os.environ | {"XGRAD_TORCHVISION": str(folder)}))
