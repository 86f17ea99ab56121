"""importlib.resources for modules of a package: folders and files of the container's code."""

import functools
import io
from typing import Any


@functools.lru_cache(maxsize=None)
def _reader_class() -> type:
    """The class, made when it is first asked for: what it derives from is slow to import."""
    try:
        from importlib.resources.abc import Traversable, TraversableResources
    except ImportError:  # 3.10
        from importlib.abc import Traversable, TraversableResources

    class Entry(Traversable):
        """A folder or a file below code/."""

        def __init__(self, package: Any, path: str) -> None:
            self._package = package
            self._path = path

        @property
        def name(self) -> str:
            return self._path.rpartition("/")[2]

        def iterdir(self) -> Any:
            return (self.joinpath(name) for name in self._package.names_below(self._path))

        def is_file(self) -> bool:
            return self._package.has_file(self._path)

        def is_dir(self) -> bool:
            return bool(self._package.names_below(self._path))

        def joinpath(self, *descendants: str) -> "Entry":
            return Entry(self._package, "/".join([self._path, *map(str, descendants)]))

        __truediv__ = joinpath

        def open(self, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            data = io.BytesIO(self.read_bytes())
            return data if "b" in mode else io.TextIOWrapper(data, *args, **kwargs)

        def read_bytes(self) -> bytes:
            return self._package.read(self._package.file_root + self._path)

        def read_text(self, encoding: Any = None, errors: Any = None) -> str:
            return self.read_bytes().decode(encoding or "utf-8", errors or "strict")

    class Reader(TraversableResources):
        """What a module's loader gives importlib.resources."""

        def __init__(self, package: Any, folder: str) -> None:
            self._package = package
            self._folder = folder

        def files(self) -> Entry:
            return Entry(self._package, self._folder)

    return Reader


def make_reader(package: Any, folder: str) -> Any:
    """The resources of the folder "code/pkg" of a package."""
    return _reader_class()(package, folder)
