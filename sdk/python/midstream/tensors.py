"""Declarations of tensors, and the way between Python's values and the engine's.

What has the buffer protocol or DLPack is used where it lies. The rest is converted here: lists and
numbers become arrays of the dtype that is declared (_numbers.py), torch tensors that record
gradients are detached, and bfloat16 arrays of ml_dtypes, which numpy's buffers cannot tell of, are
given as bits. Where bfloat16 is declared, uint16 arrays are taken as its bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _engine
from ._numbers import array_of, refuse_masked
from .errors import InvalidArgumentError

_BFLOAT16 = 0x0410
_DTYPES = {
    0x0220: "float32",
    0x0240: "float64",
    0x0210: "float16",
    _BFLOAT16: "bfloat16",
    0x0008: "int8",
    0x0010: "int16",
    0x0020: "int32",
    0x0040: "int64",
    0x0108: "uint8",
    0x0110: "uint16",
    0x0120: "uint32",
    0x0140: "uint64",
    0x0608: "bool",
}


@dataclass(frozen=True)
class TensorSpec:
    """A tensor that a session takes or gives, or a weight.

    dtype: "float32", "bfloat16", ... shape: a dimension of -1 may have any size; None: nothing is
    known.
    """

    name: str
    dtype: str
    shape: tuple[int, ...] | None

    @classmethod
    def of(cls, spec: _engine.Spec) -> TensorSpec:
        name, dtype, shape = spec
        return cls(name, _DTYPES[dtype], shape)


def plain(name: str) -> str:
    """A name without TensorFlow's ":0"."""
    return name.removesuffix(":0")


def bfloat16() -> np.dtype[Any] | None:
    """The dtype of the module ml_dtypes, or None where that is not installed."""
    try:
        import ml_dtypes  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return None
    found: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
    return found


def numpy_dtype(dtype: str) -> np.dtype[Any]:
    """For bfloat16 that of ml_dtypes, or of its bits, uint16."""
    return bfloat16() or np.dtype("uint16") if dtype == "bfloat16" else np.dtype(dtype)


def converter(dtype_of: Callable[[str], str | None]) -> Callable[[str, Any], Any]:
    """convert(name, value) for values that have neither a buffer nor DLPack; lists and numbers
    become arrays of the dtype that dtype_of(name) tells, or for None of float32, int64 or bool."""

    def convert(name: str, value: Any) -> Any:
        if hasattr(value, "detach"):
            return value.detach()
        if isinstance(value, np.ndarray) or hasattr(value, "__array__"):
            array = np.asarray(value)
        else:
            array, dtype = array_of(name, value, dtype_of(name))
            if dtype == "bfloat16":
                return array, _BFLOAT16
        if array.dtype.name == "bfloat16":
            return np.ascontiguousarray(array).view(np.uint16), _BFLOAT16
        if array.dtype.kind not in "biuf":
            raise InvalidArgumentError(
                f"tensor '{name}' has the dtype {array.dtype}, which the engine does not have"
            )
        return array

    return convert


def both_names(names: Iterable[str]) -> frozenset[str]:
    """As they may be given, with and without ":0"."""
    return frozenset(form for name in names for form in (plain(name), plain(name) + ":0"))


def arrays(specs: Iterable[TensorSpec], tensors: Iterable[Any]) -> dict[str, np.ndarray]:
    """Arrays over the engine's memory, which they keep."""
    found = {}
    for spec, tensor in zip(specs, tensors, strict=True):
        array = np.asarray(tensor)
        if spec.dtype == "bfloat16":
            array = array.view(numpy_dtype("bfloat16"))
        found[spec.name] = array
    return found


def named_inputs(
    inputs: Mapping[str, Any] | Any | None, named: dict[str, Any], specs: list[TensorSpec]
) -> dict[str, Any]:
    """The inputs of one call, however they were given."""
    found = _all_named(inputs, named, specs)
    for name, value in found.items():
        if isinstance(value, np.ma.MaskedArray):
            refuse_masked(name, value)
    return found


def _all_named(
    inputs: Mapping[str, Any] | Any | None, named: dict[str, Any], specs: list[TensorSpec]
) -> dict[str, Any]:
    if inputs is None:
        return named
    if isinstance(inputs, Mapping):
        return {**inputs, **named} if named else dict(inputs)
    if len(specs) != 1:
        names = ", ".join(spec.name for spec in specs) or "none"
        raise InvalidArgumentError(f"an array without a name, but the inputs are: {names}")
    if named:
        raise InvalidArgumentError("an array without a name beside named ones")
    return {specs[0].name: inputs}
