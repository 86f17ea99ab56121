"""Declarations of inputs, outputs and tensors: "x: float32[batch, 4]"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ._errors import PackagingError

DTYPE_SIZES = {
    "float32": 4,
    "float64": 8,
    "float16": 2,
    "bfloat16": 2,
    "int8": 1,
    "int16": 2,
    "int32": 4,
    "int64": 8,
    "uint8": 1,
    "uint16": 2,
    "uint32": 4,
    "uint64": 8,
    "bool": 1,
}
MAX_TENSORS, MAX_RANK = 32, 8  # of inputs, and of outputs
Dim = int | str


@dataclass(frozen=True)
class TensorDeclaration:
    """An input or output. A dimension is a number, or a name for any size."""

    name: str
    dtype: str
    shape: tuple[Dim, ...]

    def __str__(self) -> str:
        dims = f"[{', '.join(map(str, self.shape))}]" if self.shape else ""
        return f"{self.name}: {self.dtype}{dims}"

    def to_json(self) -> dict[str, object]:
        return {"name": self.name, "dtype": self.dtype, "shape": list(self.shape)}


Declarable = str | TensorDeclaration
_FORM = re.compile(r"\s*([^:]*[^:\s])\s*:\s*(\w+)\s*(?:\[([^\]]*)\])?\s*")


def declare(given: Declarable) -> TensorDeclaration:
    """Errors: PackagingError quoting the text."""
    if isinstance(given, TensorDeclaration):
        return _checked(given, str(given))
    form = _FORM.fullmatch(given)
    if form is None:
        raise PackagingError(f"'{given}' is no declaration such as 'x: float32[batch, 4]'")
    name, dtype, dims = form.groups()
    shape = tuple(_dim(part.strip(), given) for part in dims.split(",")) if dims else ()
    return _checked(TensorDeclaration(name, dtype, shape), given)


def _dim(text: str, given: str) -> Dim:
    if re.fullmatch(r"[0-9]{1,18}", text):
        return int(text)
    if re.fullmatch(r"[A-Za-z_]\w{0,63}", text, re.ASCII):
        return text
    raise PackagingError(f"'{given}': '{text}' is neither a number nor a name for a dimension")


def _checked(declared: TensorDeclaration, given: str) -> TensorDeclaration:
    if not declared.name.isidentifier():
        raise PackagingError(f"'{given}': '{declared.name}' is no Python identifier")
    check_dtype(declared.dtype, f"'{given}'")
    if len(declared.shape) > MAX_RANK:
        raise PackagingError(f"'{given}' has more than {MAX_RANK} dimensions")
    return declared


def check_dtype(dtype: str, where: str) -> None:
    if dtype not in DTYPE_SIZES:
        raise PackagingError(
            f"{where}: '{dtype}' is no dtype; there are {', '.join(sorted(DTYPE_SIZES))}"
        )


def signature_problems(
    inputs: Sequence[TensorDeclaration],
    outputs: Sequence[TensorDeclaration],
    tensors: Iterable[str],
    batching: bool,
) -> list[str]:
    """What is wrong with inputs, outputs and tensors together, a sentence each."""
    problems = []
    for kind, declared in (("input", inputs), ("output", outputs)):
        if not declared:
            problems.append(f"the package declares no {kind}; add_{kind}('x: float32[batch, 4]')")
        if len(declared) > MAX_TENSORS:
            problems.append(
                f"there are {len(declared)} {kind}s, at most {MAX_TENSORS} are possible"
            )
        names = [one.name for one in declared]
        problems += [
            f"two {kind}s are called '{n}'" for n in sorted(set(names)) if names.count(n) > 1
        ]
    used = set(tensors)
    problems += [
        f"an input and a tensor are called '{one.name}'" for one in inputs if one.name in used
    ]
    known = {dim for one in inputs for dim in one.shape if isinstance(dim, str)}
    for one in outputs:
        for dim in one.shape:
            if isinstance(dim, str) and dim not in known:
                problems.append(f"output '{one}': no input has the dimension '{dim}'")
    if batching:
        problems += _batching_problems([*inputs, *outputs])
    return problems


def _batching_problems(declared: Sequence[TensorDeclaration]) -> list[str]:
    firsts = {one.shape[0] if one.shape else None for one in declared}
    if len(firsts) == 1 and isinstance(next(iter(firsts)), str):
        return []
    return [
        "batching asks for one named dimension at the front of every input and output, as in "
        f"'x: float32[batch, 4]'; there are {', '.join(map(repr, map(str, declared)))}"
    ]
