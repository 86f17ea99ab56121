"""Update: new weights by name that become one version, or change nothing."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import _engine
from ._closing import Holding
from ._numbers import refuse_masked
from .tensors import converter, plain

if TYPE_CHECKING:
    from .model import Model


class Renaming:
    """The rules FROM=TO of an update, as the engine applies them: the first that matches."""

    def __init__(self, rules: Sequence[str]) -> None:
        self._rules = [rule.split("=", 1) for rule in rules]

    def __call__(self, name: str) -> str:
        name = plain(name)
        for before, after in self._rules:
            if before.endswith("*") and name.startswith(before[:-1]):
                return after.replace("*", name[len(before) - 1 :])
            if before.startswith("*") and name.endswith(before[1:]):
                return after.replace("*", name[: len(name) - len(before) + 1])
            if name == before:
                return after
        return name


class Update(Holding):
    """Made by Model.update().

        with model.update() as update:
            update.assign("dense/kernel", kernel)
        update.version                      # that it is now

    Leaving the block commits, or discards when an exception leaves it. Names go with or without
    ":0". Values are numpy arrays, torch tensors on the host and whatever has the buffer protocol or
    DLPack; lists and numbers become arrays of the weight's dtype. Any thread may call any method,
    one after the other.

    Errors of every call: FailedPreconditionError when the model is unloaded.

    version: of the last commit; None before it.
    """

    _called = "the update"

    def __init__(self, model: Model, handle: Any, renamed: Renaming) -> None:
        self._model = model
        self._handle = handle
        self._renamed = renamed
        self._convert = converter(self._dtype_of)
        self._lock = threading.Lock()
        self.version: int | None = None

    def assign(self, name: str, value: Any) -> None:
        """Adds a value. Contiguous ones are read when the update is staged or committed, and must
        not change until then. What does not fit the model is told by those."""
        with self._locked():
            handle, bits = self._open(), self._is_of_bits(name, value)
            _engine.update_assign(handle, name, value, self._convert, bits, None)

    def assign_all(self, values: Mapping[str, Any]) -> None:
        """Adds the values of a mapping, such as a state_dict."""
        for name in values:
            self.assign(name, values[name])

    def assign_rows(self, name: str, begin: int, rows: Any) -> None:
        """Adds rows of axis 0 from row `begin` on; the others keep their value."""
        with self._locked():
            handle, bits = self._open(), self._is_of_bits(name, rows)
            _engine.update_assign(handle, name, rows, self._convert, bits, begin)

    def adopt(self, name: str, value: Any) -> None:
        """Hands a value over: where a backend reads the weight as it is, its memory is used where
        it lies, until no version needs it, and must never change."""
        with self._locked():
            handle, bits = self._open(), self._is_of_bits(name, value)
            _engine.update_adopt(handle, name, value, self._convert, bits)

    def stage(self) -> None:
        """Checks and packs what was added beside running requests, so that the commit takes
        microseconds. Errors: as commit; the update is empty then."""
        with self._locked():
            _engine.update_stage(self._open())

    def commit(self) -> int:
        """Makes the new version current: runs that start from now on use it. The update is empty
        afterwards and may be filled again. Errors: InvalidArgumentError with every problem,
        AbortedError when another version came since staging, ResourceExhaustedError over
        weights.memory_limit_percent; nothing has changed then."""
        return commit_together([self])[0]

    def discard(self) -> None:
        """Forgets what was added. No error of a model that is unloaded: that forgot it."""
        if _engine.is_forked():  # there, nobody might give the lock back
            return
        with self._lock:
            if self._handle is not None:
                _engine.update_discard(self._handle)

    def __enter__(self) -> Update:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.commit()
        else:
            self.discard()

    def _locked(self) -> threading.Lock:
        _engine.check_process()  # in a forked one, nobody might give the lock back
        return self._lock

    def _dtype_of(self, name: str) -> str | None:
        return self._model._dtype_of(self._renamed(name))

    def _is_of_bits(self, name: str, value: Any) -> bool:
        """Whether uint16 stands for bfloat16. Errors: InvalidArgumentError for a masked array."""
        refuse_masked(name, value)
        return self._dtype_of(name) == "bfloat16"


def commit_together(updates: Sequence[Update]) -> list[int]:
    """Commits updates of several models at one moment: pin_together gets all of the new versions or
    none. Errors: as Update.commit of any; no model has changed then."""
    updates = list(updates)
    ordered = sorted(set(updates), key=id)  # one given twice is refused by the engine
    _engine.check_process()
    for update in ordered:
        update._lock.acquire()
    try:
        versions = _engine.updates_commit([update._open() for update in updates])
    finally:
        for update in ordered:
            update._lock.release()
    for update, version in zip(updates, versions, strict=True):
        update.version = version
    return versions
