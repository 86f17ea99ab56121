"""Closing: what the objects share that hold something of the engine until they are closed."""

from __future__ import annotations

from types import TracebackType
from typing import Any, TypeVar

from .errors import FailedPreconditionError

_Self = TypeVar("_Self", bound="Closing")


class Closing:
    """Closed when its `with` block is left, whether by an exception or not. `_handle` is what it
    holds, None when it is closed; `_called` is its name in messages."""

    _called: str
    _handle: Any

    def close(self) -> None:
        """Lets go of what it holds; again is no error."""
        self._handle = None

    def _open(self) -> Any:
        handle = self._handle
        if handle is None:
            raise FailedPreconditionError(f"{self._called} is closed")
        return handle

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
