"""The engine's errors: one exception for each code, which is also the built-in one that fits."""

from __future__ import annotations

import concurrent.futures
import enum


class Code(enum.IntEnum):
    """The codes of midstream/midstream.h."""

    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class Error(Exception):
    """What the engine refuses or fails at. code says of which kind; str() is one message for a
    person, with a line for each problem."""

    code = Code.UNKNOWN

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message


class CancelledError(Error, concurrent.futures.CancelledError):
    """A request was cancelled before it executed."""

    code = Code.CANCELLED


class UnknownError(Error):
    """A backend failed and does not say of which kind that is."""

    code = Code.UNKNOWN


class InvalidArgumentError(Error, ValueError):
    """An argument does not fit: a name, dtype, shape, or a configuration."""

    code = Code.INVALID_ARGUMENT


class DeadlineExceededError(Error, TimeoutError):
    """A request did not begin to execute within its timeout, or a device does not answer."""

    code = Code.DEADLINE_EXCEEDED


class NotFoundError(Error, KeyError):
    """A file, plugin, tensor or version is not there."""

    code = Code.NOT_FOUND


class AlreadyExistsError(Error):
    """Something of that name is there already."""

    code = Code.ALREADY_EXISTS


class PermissionDeniedError(Error, PermissionError):
    """The system does not allow it."""

    code = Code.PERMISSION_DENIED


class ResourceExhaustedError(Error):
    """Memory, or a queue's room, is used up; it may go later."""

    code = Code.RESOURCE_EXHAUSTED


class FailedPreconditionError(Error, RuntimeError):
    """It does not go in this state: of something closed or unloaded, for example."""

    code = Code.FAILED_PRECONDITION


class AbortedError(Error, RuntimeError):
    """An update was made from weights that are no longer current."""

    code = Code.ABORTED


class OutOfRangeError(Error, IndexError):
    """An index or position is too large."""

    code = Code.OUT_OF_RANGE


class UnimplementedError(Error, NotImplementedError):
    """The engine or a backend cannot do it."""

    code = Code.UNIMPLEMENTED


class InternalError(Error, RuntimeError):
    """A mistake of the engine or a backend."""

    code = Code.INTERNAL


class UnavailableError(Error, RuntimeError):
    """A session drains, or a device is gone; it may go elsewhere or later."""

    code = Code.UNAVAILABLE


class DataLossError(Error):
    """A file is damaged."""

    code = Code.DATA_LOSS


class UnauthenticatedError(Error):
    """Who asks is not known."""

    code = Code.UNAUTHENTICATED


_OF_CODE: dict[int, type[Error]] = {
    int(kind.code): kind for kind in Error.__subclasses__() if kind.code is not None
}


def make_error(code: int, message: str) -> Error:
    """The exception of a code of the engine."""
    return _OF_CODE.get(code, UnknownError)(message)
