"""Packager: makes a .mspkg container from Python code, data and tensors."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from ._archive import ArchiveWriter, check_entry_name
from ._arrays import Value, read_file, value_of
from ._declare import Declarable, declare, signature_problems
from ._errors import PackagingError
from ._graph import CODE, DependencyGraph, Resolver
from ._imports import top_level_names
from ._rules import DENY, EXTERN, INTERN, MOCK, Rule
from ._sources import NotSource, Source, SourceFinder, shown

FORMAT, VERSION = "midstream.package", 1
OLDEST_PYTHON = (3, 10)


class Packager:
    """Writes a package when its `with` block ends without an exception.

        with Packager("policy.mspkg", entry="policy:Policy") as package:
            package.extern("numpy")
            package.intern("nets.**")
            package.add_tensors(weights)
            package.add_input("image: float32[batch, 784]")
            package.add_output("logits: float32[batch, 10]")

    path: the file to write. entry: "module:name" of a function or class, "module:name.name" of what
    is inside one; the module is packed, and what it imports as the rules say, the first that
    matches: extern (of the machine that runs the package), intern (packed), mock (packed as a
    stand-in that raises when used), deny (an error). Every import needs one, but for modules of the
    standard library: for these only rules count that name them without a glob. Globs are those of
    torch.package. allow_empty=False: it is an error if the rule matches nothing. inputs, outputs:
    declarations such as "x: float32[batch, 4]". batching: rows along the named first dimension do
    not depend on each other, so requests may be joined. python: the oldest version that can run the
    code. source: folders to look for modules in, before sys.path. name: by default that of the
    file.

    Nothing of the model is executed, and nothing pickled. Values are read when the block ends. One
    thread at a time. Errors: PackagingError, listing every problem; then no file is written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        entry: str,
        *,
        name: str | None = None,
        inputs: Sequence[Declarable] = (),
        outputs: Sequence[Declarable] = (),
        batching: bool = False,
        python: str = "3.10",
        source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
    ) -> None:
        self.path = Path(path)
        self.entry = entry
        self.name = self.path.stem if name is None else name
        self.batching = batching
        self.python = python
        self._version = _version(python)
        self._module = _entry_parts(entry)[0]
        folders = [source] if isinstance(source, (str, os.PathLike)) else list(source)
        self._finder = SourceFinder(folders)
        self._rules: list[Rule] = []
        self._added: dict[str, Source] = {}
        self._data: dict[str, bytes | Path] = {}
        self._resources: dict[str, str] = {}  # a file of each package that has any
        self._tensors: dict[str, Value] = {}
        self._inputs = [declare(one) for one in inputs]
        self._outputs = [declare(one) for one in outputs]

    # ---- Rules

    def extern(
        self,
        patterns: str | Iterable[str],
        *,
        exclude: str | Iterable[str] = (),
        allow_empty: bool = True,
    ) -> None:
        """Modules that the machine which runs the package has, and all below them."""
        self._rules.append(Rule.make(EXTERN, patterns, exclude, allow_empty))

    def intern(
        self,
        patterns: str | Iterable[str],
        *,
        exclude: str | Iterable[str] = (),
        allow_empty: bool = True,
    ) -> None:
        """Modules whose source is packed when something imports them."""
        self._rules.append(Rule.make(INTERN, patterns, exclude, allow_empty))

    def mock(
        self,
        patterns: str | Iterable[str],
        *,
        exclude: str | Iterable[str] = (),
        allow_empty: bool = True,
    ) -> None:
        """Modules, and all below them, that can be imported and raise when something is used."""
        self._rules.append(Rule.make(MOCK, patterns, exclude, allow_empty))

    def deny(self, patterns: str | Iterable[str], *, exclude: str | Iterable[str] = ()) -> None:
        """Modules, and all below them, that nothing may import."""
        self._rules.append(Rule.make(DENY, patterns, exclude))

    # ---- Content

    def add_module(self, name: str) -> None:
        """Packs a module of the import path, whether or not anything imports it."""
        found = self._finder.find(name)
        if isinstance(found, NotSource):
            raise PackagingError(f"'{name}' is {found.origin}, {found.reason}")
        if found is None:
            raise PackagingError(f"there is no module '{name}' to pack")
        self._add(found)

    def add_source_file(self, name: str, path: str | os.PathLike[str]) -> None:
        """Packs a file as the module `name`; a file called __init__.py makes it a package."""
        text = Path(path).read_bytes()
        self._add(Source(name, shown(path), Path(path).name == "__init__.py", text))

    def add_source_text(self, name: str, text: str, *, is_package: bool = False) -> None:
        """Packs a text as the module `name`."""
        self._add(Source(name, f"<the text of '{name}'>", is_package, text.encode()))

    def add_data(self, name: str, data: bytes | str | os.PathLike[str]) -> None:
        """A resource: bytes, or the path of a file. The model reads it by
        midstream_model.resource(name)."""
        self._add_file(f"data/{name}", f"data '{name}'", data)

    def add_resource(self, package: str, name: str, data: bytes | str | os.PathLike[str]) -> None:
        """A file beside the modules of `package`, "" for top-level ones: bytes, or the path of a
        file. The model reads it by importlib.resources or pkgutil.get_data."""
        if package and not _is_module_name(package):
            raise PackagingError(f"'{package}' cannot be the name of a package of modules")
        if name.endswith(".py"):
            raise PackagingError(f"resource '{name}' would be a module: use add_source_file")
        folder = f"code/{package}/".replace(".", "/") if package else "code/"
        self._add_file(folder + name, f"resource '{name}' of '{package}'", data)
        self._resources[package] = name

    def add_tensor(self, name: str, array: Any, *, dtype: str | None = None) -> None:
        """A weight: a numpy array, a torch tensor, or what has the buffer protocol.
        dtype="bfloat16" takes uint16 elements for the bits of bfloat16."""
        self._add_value(name, value_of(name, array, dtype))

    def add_tensors(self, tensors: Mapping[str, Any] | str | os.PathLike[str] | Any) -> None:
        """Weights by name: a mapping such as a state_dict, a torch.nn.Module, or the path of a
        .safetensors or .npz file."""
        if isinstance(tensors, (str, os.PathLike)):
            for name, value in read_file(tensors):
                self._add_value(name, value)
            return
        if not isinstance(tensors, Mapping) and hasattr(tensors, "state_dict"):
            tensors = tensors.state_dict()
        for name in tensors:
            self._add_value(name, value_of(name, tensors[name]))

    def add_input(self, declaration: Declarable) -> None:
        """The next input: "x: float32[batch, 4]"; without brackets a scalar."""
        self._inputs.append(declare(declaration))

    def add_output(self, declaration: Declarable) -> None:
        """The next output. Its named dimensions occur in an input."""
        self._outputs.append(declare(declaration))

    # ---- Results

    def dependencies(self) -> DependencyGraph:
        """What is packed and what is not, as of now: str() is a report, .why(module) tells which
        imports lead to a module. Errors: PackagingError with every import that cannot be
        resolved."""
        if self._module not in self._added:
            self.add_module(self._module)
        return Resolver(self._added.values(), self._rules, self._finder, self._version).resolve()

    def close(self) -> None:
        """Writes the package. Leaving a `with` block does."""
        code, problems = {}, []
        external: set[str] = set()
        try:
            graph = self.dependencies()
            problems = self._graph_problems(graph)
            code = {m.source.file: m.source.text for m in graph.values() if m.source is not None}
            external = {name.split(".")[0] for name in graph.of_kind(EXTERN)}
            packed = {name.split(".")[0] for name in [*graph.of_kind(CODE), *graph.of_kind(MOCK)]}
            for rule in self._rules:
                if rule.kind == EXTERN:
                    external.update(top for top in rule.plain_names() if top not in packed)
        except PackagingError as error:
            problems = str(error).split("\n")
        problems += self._entry_problems()
        problems += signature_problems(self._inputs, self._outputs, self._tensors, self.batching)
        if problems:
            raise PackagingError("\n".join(problems))
        self._write(code, sorted(external))

    def __enter__(self) -> Packager:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()

    # ---- Inside

    def _add_file(self, file: str, what: str, data: bytes | str | os.PathLike[str]) -> None:
        check_entry_name(file)
        if file in self._data:
            raise PackagingError(f"there is {what} already")
        if isinstance(data, (str, os.PathLike)):
            data = Path(data)
            if not data.is_file():
                raise PackagingError(f"{what}: there is no file {data}")
        self._data[file] = data

    def _graph_problems(self, graph: DependencyGraph) -> list[str]:
        problems = [
            f"{rule} matches no module that is imported"
            for rule in graph.unmatched
            if not rule.allow_empty
        ]
        for package, name in self._resources.items():
            module = graph.get(package)
            source = None if module is None else module.source
            if package and (source is None or not source.is_package):
                problems.append(
                    f"resource '{name}' of '{package}': no package '{package}' is packed"
                    + (", only a module of that name" if source is not None else "")
                )
        return problems

    def _add(self, source: Source) -> None:
        if not _is_module_name(source.name):
            raise PackagingError(f"'{source.name}' cannot be the name of a module")
        if source.name in self._added:
            raise PackagingError(f"the module '{source.name}' was added already")
        self._added[source.name] = source

    def _add_value(self, name: str, value: Value) -> None:
        if not name or len(name.encode()) > 1024 or "\0" in name:
            raise PackagingError(f"'{name}' cannot be the name of a tensor")
        if name in self._tensors:
            raise PackagingError(f"there is a tensor '{name}' already")
        self._tensors[name] = value

    def _entry_problems(self) -> list[str]:
        source = self._added.get(self._module)
        if source is None:
            return []  # it was reported as missing
        try:
            names = top_level_names(source.parse(self._version))
        except PackagingError:
            return []  # it was reported as broken
        name = _entry_parts(self.entry)[1].split(".")[0]
        if names is None or name in names:
            return []
        return [f"{source.origin}: there is no '{name}', which the entry '{self.entry}' names"]

    def _write(self, code: Mapping[str, bytes], external: list[str]) -> None:
        manifest: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "name": self.name,
            "entry": self.entry,
            "python": self.python,
            "inputs": [one.to_json() for one in self._inputs],
            "outputs": [one.to_json() for one in self._outputs],
            "batching": self.batching,
            "extern": external,
            "tensors": [],
            "files": [],
        }
        with ArchiveWriter(self.path) as archive:
            contents: dict[str, bytes | Path] = {**code, **self._data}
            for file in sorted(contents):
                data = contents[file]
                data = data.read_bytes() if isinstance(data, Path) else data
                manifest["files"].append({"file": file, "sha256": archive.add(file, data)})
            free = (file for file in map("data/{}.bin".format, count()) if file not in contents)
            for name, value in self._tensors.items():
                file = next(free)
                digest = archive.add(file, value.data, aligned=True)
                manifest["tensors"].append(
                    {
                        "name": name,
                        "dtype": value.dtype,
                        "shape": list(value.shape),
                        "file": file,
                        "sha256": digest,
                    }
                )
            text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
            archive.add("manifest.json", text.encode())


def _is_module_name(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))


def _entry_parts(entry: str) -> tuple[str, str]:
    module, _, name = entry.partition(":")
    if not (_is_module_name(module) and _is_module_name(name)):
        raise PackagingError(
            f"entry '{entry}' is not of the form 'module:name' or 'module:name.name'"
        )
    return module, name


def _version(python: str) -> tuple[int, int]:
    form = re.fullmatch(r"3\.([0-9]{1,3})", python)
    if form is None:
        raise PackagingError(f"python '{python}' is not of the form '3.11'")
    version = (3, int(form.group(1)))
    if version < OLDEST_PYTHON:
        raise PackagingError(f"python '{python}': the oldest that Midstream runs is 3.10")
    return version
