"""What the shim calls: start, load, report, collect; preload and forked in worker processes."""

import gc
import importlib
import io
import os
import signal
import site
import sys
import tokenize  # noqa: F401  (what tracebacks need, whatever models do to sys.path)
from typing import Any, Optional, Tuple

from . import faults, package
from .model import Model, open_package

_failed: Optional[package.Package] = None  # could not be loaded; known until that was reported


class _Lines(io.RawIOBase):
    """What models print: whole lines to standard error, each by one write, so that lines of several
    interpreters do not mix. Standard output belongs to the engine's answers."""

    LIMIT = 8192

    def __init__(self) -> None:
        self._rest = b""

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """Never: all models of the interpreter have these streams."""

    def write(self, data: Any) -> int:
        text = self._rest + bytes(data)
        end = text.rfind(b"\n") + 1
        if end == 0 and len(text) >= self.LIMIT:
            text, end = text + b"\n", len(text) + 1
        self._rest = text[end:]
        if end:
            _write_all(text[:end])
        return len(data)


class _Stream(io.TextIOWrapper):
    """sys.stdout and sys.stderr."""

    def close(self) -> None:
        """As in _Lines."""

    def detach(self) -> Any:
        """Refused, as it would be a close."""
        raise io.UnsupportedOperation("detach")


def _write_all(data: bytes) -> None:
    try:
        while data:
            data = data[os.write(2, data) :]
    except OSError:  # nobody reads it
        pass


def _refuse_signals(*args: Any, **kwargs: Any) -> None:
    raise ValueError("signals belong to the engine: a model cannot handle them")


def _own_streams() -> None:
    sys.stdin = sys.__stdin__ = io.StringIO("")
    for name in ("stdout", "stderr"):
        stream = _Stream(_Lines(), "utf-8", "backslashreplace", write_through=True)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _add_site(folder: str) -> None:
    before = list(sys.path)
    site.addsitedir(folder)
    added = [path for path in sys.path if path not in before]
    sys.path[:] = added + before


def _rule_out_vfork() -> None:
    """What vfork starts would inherit the blocked signals of this thread (namespace.c); what fork
    starts gets those of the engine."""
    import _posixsubprocess
    import subprocess

    subprocess._USE_POSIX_SPAWN = False  # type: ignore[attr-defined]
    if hasattr(subprocess, "_USE_VFORK"):  # not since Python 3.14
        subprocess._USE_VFORK = False
        return
    fork_exec = _posixsubprocess.fork_exec

    def forking(*args: Any) -> Any:
        """With a preexec_fn, the last argument, Python forks."""
        return fork_exec(*args[:-1], args[-1] or (lambda: None))

    subprocess._fork_exec = _posixsubprocess.fork_exec = forking  # type: ignore[attr-defined]


def start(site_folder: str, own_process: bool) -> None:
    """Prepares the interpreter for models, once."""
    sys.dont_write_bytecode = True
    sys.argv = ["midstream"]
    _own_streams()
    for name in ("signal", "alarm", "setitimer", "set_wakeup_fd", "siginterrupt"):
        setattr(signal, name, _refuse_signals)
    if site_folder:
        if not os.path.isdir(site_folder):
            raise NotADirectoryError(f"site: '{site_folder}' is not a folder")
        _add_site(site_folder)
    if not own_process:
        _rule_out_vfork()
    package.install()


def load(blob: Any, header_bytes: int) -> Model:
    """A model from the memory of an mp_model."""
    global _failed
    header, _failed = open_package(blob, header_bytes)
    model = Model(header, _failed)
    _failed = None
    return model


def report(value: Optional[BaseException], trace: Any) -> Tuple[int, bytes]:
    """What to tell of an exception: (code, line NUL traceback)."""
    global _failed
    if value is None:
        value = SystemError("a call failed without an exception")
    if trace is not None:
        value.__traceback__ = trace
    try:
        return faults.report(value, loading=_failed is not None)
    finally:
        if _failed is not None:
            _failed.close()
            _failed = None


def collect() -> None:
    """Frees cycles."""
    gc.collect()


def preload(modules: str) -> None:
    """Imports the modules, before the process is forked. Raises ImportError naming one that fails."""
    for name in filter(None, modules.split(",")):
        try:
            importlib.import_module(name)
        except Exception as error:
            raise ImportError(f"preload of '{name}': {type(error).__name__}: {error}") from error
    gc.collect()
    gc.freeze()


def forked() -> None:
    """In a worker process: it must not draw the same random numbers as the others. Python's own
    module sees to itself."""
    random = sys.modules.get("numpy.random")
    if random is not None:
        random.seed()
