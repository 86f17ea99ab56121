"""A model in this interpreter: a package, its entry, and how requests reach it.

The shim keeps what a request needs (`inputs`, `output_names`, the callable of the version in use)
and calls the other methods when something changes.
"""

import json
import sys
from typing import Any, Dict, List, Optional, Sequence, Tuple

from . import answers, arrays, entry
from .faults import FAILED_PRECONDITION, Fault
from .package import Package
from .weights import Version


class Model:
    """Loads the package that `header` (see mp_model in protocol.h) and `blob`, the bytes of its
    files, describe.

    Raises what the package's code raises, and Fault for what is wrong with the package itself.
    """

    def __init__(self, header: Dict[str, Any], package: Package) -> None:
        _check_python(header.get("python", ""))
        self._outputs: List[Dict[str, Any]] = header["outputs"]
        self._weights: List[str] = header["weights"]
        self.output_names = tuple(o["name"] for o in self._outputs)
        self._ranks = tuple(len(o["shape"]) for o in self._outputs)
        self._package = package
        package.compile_all()
        value = self._find(header["entry"])
        self._kind = arrays.kind_for(header["extern"])
        names = [i["name"] for i in header["inputs"]]
        self._entry = entry.make(value, header["entry"], names)
        kind = self._input_kind(value)
        self.inputs = tuple((i["name"], *kind.maker(i["dtype"])) for i in header["inputs"])

    def _find(self, name: str) -> Any:
        module = name.partition(":")[0]
        if not self._package.has(module):
            raise Fault(f"entry '{name}': the package has no module '{module}'")
        return entry.find(self._package.import_module(module), name)

    def _input_kind(self, value: Any) -> Any:
        return (
            arrays.TorchTensors(sys.modules["torch"])
            if entry.is_torch_module(value)
            else self._kind
        )

    def version(self, ident: int, values: Sequence[Tuple[str, Any]]) -> Version:
        """The mapping of a version with these values: dtype and buffer of each weight."""
        return Version(ident, self._weights, values, self._wrap)

    def _wrap(self, dtype: str, memory: Any) -> Any:
        return arrays.wrap(self._kind, dtype, memory)

    def use(self, version: Version) -> Tuple[Any, Optional[Version]]:
        """What answers for this version: a callable, and what it gets as `weights`."""
        return self._entry.use(version)

    def forget(self, version: Version) -> None:
        """Drops what was made for a version."""
        version.close()

    def split(self, result: Any) -> Tuple[Any, ...]:
        """The values of the outputs in an answer."""
        return answers.split(result, self.output_names, self._ranks)

    def convert(self, index: int, value: Any, shape: Tuple[int, ...]) -> Any:
        """An object that exports the bytes of an output."""
        output = self._outputs[index]
        return answers.convert(output["name"], value, output["dtype"], shape)

    def close(self) -> None:
        """Forgets the package's modules."""
        self._package.close()


def _check_python(needed: str) -> None:
    if needed and tuple(map(int, needed.split("."))) > sys.version_info[: needed.count(".") + 1]:
        have = ".".join(map(str, sys.version_info[:3]))
        raise Fault(
            f"the package needs Python {needed} or later, this is {have} ({sys.executable})",
            FAILED_PRECONDITION,
        )


def open_package(blob: Any, header_bytes: int) -> Tuple[Dict[str, Any], Package]:
    """What an mp_model's memory holds: a header in JSON, and behind it the bytes of the files."""
    view = memoryview(blob)
    header = json.loads(bytes(view[:header_bytes]))
    contents = view[header_bytes:]
    files = {name: contents[begin : begin + size] for name, begin, size in header["files"]}
    return header, Package(files, header["package"], header["extern"])
