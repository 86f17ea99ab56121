"""Numbers, alone and in nested lists, as arrays of a dtype that hold the same numbers.

A float dtype rounds what is in its range. Any other number that the dtype does not have is refused:
300 for a uint8, 1.5 and 1.0 for an int64, 2 for a bool, 1e39 for a float32, "5" for all of them.
"""

from __future__ import annotations

import operator
import reprlib
from typing import Any

import numpy as np

from .errors import InvalidArgumentError

_FLOATS = ("float16", "float32", "float64", "bfloat16")


def array_of(name: str, value: Any, dtype: str | None) -> tuple[np.ndarray, str]:
    """The values, for bfloat16 their bits as uint16, and their dtype. dtype None: float32, int64,
    bool, or what elements of numpy's own types have. Lists of uint16 arrays are bits where bfloat16
    is wanted, as such arrays are. Errors: InvalidArgumentError naming tensor and number."""
    refuse_masked(name, value)
    try:
        guess = np.asarray(value)
        dtype = dtype or _own_dtype(guess)
        made = _cast(guess, dtype)
        return _each(name, np.asarray(value, object), dtype) if made is None else made, dtype
    except InvalidArgumentError:
        raise
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidArgumentError(f"tensor '{name}' is no array: {error}") from None


def refuse_masked(name: str, value: Any) -> None:
    """Errors: InvalidArgumentError for a masked array, also in lists: the mask would be lost."""
    if isinstance(value, np.ma.MaskedArray):
        raise InvalidArgumentError(
            f"tensor '{name}' is a masked array, and the engine has no masks; give .filled(...)"
        )
    if isinstance(value, (list, tuple)):
        kinds = set(map(type, value))
        if any(issubclass(kind, (list, tuple, np.ma.MaskedArray)) for kind in kinds):
            for element in value:
                refuse_masked(name, element)


def _own_dtype(array: np.ndarray) -> str:
    """What an array of numbers without a declared dtype becomes."""
    kind, name = array.dtype.kind, array.dtype.name
    return name if kind in "biu" or name in ("float16", "bfloat16") else "float32"


def _cast(array: np.ndarray, dtype: str) -> np.ndarray | None:
    """The same numbers in another dtype; None: some of them are not in it, or are no numbers."""
    if array.size == 0:
        return np.zeros(array.shape, "uint16" if dtype == "bfloat16" else dtype)
    if dtype == "bfloat16" and array.dtype.name in ("uint16", "bfloat16"):
        return array.view(np.uint16)
    if dtype in _FLOATS:
        return _cast_to_float(array, dtype)
    if array.dtype.kind not in "biu":
        return None
    least, most = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return array.astype(dtype) if least <= int(array.min()) <= int(array.max()) <= most else None


def _cast_to_float(array: np.ndarray, dtype: str) -> np.ndarray | None:
    if array.dtype.kind not in "biuf":
        if array.dtype.name != "bfloat16":
            return None
        array = array.astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        made = array.astype(np.float32 if dtype == "bfloat16" else dtype)
    finite = np.isfinite(made)
    if dtype == "bfloat16":
        made = _bfloat16_bits(made)
        finite = (made & 0x7F80) != 0x7F80
    return made if (finite | ~np.isfinite(array)).all() else None


def _bfloat16_bits(array: np.ndarray) -> np.ndarray:
    """Of float32, rounded to the nearest, and of two to the even one."""
    bits = np.ascontiguousarray(array).view(np.uint32).reshape(array.shape).astype(np.int64)
    rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
    return np.where(np.isnan(array), bits >> 16 | 0x40, rounded).astype(np.uint16)


def _each(name: str, elements: np.ndarray, dtype: str) -> np.ndarray:
    """One by one: which of them does not fit, or, where numpy has no common type of all of them
    that keeps each, as for -1 and 2**63, that all do."""
    made = []
    for element in elements.ravel():
        number = _number(element, dtype)
        fitting = None if number is None else _cast(np.asarray(number), dtype)
        if fitting is None:
            raise InvalidArgumentError(f"tensor '{name}': {_shown(element)} is no {dtype}")
        made.append(fitting)
    return np.array(made).reshape(elements.shape)


def _number(element: Any, dtype: str) -> int | float | None:
    """The number that an object is, in the kind of the dtype; None for any other object."""
    if isinstance(element, np.generic):
        if element.dtype.kind not in "biuf" and element.dtype.name != "bfloat16":
            return None
        element = element.item()
    elif isinstance(element, (str, bytes, bytearray, complex, np.ndarray)):
        return None
    try:
        return float(element) if dtype in _FLOATS else operator.index(element)
    except (TypeError, ValueError, OverflowError):
        return None


def _shown(element: Any) -> str:
    try:
        return reprlib.repr(element)
    except ValueError:  # Python writes no numbers of very many digits
        return "a number of too many digits"
