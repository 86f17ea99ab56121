"""Pin: a version of the weights that is held."""

from __future__ import annotations

from typing import Any

from . import _engine
from ._closing import Closing
from .errors import InvalidArgumentError


class Pin(Closing):
    """Holds a version of the weights for as long as it lives, or until close() or the end of its
    `with` block. Made by Model.pin() and pin_together()."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        self.version: int = _engine.pin_version(handle)
        self._called = f"the pin of version {self.version}"

    @staticmethod
    def _handle_of(version: Any) -> Any:
        """Of an argument `version`: that of a pin, None for None. Errors: InvalidArgumentError for
        anything else, FailedPreconditionError for a pin that is closed."""
        if version is None:
            return None
        if not isinstance(version, Pin):
            raise InvalidArgumentError(f"version is {version!r}, expected a Pin, as of model.pin()")
        return version._open()
