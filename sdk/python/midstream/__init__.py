"""Midstream from Python: run models while their weights change.

    import midstream

    with midstream.Engine() as engine, engine.load("policy.ckpt") as model:
        session = model.session(outputs=["action"])
        result = session.run(observation=x)          # a mapping of numpy arrays; result.version
        with model.update() as update:               # one new version, or nothing
            update.assign("dense/kernel", kernel)

midstream.package makes containers of models that are Python code; it needs no engine, so what
follows is loaded when it is asked for. docs/python_api.md tells more.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import (
    AbortedError,
    AlreadyExistsError,
    CancelledError,
    Code,
    DataLossError,
    DeadlineExceededError,
    Error,
    FailedPreconditionError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    OutOfRangeError,
    PermissionDeniedError,
    ResourceExhaustedError,
    UnauthenticatedError,
    UnavailableError,
    UnimplementedError,
    UnknownError,
)

if TYPE_CHECKING:
    from .engine import Engine as Engine
    from .engine import __version__ as __version__
    from .engine import process_stats as process_stats
    from .model import Model as Model
    from .model import pin_together as pin_together
    from .pin import Pin as Pin
    from .session import Response as Response
    from .session import Result as Result
    from .session import Session as Session
    from .tensors import TensorSpec as TensorSpec
    from .update import Update as Update
    from .update import commit_together as commit_together

_FROM = {
    "Engine": "engine",
    "__version__": "engine",
    "process_stats": "engine",
    "Model": "model",
    "pin_together": "model",
    "Pin": "pin",
    "Response": "session",
    "Result": "session",
    "Session": "session",
    "TensorSpec": "tensors",
    "Update": "update",
    "commit_together": "update",
}

__all__ = [
    "AbortedError",
    "AlreadyExistsError",
    "CancelledError",
    "Code",
    "DataLossError",
    "DeadlineExceededError",
    "Engine",
    "Error",
    "FailedPreconditionError",
    "InternalError",
    "InvalidArgumentError",
    "Model",
    "NotFoundError",
    "OutOfRangeError",
    "PermissionDeniedError",
    "Pin",
    "ResourceExhaustedError",
    "Response",
    "Result",
    "Session",
    "TensorSpec",
    "UnauthenticatedError",
    "UnavailableError",
    "UnimplementedError",
    "UnknownError",
    "Update",
    "commit_together",
    "pin_together",
    "process_stats",
]


def __getattr__(name: str) -> Any:
    if name not in _FROM:
        raise AttributeError(f"module 'midstream' has no attribute '{name}'")
    value = getattr(import_module(f".{_FROM[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_FROM})
