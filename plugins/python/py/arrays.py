"""How a model sees tensors: memoryviews, numpy arrays or torch tensors, over buffers that the shim
makes.

Each kind says for a dtype how to make an array: `maker(dtype)` is a pair (callable or None,
object), and the shim calls callable(shape, object, buffer) for every input of every request; None
stands for memoryview(buffer).
"""

import importlib
import sys
import warnings
from typing import Any, Callable, Optional, Sequence, Tuple

from .faults import Fault

Maker = Tuple[Optional[Callable[..., Any]], Any]


class Views:
    """memoryview objects with format and shape: a model needs nothing but Python. bfloat16 is seen
    as its bits."""

    def maker(self, dtype: str) -> Maker:
        return None, None


class NumpyArrays:
    """numpy arrays. bfloat16 is an array if ml_dtypes may be used, else a torch tensor if torch
    may, else its bits."""

    def __init__(self, numpy: Any, ml_dtypes: Any = None, torch: Any = None) -> None:
        self._numpy = numpy
        self._ml_dtypes = ml_dtypes
        self._tensors = TorchTensors(torch) if torch is not None else None

    def maker(self, dtype: str) -> Maker:
        if dtype == "bfloat16":
            if self._ml_dtypes is not None:
                return self._numpy.ndarray, self._numpy.dtype(self._ml_dtypes.bfloat16)
            if self._tensors is not None:
                return self._tensors.maker(dtype)
            return self._numpy.ndarray, self._numpy.dtype("uint16")
        return self._numpy.ndarray, self._numpy.dtype(dtype)


class TorchTensors:
    """torch tensors that share the buffer's memory."""

    def __init__(self, torch: Any) -> None:
        self._torch = torch

    def maker(self, dtype: str) -> Maker:
        return self._make, self.dtype(dtype)

    def dtype(self, name: str) -> Any:
        """torch's own; its unsigned types beyond uint8 are younger than the others."""
        dtype = getattr(self._torch, name, None)
        if dtype is None:
            raise TypeError(f"this torch ({self._torch.__version__}) has no dtype {name}")
        return dtype

    def _make(self, shape: Sequence[int], dtype: Any, memory: Any) -> Any:
        if 0 in shape:  # frombuffer takes no empty buffer
            return self._torch.empty(shape, dtype=dtype)
        return self._torch.frombuffer(memory, dtype=dtype).view(shape)

    def weight(self, shape: Sequence[int], dtype: str, memory: Any) -> Any:
        """A tensor over read-only memory, which torch warns of: it cannot tell."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self._make(shape, self.dtype(dtype), memory)


def find_module(name: str) -> Any:
    """The module, or None if this Python does not have it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        return None


def kind_for(extern: Sequence[str]) -> Any:
    """How a package that declares these external modules sees tensors."""
    tops = {name.partition(".")[0] for name in extern}
    if not tops & {"numpy", "torch", "ml_dtypes"}:
        return Views()
    torch = find_module("torch") if "torch" in tops else None
    numpy = find_module("numpy")
    if numpy is None and torch is not None:
        return TorchTensors(torch)
    if numpy is None:
        raise Fault(
            f"the package declares {', '.join(sorted(tops))}, so its inputs are numpy arrays, but"
            f" {sys.executable} does not have numpy; install it there, or set `site`"
        )
    return NumpyArrays(numpy, find_module("ml_dtypes") if "ml_dtypes" in tops else None, torch)


def wrap(kind: Any, dtype: str, memory: Any) -> Any:
    """An array over the buffer of a weight."""
    make, native = kind.maker(dtype)
    if make is None:
        return memoryview(memory)
    shape = memoryview(memory).shape
    if isinstance(kind, NumpyArrays) and make is kind._numpy.ndarray:
        return make(shape, native, memory)
    tensors = kind if isinstance(kind, TorchTensors) else kind._tensors
    return tensors.weight(shape, dtype, memory)
