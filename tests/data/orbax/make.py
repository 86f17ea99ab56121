"""Writes small.ckpt: an Orbax folder made by TensorStore, with arrays that openpi's own checkpoints do not have.

usage: python make.py

Element i of an array, in row-major order, is i % 100 - 20 (of unsigned ones i % 100, of bools i % 3 == 0).
Needs numpy==1.26.4 ml_dtypes==0.5.4 tensorstore==0.1.74 from PyPI.
"""
import json
import pathlib
import shutil

import ml_dtypes
import numpy as np
import tensorstore as ts

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE / "small.ckpt" / "params"
ZSTD = {"id": "zstd", "level": 1}
# name: dtype, shape, chunks, order, compressor
ARRAYS = {
    "bfloat16/chunked": ("bfloat16", [5, 7], [2, 3], "C", ZSTD),
    "bfloat16/large": ("bfloat16", [64, 40], [64, 40], "C", ZSTD),
    "float16/column_major": ("<f2", [3, 4, 2], [2, 3, 2], "F", ZSTD),
    "float32/big_endian": (">f4", [9], [4], "C", None),
    "float32/one_chunk": ("<f4", [30, 20], [30, 20], "C", ZSTD),
    "float32/plain": ("<f4", [30, 20], [7, 20], "C", None),
    "float32/scalar": ("<f4", [], [], "C", ZSTD),
    "float64/column_major": ("<f8", [4, 5], [3, 5], "F", None),
    "int32/none": ("<i4", [0, 3], [1, 3], "C", ZSTD),
    "int64/padded": ("<i8", [3], [8], "C", ZSTD),
    "uint8/deep": ("|u1", [2, 3, 4, 5], [1, 2, 4, 3], "C", ZSTD),
    "bool/mask": ("|b1", [6, 3], [4, 2], "C", ZSTD),
}


def values(dtype, shape):
    kind = np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    counting = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    if kind == bool:
        return counting % 3 == 0
    return (counting % 100 - (0 if kind.kind == "u" else 20)).astype(kind)


def main():
    shutil.rmtree(FOLDER.parent, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    context = ts.Context()
    config = {"max_inline_value_bytes": 200, "max_decoded_node_bytes": 600}  # so that the tree has levels
    store = {"driver": "ocdbt", "base": f"file://{FOLDER}/ocdbt.process_0/", "config": config}
    tree = {"('params', 'empty')": {"key_metadata": [{"key": "params", "key_type": 2}, {"key": "empty", "key_type": 2}],
                                    "value_metadata": {"value_type": "Dict", "skip_deserialize": True}}}
    for name, (dtype, shape, chunks, order, compressor) in ARRAYS.items():
        parts = ["params", *name.split("/"), "value"]
        metadata = {"shape": shape, "chunks": chunks, "dtype": dtype, "order": order, "compressor": compressor}
        array = ts.open({"driver": "zarr", "kvstore": {**store, "path": ".".join(parts)}, "metadata": metadata,
                         "store_data_equal_to_fill_value": True, "create": True}, context=context).result()
        array.write(values(dtype, shape)).result()
        tree[repr(tuple(parts))] = {"key_metadata": [{"key": part, "key_type": 2} for part in parts],
                                    "value_metadata": {"value_type": "jax.Array", "skip_deserialize": False}}
    process = ts.KvStore.open(store, context=context).result()
    merged = ts.KvStore.open({**store, "base": f"file://{FOLDER}/"}, context=context).result()
    process.experimental_copy_range_to(merged).result()
    (FOLDER / "_METADATA").write_text(json.dumps(
        {"tree_metadata": tree, "use_zarr3": False, "store_array_data_equal_to_fill_value": True}))


if __name__ == "__main__":
    main()
