"""Values of tensors as bytes: numpy arrays, torch tensors, and whatever has the buffer protocol.

numpy and torch are used when the values are theirs and never imported for others.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import sys
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ._declare import DTYPE_SIZES, check_dtype
from ._errors import PackagingError

_FORMATS = {"f": "float32", "d": "float64", "e": "float16", "?": "bool"}
_INTEGERS = "bhilq"
_SAFETENSORS = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "BOOL": "bool",
    "I8": "int8", "I16": "int16", "I32": "int32", "I64": "int64",
    "U8": "uint8", "U16": "uint16", "U32": "uint32", "U64": "uint64",
}  # fmt: skip
_DAMAGES = (zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Value:
    """dtype, shape, and the bytes: row-major and little endian."""

    dtype: str
    shape: tuple[int, ...]
    data: memoryview
    owner: Any = None  # keeps the memory


def value_of(name: str, array: Any, dtype: str | None = None) -> Value:
    """dtype: takes two-byte elements for "bfloat16", which numpy alone has not. Errors:
    PackagingError naming the tensor."""
    where = f"tensor '{name}'"
    value = _convert(where, array)
    count = 1
    for size in value.shape:
        count *= size
    check_dtype(value.dtype, where)
    if dtype is not None and dtype != value.dtype:
        if (dtype, value.dtype) not in (("bfloat16", "uint16"), ("bfloat16", "int16")):
            raise PackagingError(f"{where} is {value.dtype}, not {dtype}; convert it first")
        value = Value(dtype, value.shape, value.data, value.owner)
    if value.data.nbytes != count * DTYPE_SIZES[value.dtype]:
        raise PackagingError(f"{where} has {value.data.nbytes} bytes for {count} elements")
    return value


def _convert(where: str, array: Any) -> Value:
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(array, torch.Tensor):
        return _from_torch(where, array, torch)
    numpy = sys.modules.get("numpy")
    if numpy is not None and (
        isinstance(array, (numpy.ndarray, numpy.generic)) or hasattr(array, "__array__")
    ):
        return _from_numpy(where, numpy.asarray(array), numpy)
    try:
        view = memoryview(array)
    except TypeError:
        raise PackagingError(
            f"{where} is a {type(array).__name__}; give an array: numpy's, a torch tensor, or "
            "anything with the buffer protocol"
        ) from None
    return _from_buffer(where, view)


def _from_torch(where: str, tensor: Any, torch: Any) -> Value:
    if tensor.layout != torch.strided or tensor.is_quantized:
        raise PackagingError(f"{where} is a sparse or quantized tensor of torch; make it dense")
    dense = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
    dtype = str(dense.dtype).removeprefix("torch.")
    size = dense.numel() * dense.element_size()
    memory = (ctypes.c_char * size).from_address(dense.data_ptr()) if size else bytearray()
    return Value(dtype, tuple(dense.shape), memoryview(memory).cast("B"), dense)


def _from_numpy(where: str, array: Any, numpy: Any) -> Value:
    if array.dtype.byteorder == ">":
        array = array.astype(array.dtype.newbyteorder("<"))
    dtype, shape = array.dtype.name, array.shape
    if dtype not in DTYPE_SIZES:
        raise PackagingError(f"{where} has the dtype {array.dtype}, which Midstream does not have")
    flat = numpy.ascontiguousarray(array).reshape(-1).view(numpy.uint8)
    return Value(dtype, tuple(shape), memoryview(flat), array)


def _from_buffer(where: str, view: memoryview) -> Value:
    code = view.format.lstrip("@=<")
    if view.format[0] in ">!" or len(code) != 1:
        raise PackagingError(f"{where} has elements of the format '{view.format}'")
    dtype = _FORMATS.get(code)
    if dtype is None and code.lower() in _INTEGERS:
        dtype = f"{'int' if code.islower() else 'uint'}{view.itemsize * 8}"
    if dtype is None:
        raise PackagingError(f"{where} has elements of the format '{view.format}'")
    data = view.cast("B") if view.c_contiguous and view.nbytes else memoryview(view.tobytes())
    return Value(dtype, tuple(view.shape or ()), data, view)


def read_file(path: str | os.PathLike[str]) -> Iterator[tuple[str, Value]]:
    """The tensors of a .safetensors file (mapped, no library needed) or of a .npz file (by numpy).
    Errors: PackagingError naming the file."""
    path = os.fspath(path)
    if path.endswith(".safetensors"):
        yield from _read_safetensors(path)
    elif path.endswith(".npz"):
        yield from _read_npz(path)
    else:
        raise PackagingError(f"{path}: tensors are read from .safetensors and .npz files")


def _read_npz(path: str) -> Iterator[tuple[str, Value]]:
    try:
        import numpy
    except ModuleNotFoundError:
        raise PackagingError(f"{path}: a .npz file is read by numpy, which is not here") from None
    try:
        with open(path, "rb") as file:
            if not zipfile.is_zipfile(file):
                raise ValueError("it is no zip file")
            file.seek(0)
            archive = numpy.load(file, allow_pickle=False)
            for name in archive.files:
                array = archive[name]
                if not isinstance(array, numpy.ndarray):
                    raise ValueError(f"'{name}' in it is no .npy file")
                yield name, value_of(name, array)
    except (ValueError, EOFError, KeyError, RuntimeError, *_DAMAGES) as error:
        raise PackagingError(f"{path} is no sound npz file: {error}") from None


def _read_safetensors(path: str) -> Iterator[tuple[str, Value]]:
    try:
        with open(path, "rb") as file:
            mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        begin = 8 + int.from_bytes(mapped[:8], "little")
        if not 8 < begin <= len(mapped):
            raise ValueError(f"its header would end at byte {begin} of {len(mapped)}")
        header = json.loads(bytes(mapped[8:begin]))
        header.pop("__metadata__", None)
        for name, entry in header.items():
            first, last = entry["data_offsets"]
            data = mapped[begin + first : begin + last]
            value = Value(_SAFETENSORS[entry["dtype"]], tuple(entry["shape"]), data, mapped)
            size = DTYPE_SIZES[value.dtype]
            for dim in value.shape:
                size *= dim
            if data.nbytes != size:
                raise ValueError(f"tensor '{name}' has {data.nbytes} bytes instead of {size}")
            yield name, value
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PackagingError(f"{path} is no sound safetensors file: {error}") from None
