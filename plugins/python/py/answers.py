"""What a model returned, as the memory of its outputs; or one sentence that says what is wrong with
it.

Arrays must have exactly the dtype and shape that are declared. Python numbers, alone or in nested
lists, are converted. The shim has taken what exports such memory already; what comes here is all
else.
"""

import ctypes
import struct
import sys
from collections.abc import Mapping
from typing import Any, List, Sequence, Tuple

from .dtypes import DTYPES, name_of_format
from .faults import INTERNAL, Fault


def _wrong(text: str) -> Fault:
    return Fault(text, INTERNAL)


def _kind(value: Any) -> str:
    name = type(value).__name__
    return "None" if value is None else f"an object of type {name}"


def split(result: Any, names: Sequence[str], ranks: Sequence[int]) -> Tuple[Any, ...]:
    """The answer's values in the order of the outputs: of a dict by name, a tuple or list, or one
    value."""
    declared = f"{len(names)} output{'s' if len(names) != 1 else ''} ({', '.join(names)})"
    if result is None:
        raise _wrong(f"the model returned None, expected {declared}")
    if isinstance(result, Mapping):
        missing = [name for name in names if name not in result]
        other = [str(name) for name in result if name not in names]
        if missing:
            has = ", ".join(map(str, result)) or "nothing"
            raise _wrong(
                f"the answer has no output '{missing[0]}' (it has: {has}), expected {declared}"
            )
        if other:
            raise _wrong(f"the answer has '{other[0]}', which is no output, expected {declared}")
        return tuple(result[name] for name in names)
    if len(names) == 1 and not _is_list_of_outputs(result, ranks[0]):
        return (result,)
    if not isinstance(result, (tuple, list)):
        raise _wrong(f"the model returned {_kind(result)}, expected {declared}")
    if len(result) != len(names):
        hint = "; stack rows that are one output into one array" if len(names) == 1 else ""
        raise _wrong(f"the model returned {len(result)} values, expected {declared}{hint}")
    return tuple(result)


def _is_list_of_outputs(value: Any, rank: int) -> bool:
    """Of an answer for one output: whether a tuple or list has the output as its only element, or
    is the output itself, as nested lists of numbers."""
    if not isinstance(value, (tuple, list)):
        return False
    depth, leaf = 0, value
    while isinstance(leaf, (tuple, list)):
        if not leaf:
            return False
        depth, leaf = depth + 1, leaf[0]
    return _is_array(leaf) or (depth == rank + 1 and len(value) == 1)


def _is_array(value: Any) -> bool:
    """Whether it is an array of rank 1 or more; one of rank 0 counts as a number."""
    shape = getattr(value, "shape", None)
    if shape is None:
        try:
            shape = memoryview(value).shape
        except TypeError:
            return False
    return len(shape) > 0


def convert(name: str, value: Any, dtype: str, shape: Tuple[int, ...]) -> Any:
    """An object that exports the output's bytes, in row-major order."""
    if (
        isinstance(value, (bool, int, float))
        and not hasattr(value, "dtype")
        or isinstance(value, (list, tuple))
    ):
        return _pack(name, value, dtype, shape)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return _from_torch(name, value, dtype, shape, torch)
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return _from_array(name, value, dtype, shape)
    try:
        view = memoryview(value)
    except TypeError:
        raise _wrong(
            f"output '{name}' is {_kind(value)}, expected {dtype} of shape {_shape(shape)}"
        ) from None
    _check(name, name_of_format(view.format, view.itemsize), view.shape, dtype, shape)
    return view


def _shape(shape: Sequence[int]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _check(
    name: str, dtype: str, shape: Sequence[int], wanted: str, wanted_shape: Sequence[int]
) -> None:
    if dtype != wanted and not (wanted == "bfloat16" and dtype == "uint16"):
        raise _wrong(f"output '{name}' is {dtype}, declared as {wanted}")
    if tuple(shape) != tuple(wanted_shape):
        raise _wrong(f"output '{name}' has shape {_shape(shape)}, expected {_shape(wanted_shape)}")


def _from_torch(name: str, value: Any, dtype: str, shape: Tuple[int, ...], torch: Any) -> Any:
    _check(name, str(value.dtype).replace("torch.", ""), value.shape, dtype, shape)
    value = value.detach().cpu()
    if dtype == "bfloat16":
        value = value.view(torch.int16)
    try:
        return value.numpy()
    except RuntimeError:  # no numpy for this torch
        value = value.resolve_neg().contiguous()
        return ctypes.string_at(value.data_ptr(), value.numel() * value.element_size())


def _from_array(name: str, value: Any, dtype: str, shape: Tuple[int, ...]) -> Any:
    """numpy, whose own types of foreign origin (bfloat16) and foreign byte order are no plain
    buffers."""
    _check(name, str(getattr(value.dtype, "name", value.dtype)), value.shape, dtype, shape)
    if hasattr(value.dtype, "newbyteorder"):
        value = value.astype(value.dtype.newbyteorder("="), copy=False)
    return value.tobytes()


# ---- Numbers ----


def _flatten(name: str, value: Any, shape: Sequence[int], axis: int, out: List[Any]) -> None:
    if axis == len(shape):
        if isinstance(value, (list, tuple)):
            raise _wrong(
                f"output '{name}' is nested deeper than its shape, expected {_shape(shape)}"
            )
        out.append(value)
        return
    if not isinstance(value, (list, tuple)):
        raise _wrong(
            f"output '{name}' has {_kind(value)} at depth {axis} of its lists,"
            f" expected {_shape(shape)}"
        )
    if len(value) != shape[axis]:
        raise _wrong(
            f"output '{name}' has {len(value)} elements along axis {axis},"
            f" expected {shape[axis]} of {_shape(shape)}"
        )
    for element in value:
        _flatten(name, element, shape, axis + 1, out)


def _bfloat16_bits(value: float) -> int:
    """Rounded to nearest even."""
    bits = struct.unpack("=I", struct.pack("=f", value))[0]
    if value != value:
        return bits >> 16 | 0x40
    return (
        min((bits & 0x7FFFFFFF) + 0x7FFF + (bits >> 16 & 1), 0x7F800000) >> 16 | bits >> 16 & 0x8000
    )


def _pack(name: str, value: Any, dtype: str, shape: Tuple[int, ...]) -> bytes:
    numbers: List[Any] = []
    _flatten(name, value, shape, 0, numbers)
    if dtype == "bool":  # numpy's are none of Python's
        numbers = [n.item() if hasattr(n, "item") else n for n in numbers]
    if dtype == "bool" and not all(isinstance(n, (bool, int)) for n in numbers):
        bad = next(n for n in numbers if not isinstance(n, (bool, int)))
        raise _wrong(f"output '{name}': {bad!r} is no bool")
    code = DTYPES[dtype].format
    try:
        if dtype == "bfloat16":
            numbers = [_bfloat16_bits(n) for n in numbers]
        return struct.pack(f"={len(numbers)}{code}", *numbers)
    except (struct.error, OverflowError, TypeError):
        for number in numbers:
            try:
                struct.pack(f"={code}", number)
            except (struct.error, OverflowError, TypeError):
                raise _wrong(f"output '{name}': {number!r} is no {dtype}") from None
        raise
