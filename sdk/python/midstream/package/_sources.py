"""Finds the source of a module on the import path without importing anything, parents included."""

from __future__ import annotations

import ast
import importlib.machinery
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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
    """A module that is there but has no source, such as a compiled extension."""

    origin: str


def shown(path: str | os.PathLike[str]) -> str:
    """A path for messages: relative where that is shorter to read."""
    try:
        return str(Path(path).resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


class SourceFinder:
    """Looks in `folders`, then on sys.path."""

    def __init__(self, folders: Sequence[str | os.PathLike[str]] = ()) -> None:
        for folder in folders:
            if not os.path.isdir(folder):
                raise FileNotFoundError(f"there is no folder {folder} to look for sources in")
        self._path = [*(os.fspath(folder) for folder in folders), *sys.path]
        self._found: dict[str, Source | NotSource | None] = {}

    def find(self, name: str) -> Source | NotSource | None:
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def _spec(self, name: str) -> importlib.machinery.ModuleSpec | None:
        path: Sequence[str] | None = self._path
        spec = None
        parts = name.split(".")
        for count in range(1, len(parts) + 1):
            if path is None:
                return None
            spec = importlib.machinery.PathFinder.find_spec(".".join(parts[:count]), list(path))
            if spec is None:
                return None
            path = spec.submodule_search_locations
        return spec

    def _find(self, name: str) -> Source | NotSource | None:
        spec = self._spec(name)
        if spec is None:
            return None
        is_package = spec.submodule_search_locations is not None
        if not spec.has_location or spec.origin is None:  # a namespace package: a folder alone
            return Source(name, f"the folder of '{name}'", True, b"") if is_package else None
        if not isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            return NotSource(spec.origin)
        with open(spec.origin, "rb") as file:
            return Source(name, shown(spec.origin), is_package, file.read())
