"""Finds the source of a module on the import path without importing anything, parents included."""

from __future__ import annotations

import ast
import importlib.machinery
import os
import pkgutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import _standard
from ._errors import PackagingError


@dataclass(frozen=True)
class Source:
    """The source of one module. origin is where it comes from, for messages."""

    name: str
    origin: str
    is_package: bool
    text: bytes

    @property
    def file(self) -> str:
        """Where it lies in the container."""
        path = self.name.replace(".", "/")
        return f"code/{path}/__init__.py" if self.is_package else f"code/{path}.py"

    @property
    def package(self) -> str:
        """What its relative imports start from."""
        return self.name if self.is_package else self.name.rpartition(".")[0]

    def parse(self, python: tuple[int, int]) -> ast.Module:
        """Errors: PackagingError naming file and line."""
        try:
            return ast.parse(self.text, self.origin, feature_version=python)
        except SyntaxError as error:
            line = f":{error.lineno}" if error.lineno else ""
            raise PackagingError(
                f"{self.origin}{line}: {error.msg} (the package is for Python {python[0]}."
                f"{python[1]} and later; this is {sys.version_info[0]}.{sys.version_info[1]})"
            ) from None
        except ValueError as error:
            raise PackagingError(f"{self.origin}: {error}") from None


@dataclass(frozen=True)
class NotSource:
    """A module that is there but cannot be packed, such as a compiled extension. reason completes
    the sentence "it is ORIGIN, ...".
    """

    origin: str
    reason: str = "which has no source to pack"


def shown(path: str | os.PathLike[str]) -> str:
    """A path for messages: relative where that is shorter to read."""
    try:
        return str(Path(path).resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


@dataclass(frozen=True)
class _Place:
    """Where a module was found: its spec, and the entry of the path; "" for a folder alone."""

    spec: importlib.machinery.ModuleSpec
    entry: str


class SourceFinder:
    """Looks in `folders`, then on sys.path."""

    def __init__(self, folders: Sequence[str | os.PathLike[str]] = ()) -> None:
        for folder in folders:
            if not os.path.isdir(folder):
                raise FileNotFoundError(f"there is no folder {folder} to look for sources in")
        self._folders = [os.fspath(folder) for folder in folders]
        self._path = [*map(os.path.abspath, self._folders), *sys.path]
        self._found: dict[str, Source | NotSource | None] = {}
        self._shadowing: dict[str, bool] = {}

    def find(self, name: str) -> Source | NotSource | None:
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def is_standard(self, top: str) -> bool:
        """Whether `import top` gives plain Python a module of the standard library, and not a file
        of that name that comes before it on the path."""
        if top not in _standard.NAMES:
            return False
        if top in _standard.CORE:
            return True
        if top not in self._shadowing:
            place = _look(top, self._path)
            self._shadowing[top] = place is not None and not _standard.is_standard_folder(
                place.entry
            )
        return not self._shadowing[top]

    def _find(self, name: str) -> Source | NotSource | None:
        place: _Place | None = None
        path: Iterable[str] | None = self._path
        parts = name.split(".")
        for count in range(1, len(parts) + 1):
            place = None if path is None else _look(".".join(parts[:count]), path)
            if place is None:
                return None
            path = place.spec.submodule_search_locations
        if place is None:
            return None
        spec = place.spec
        is_package = spec.submodule_search_locations is not None
        if not spec.has_location or spec.origin is None:  # a namespace package: a folder alone
            return Source(name, f"the folder of '{name}'", True, b"") if is_package else None
        if not isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            return NotSource(spec.origin)
        left = self._left_by(spec.origin)
        if left is not None:
            return NotSource(_shown_link(spec.origin), f"which leads out of the folder {left}")
        with open(spec.origin, "rb") as file:
            return Source(name, shown(spec.origin), is_package, file.read())

    def _left_by(self, file: str) -> str | None:
        """The folder of sources that a file lies in by its name, but not once links are followed:
        what a link leads to is no part of the sources."""
        left = None
        for folder in self._folders:
            if os.path.abspath(file).startswith(os.path.join(os.path.abspath(folder), "")):
                if os.path.realpath(file).startswith(os.path.join(os.path.realpath(folder), "")):
                    return None
                left = left or folder
        return left


def _shown_link(file: str) -> str:
    """The file, and where its links lead, for messages."""
    return f"{os.path.relpath(file)}, a link to {os.path.realpath(file)}"


def _look(name: str, path: Iterable[str]) -> _Place | None:
    """Looks for a module as Python's own PathFinder does, but for the path of a folder without
    __init__.py, which that one computes from modules that were imported."""
    parts: list[str] = []
    for entry in path:
        finder = pkgutil.get_importer(entry or os.getcwd())
        spec = None if finder is None else finder.find_spec(name)
        if spec is None:
            continue
        if spec.loader is not None:
            return _Place(spec, entry)
        parts += spec.submodule_search_locations or []
    if not parts:
        return None
    alone = importlib.machinery.ModuleSpec(name, None, is_package=True)
    alone.submodule_search_locations = parts
    return _Place(alone, "")
