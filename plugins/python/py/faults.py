"""Exceptions as they are told to the engine: a code, one line for a person, the traceback.

The line names type, message and the frames of the package's own code, innermost first:

    ValueError: not a hand (policy.py:12 in grip <- policy.py:30 in __call__)
"""

import importlib
import re
import traceback
from types import TracebackType
from typing import Iterator, List, Optional, Tuple

INVALID_ARGUMENT = 3  # the codes of backend.h
UNKNOWN = 2
RESOURCE_EXHAUSTED = 8
FAILED_PRECONDITION = 9
INTERNAL = 13

LINE_BYTES = 479  # of ms_error's message, less the NUL
TEXT_BYTES = 8000
MAX_FRAMES = 4

OWN_FILES = "<midstream>/"
MANGLED = "<midstream "  # names of packages' modules begin with it, see package.py

_IMPORTLIB = importlib.__file__
_MANGLED_NAME = re.compile(r"<midstream \d+>\.?")

_package_roots = {}  # prefix of the file names of a package's code -> how many packages have it


class Fault(Exception):
    """Something wrong with a package or an answer that we found ourselves: its text is the whole
    line."""

    def __init__(self, text: str, code: int = INVALID_ARGUMENT) -> None:
        super().__init__(text)
        self.code = code


def add_root(root: str) -> None:
    """Code in files whose names begin with `root` is a package's own."""
    _package_roots[root] = _package_roots.get(root, 0) + 1


def remove_root(root: str) -> None:
    """Takes one add_root back."""
    _package_roots[root] -= 1
    if _package_roots[root] == 0:
        del _package_roots[root]


def short_name(filename: str) -> Optional[str]:
    """The name within its package of a file of a package's code; None for all other files."""
    for root in _package_roots:
        if filename.startswith(root):
            return filename[len(root) :]
    return None


def _entries(trace: Optional[TracebackType]) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _frames(trace: Optional[TracebackType]) -> str:
    """The package's own frames, " (policy.py:12 in grip <- ...)"."""
    found: List[str] = []
    for entry in _entries(trace):
        code = entry.tb_frame.f_code
        name = short_name(code.co_filename)
        if name is not None:
            frame = f"{name}:{entry.tb_lineno} in {code.co_name}"
            if not found or found[-1] != frame:  # a recursion is told once
                found.append(frame)
    if not found:
        return ""
    found.reverse()
    if len(found) > MAX_FRAMES:
        found = found[: MAX_FRAMES - 1] + ["...", found[-1]]
    return f" ({' <- '.join(found)})"


def _type_name(value: BaseException) -> str:
    kind = type(value)
    module = str(kind.__module__)
    plain = module in ("builtins", "__main__") or module.startswith(MANGLED)
    return kind.__qualname__ if plain else f"{module}.{kind.__qualname__}"


def _message(value: BaseException) -> str:
    try:
        if isinstance(value, SyntaxError) and value.filename is not None:
            return str(value.msg)
        if isinstance(value, KeyError) and len(value.args) == 1:
            return f"no {value.args[0]!r}"
        return str(value)
    except Exception as other:  # a model's own __str__ may fail
        return f"(its text cannot be had: {type(other).__name__})"


def _one_line(text: str) -> str:
    return " ".join(_MANGLED_NAME.sub("", text).replace("\0", " ").split())


def _where(value: BaseException) -> str:
    if isinstance(value, SyntaxError) and value.filename is not None:
        name = short_name(value.filename)
        return f" ({name if name is not None else value.filename}:{value.lineno})"
    return _frames(value.__traceback__)


def _cut(text: str, limit: int) -> str:
    """At most `limit` bytes of UTF-8, cut between characters."""
    encoded = text.encode("utf-8", "backslashreplace")
    if len(encoded) <= limit:
        return encoded.decode()
    return encoded[: limit - 3].decode("utf-8", "ignore") + "..."


def _describe(value: BaseException, limit: int) -> str:
    where = _cut(_where(value), limit // 2)
    text = _one_line(_message(value))
    head = _type_name(value) + (f": {text}" if text else "")
    return _cut(head, limit - len(where.encode())) + where


def _cause(value: BaseException) -> Optional[BaseException]:
    if value.__cause__ is not None:
        return value.__cause__
    return None if value.__suppress_context__ else value.__context__


def line_of(value: BaseException) -> str:
    """The one line: of the exception, and of what it came from if there is room."""
    if isinstance(value, Fault):
        return _cut(_one_line(str(value)), LINE_BYTES)
    cause = _cause(value)
    if cause is None or isinstance(cause, Fault):
        return _describe(value, LINE_BYTES)
    first = _describe(value, 280)
    return first + "; caused by " + _describe(cause, LINE_BYTES - len(first.encode()) - 12)


def _is_own(filename: str) -> bool:
    return filename.startswith((OWN_FILES, "<frozen importlib")) or filename == _IMPORTLIB


def _drop_own_frames(error: Optional[traceback.TracebackException], depth: int = 0) -> None:
    """Leaves what lies between the engine and the package's code out, down the chain of causes."""
    if error is None or depth > 100:
        return
    error.stack[:] = [frame for frame in error.stack if not _is_own(frame.filename)]
    _drop_own_frames(error.__cause__, depth + 1)
    _drop_own_frames(error.__context__, depth + 1)


def _traceback_of(value: BaseException) -> str:
    if isinstance(value, Fault):
        return ""  # of no use: it is the engine's
    error = traceback.TracebackException.from_exception(value)
    _drop_own_frames(error)
    text = "".join(error.format())
    encoded = text.encode("utf-8", "backslashreplace").replace(b"\0", b" ")
    if len(encoded) > TEXT_BYTES - LINE_BYTES:
        half = (TEXT_BYTES - LINE_BYTES) // 2 - 32
        head, tail = encoded[:half], encoded[-half:]
        encoded = head + b"\n  ... (%d bytes) ...\n" % (len(encoded) - 2 * half) + tail
    return encoded.decode("utf-8", "ignore")


def _code_of(value: BaseException, loading: bool) -> int:
    if isinstance(value, Fault):
        return value.code
    if isinstance(value, MemoryError):
        return RESOURCE_EXHAUSTED
    if isinstance(value, SystemError) and not _frames(value.__traceback__):
        return INTERNAL
    return INVALID_ARGUMENT if loading else UNKNOWN


def _release(value: Optional[BaseException]) -> None:
    """Lets go of what the frames of an exception refer to, which may be memory of a version."""
    seen = set()
    while value is not None and id(value) not in seen:
        seen.add(id(value))
        traceback.clear_frames(value.__traceback__)
        value = _cause(value)


def report(value: BaseException, loading: bool) -> Tuple[int, bytes]:
    """The code, and the line and the traceback, separated by a NUL."""
    try:
        line = line_of(value)
        try:
            text = _traceback_of(value)
        except Exception as other:
            text = f"(no traceback: {type(other).__name__})"
        return _code_of(value, loading), f"{line}\0{text}".encode("utf-8", "backslashreplace")
    finally:
        _release(value)
