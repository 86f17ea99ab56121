"""One version of a model's weights, as its code sees it."""

from collections.abc import Mapping
from typing import Any, Callable, Iterator, Sequence, Tuple


class Version(Mapping):
    """A read-only mapping from names to arrays over the version's own memory; nothing is copied.

    `id` is an int that is greater for a later version of the same model. The arrays stay valid as
    long as anything refers to them, but keeping them keeps the version's memory.
    """

    def __init__(
        self,
        ident: int,
        names: Sequence[str],
        values: Sequence[Tuple[str, Any]],
        wrap: Callable[[str, Any], Any],
    ) -> None:
        self.id = ident
        self._values = dict(zip(names, values))  # (dtype, buffer) of each
        self._wrap = wrap
        self._arrays: dict = {}
        self.instance = None  # what entry.py made for this version alone

    def __getitem__(self, name: str) -> Any:
        array = self._arrays.get(name)
        if array is None:
            array = self._arrays[name] = self._wrap(*self._values[name])
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<version {self.id}: {', '.join(self)}>"

    def value(self, name: str) -> Tuple[str, Any]:
        """The dtype and the buffer of a weight."""
        return self._values[name]

    def close(self) -> None:
        """Lets go of all; arrays that a model has kept live on."""
        self._values.clear()
        self._arrays.clear()
        self.instance = None
