"""Writes an Orbax checkpoint of pi0 with seeded random weights, as openpi's training would store it.

usage: python make_checkpoint.py FOLDER [--size full|tiny] [--dtype bfloat16|float32] [--seed 0] [--digest]

The files are what Orbax 0.11.13 writes: an OCDBT database below ocdbt.process_0/, merged into the one at the top, of Zarr
arrays in zstd chunks, none larger than 2 GiB, and _METADATA. The full size has 3,238,048,528 parameters: 6.5 GB in bfloat16,
which take about two minutes and 6 GB of memory. Values have the scale that keeps activations sensible; the same seed
gives the same values for every chunking. --digest prints the set's SHA-256 as docs/weights.md defines it.

Needs numpy==1.26.4 ml_dtypes==0.5.4 tensorstore==0.1.74 from PyPI.
"""
import argparse
import hashlib
import json
import math
import pathlib
import struct
import zlib

import ml_dtypes
import numpy as np
import tensorstore as ts

FULL = dict(vision=(27, 1152, 4304, 16), vlm=(18, 2048, 16384), expert=(18, 1024, 4096), heads=(8, 1, 256),
            vocabulary=257152, tokens=256, action_dim=32)
TINY = dict(vision=(3, 48, 80, 4), vlm=(2, 64, 128), expert=(2, 32, 72), heads=(4, 1, 16),
            vocabulary=1024, tokens=16, action_dim=8)
MOST_CHUNK_BYTES = 2 << 30


def parameters(size):
    """(name, shape, mean, deviation) of every parameter."""
    depth, width, mlp, heads = size["vision"]
    head = width // heads
    block = "PaliGemma/img/Transformer/encoderblock/"

    def dense(name, *shape, fan_in, bias):
        yield name + "/kernel", shape, 0.0, fan_in**-0.5
        yield name + "/bias", bias, 0.0, 0.02

    def layer_norm(name, *shape):
        yield name + "/scale", shape, 1.0, 0.02
        yield name + "/bias", shape, 0.0, 0.02

    yield from dense("PaliGemma/img/embedding", 14, 14, 3, width, fan_in=588, bias=(width,))
    yield "PaliGemma/img/pos_embedding", (1, size["tokens"], width), 0.0, 0.02
    yield from layer_norm(block + "LayerNorm_0", depth, width)
    yield from layer_norm(block + "LayerNorm_1", depth, width)
    attention = block + "MultiHeadDotProductAttention_0/"
    for part in ("query", "key", "value"):
        yield from dense(attention + part, depth, width, heads, head, fan_in=width, bias=(depth, heads, head))
    yield from dense(attention + "out", depth, heads, head, width, fan_in=width, bias=(depth, width))
    yield from dense(block + "MlpBlock_0/Dense_0", depth, width, mlp, fan_in=width, bias=(depth, mlp))
    yield from dense(block + "MlpBlock_0/Dense_1", depth, mlp, width, fan_in=mlp, bias=(depth, width))
    yield from layer_norm("PaliGemma/img/Transformer/encoder_norm", width)
    yield from dense("PaliGemma/img/head", width, size["vlm"][1], fan_in=width, bias=(size["vlm"][1],))
    yield "PaliGemma/llm/embedder/input_embedding", (size["vocabulary"], size["vlm"][1]), 0.0, size["vlm"][1]**-0.5
    for suffix, (depth, width, mlp) in (("", size["vlm"]), ("_1", size["expert"])):
        heads, kv, head = size["heads"]
        layers = "PaliGemma/llm/layers/"
        yield f"{layers}attn/q_einsum{suffix}/w", (depth, heads, width, head), 0.0, width**-0.5
        yield f"{layers}attn/kv_einsum{suffix}/w", (depth, 2, kv, width, head), 0.0, width**-0.5
        yield f"{layers}attn/attn_vec_einsum{suffix}/w", (depth, heads, head, width), 0.0, (heads * head)**-0.5
        yield f"{layers}mlp{suffix}/gating_einsum", (depth, 2, width, mlp), 0.0, width**-0.5
        yield f"{layers}mlp{suffix}/linear", (depth, mlp, width), 0.0, mlp**-0.5
        yield f"{layers}pre_attention_norm{suffix}/scale", (depth, width), 0.0, 0.1
        yield f"{layers}pre_ffw_norm{suffix}/scale", (depth, width), 0.0, 0.1
        yield f"PaliGemma/llm/final_norm{suffix}/scale", (width,), 0.0, 0.1
    width, actions = size["expert"][1], size["action_dim"]
    for name, rows, columns in (("state_proj", actions, width), ("action_in_proj", actions, width),
                                ("action_time_mlp_in", 2 * width, width), ("action_time_mlp_out", width, width),
                                ("action_out_proj", width, actions)):
        yield from dense(name, rows, columns, fan_in=rows, bias=(columns,))


