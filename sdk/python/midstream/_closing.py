"""Closing: what the objects share that hold something of the engine until they are closed."""

from __future__ import annotations

import threading
import weakref
from typing import Any, Generic, TypeVar

from .errors import FailedPreconditionError

_Self = TypeVar("_Self", bound="Closing")


class Holding:
    """`_handle` is what it holds of the engine, None when it has ended; `_called` is its name in
    messages, `_ended` what it is then."""

    _called: str
    _ended = "closed"
    _handle: Any

    def _open(self) -> Any:
        handle = self._handle
        if handle is None:
            raise FailedPreconditionError(f"{self._called} is {self._ended}")
        return handle

    def _let_go(self, ended: str) -> None:
        """Closed by the end of what it was made from."""
        if self._handle is not None:
            self._ended = ended
            self._handle = None


class Closing(Holding):
    """Closed when its `with` block is left, whether by an exception or not."""

    def close(self) -> None:
        """Lets go of what it holds; again is no error."""
        self._handle = None

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_Made = TypeVar("_Made", bound=Holding)


class Made(Generic[_Made]):
    """The objects that one made and that end with it, as long as somebody has them. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._alive: weakref.WeakSet[_Made] = weakref.WeakSet()

    def add(self, made: _Made) -> _Made:
        with self._lock:
            self._alive.add(made)
        return made

    def all(self) -> list[_Made]:
        with self._lock:
            return list(self._alive)
