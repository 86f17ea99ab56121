#!/usr/bin/env python3
"""Makes every_dtype.safetensors with the reference implementation (pip install safetensors numpy).

The bytes of each tensor count up from the length of its name, modulo 251; booleans alternate.
"""

import os

import numpy as np
from safetensors import TensorSpec, serialize_file

WIDTHS = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int8": 1, "int16": 2, "int32": 4, "int64": 8,
          "uint8": 1, "uint16": 2, "uint32": 4, "uint64": 8, "bool": 1}
buffers = []
tensors = {}


def add(name, dtype, shape):
    size = WIDTHS[dtype] * int(np.prod(shape))
    start = 0 if dtype == "bool" else len(name.encode())
    data = np.array([(start + i) % (2 if dtype == "bool" else 251) for i in range(size)], np.uint8)
    buffers.append(data)
    tensors[name] = TensorSpec(dtype=dtype, shape=shape, data_ptr=data.ctypes.data, data_len=size)


for dtype in WIDTHS:
    add(f"{dtype}/matrix", dtype, [3, 5])
    add(f"{dtype}/scalar", dtype, [])
add("empty", "float32", [0, 4])
add("quote\" back\\slash\ttab", "float32", [7])
add("gr\u00fc\u00dfe \U0001f600", "float32", [7])

here = os.path.dirname(os.path.abspath(__file__))
serialize_file(tensors, os.path.join(here, "every_dtype.safetensors"), {"format": "np"})