def chunk_shape(shape, item):
    """Halves the last axes that can be halved until a chunk is small enough, as openpi's saves come out."""
    chunk = list(shape)
    while math.prod(chunk) * item > MOST_CHUNK_BYTES:
        axis = max(range(len(chunk)), key=lambda i: chunk[i])
        chunk[axis] //= 2
    return chunk


def row(name, index, shape, mean, deviation, dtype, seed):
    """One row of axis 0; of a matrix with many short ones, a block of 1024."""
    random = np.random.Generator(np.random.PCG64([seed, zlib.crc32(name.encode()), index]))
    values = random.standard_normal(shape, dtype=np.float32)
    values *= np.float32(deviation)
    values += np.float32(mean)
    return values.astype(dtype)


def blocks(shape):
    """Ranges of axis 0 that are made together."""
    step = 1 if len(shape) > 2 else 1024
    return [(i, min(i + step, shape[0])) for i in range(0, shape[0], step)]


def open_array(store, name, shape, chunk, dtype):
    spec = {
        "driver": "zarr",
        "kvstore": {**store, "path": "params." + name.replace("/", ".")},
        "metadata": {"shape": list(shape), "chunks": chunk, "compressor": {"id": "zstd", "level": 1},
                     "dtype": "bfloat16" if dtype == ml_dtypes.bfloat16 else "<f4"},
        "store_data_equal_to_fill_value": True,
        "create": True,
    }
    return ts.open(spec).result()


def write(store, name, shape, mean, deviation, dtype, seed, digest):
    chunk = chunk_shape(shape, dtype.itemsize)
    array = open_array(store, name, shape, chunk, dtype)
    tail = tuple(shape[1:])
    whole = hashlib.sha256()
    for grid in np.ndindex(*(-(-n // c) for n, c in zip(shape, chunk))):
        part = tuple(slice(g * c, min((g + 1) * c, n)) for g, c, n in zip(grid, chunk, shape))
        values = np.empty([s.stop - s.start for s in part], dtype)
        for begin, end in blocks(shape):
            low, high = max(begin, part[0].start), min(end, part[0].stop)
            if low >= high:
                continue
            block = row(name, begin, (end - begin, *tail), mean, deviation, dtype, seed)
            values[low - part[0].start:high - part[0].start] = block[low - begin:high - begin][(slice(None), *part[1:])]
        array[part].write(values, can_reference_source_data_indefinitely=True).result()
        if digest:
            whole.update(values.tobytes())
    assert not digest or list(shape) == chunk, "a digest needs whole tensors: take the tiny size"
    return whole.digest()


def metadata(names):
    tree = {}
    for name, shape in names:
        parts = ["params", *name.split("/")]
        tree[repr(tuple(parts))] = {
            "key_metadata": [{"key": part, "key_type": 2} for part in parts],
            "value_metadata": {"value_type": "jax.Array", "skip_deserialize": False, "write_shape": list(shape)}}
    return {"tree_metadata": tree, "use_zarr3": False, "store_array_data_equal_to_fill_value": True,
            "custom_metadata": None}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--size", choices=("full", "tiny"), default="full")
    parser.add_argument("--dtype", choices=("bfloat16", "float32"), default="bfloat16")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--digest", action="store_true")
    args = parser.parse_args()
    params = args.folder.absolute() / "params"
    params.mkdir(parents=True)
    dtype = np.dtype(ml_dtypes.bfloat16 if args.dtype == "bfloat16" else np.float32)
    config = {"max_inline_value_bytes": 1024, "max_decoded_node_bytes": 100_000_000}
    store = {"driver": "ocdbt", "base": f"file://{params}/ocdbt.process_0/", "config": config}
    total = hashlib.sha256()
    listed = sorted(parameters(FULL if args.size == "full" else TINY))
    for name, shape, mean, deviation in listed:
        print(name, list(shape), flush=True)
        digest = write(store, name, shape, mean, deviation, dtype, args.seed, args.digest)
        number = lambda value: struct.pack("<Q", value)
        total.update(number(len(name)) + name.encode() + number(len(args.dtype)) + args.dtype.encode())
        total.update(number(len(shape)) + b"".join(map(number, shape)) + digest)
    # What Orbax does when all processes have written: the index of the whole, over their files.
    context = ts.Context()
    process = ts.KvStore.open(store, context=context).result()
    merged = ts.KvStore.open({**store, "base": f"file://{params}/"}, context=context).result()
    process.experimental_copy_range_to(merged).result()
    (params / "_METADATA").write_text(json.dumps(metadata([(name, shape) for name, shape, _, _ in listed])))
    print(f"{sum(math.prod(shape) for _, shape, _, _ in listed):,} parameters")
    if args.digest:
        print("SHA-256 of the set:", total.hexdigest())


if __name__ == "__main__":
    main()
