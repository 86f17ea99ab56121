"""Engine: the backends and threads of one configuration."""

from __future__ import annotations

import atexit
import json
import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

from . import _engine
from ._closing import Closing, Made
from .errors import FailedPreconditionError, make_error
from .model import Model
from .update import Update

__version__: str = _engine.version

_LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)
_logger = logging.getLogger("midstream")


def _tell(level: int, text: str) -> None:
    _logger.log(_LEVELS[level], text)


_engine.set_error_factory(make_error)
_engine.set_log(_tell, 1)
atexit.register(_engine.shutdown)


class Engine(Closing):
    """Opens the plugins and devices of a configuration. Processes that are forked afterwards can
    use neither it nor another one (docs/python_api.md).

    config: a TOML file, or None for the defaults. set: what wins over it, "key=value" texts or a
    mapping, as in docs/configuration.md. Any thread may call any method. Leaving its `with` block
    unloads its models. The engine's messages go to the logger "midstream", on the main thread.

    Errors: InvalidArgumentError with every problem of the configuration, NotFoundError for a file
    or plugin, those of the plugins.
    """

    _called = "the engine"

    def __init__(
        self,
        config: str | os.PathLike[str] | None = None,
        set: Mapping[str, Any] | Sequence[str] = (),  # noqa: A002: the command calls it --set
    ) -> None:
        path = None if config is None else os.fspath(config)
        self._handle = _engine.engine_open(path, _overrides(set))
        self._models: Made[Model] = Made()

    def load(
        self, path: str | os.PathLike[str], weights: str | os.PathLike[str] | None = None
    ) -> Model:
        """Opens a checkpoint of TensorFlow (a prefix, a .meta file or a folder), a SavedModel, a
        checkpoint of OpenPI, or a package. weights: another checkpoint, .safetensors, .npz or
        .mspkg file to take the values from. Errors: NotFoundError, InvalidArgumentError,
        DataLossError, each naming the file."""
        values = None if weights is None else os.fspath(weights)
        handle = _engine.model_load(self._open(), os.fspath(path), values)
        model = Model(self, handle, os.fspath(path))
        self._models.add(model)
        if self._handle is None:  # closed meanwhile by another thread
            model.unload()
        return model

    def update(self, **options: Any) -> Update:
        """Model.update() of the only model that is loaded. Errors: FailedPreconditionError for none
        or several."""
        self._open()
        _engine.check_process()
        models = [model for model in self._models.all() if model._handle is not None]
        if len(models) != 1:
            raise FailedPreconditionError(
                f"the engine has {len(models)} models loaded; ask the one that is meant"
            )
        return models[0].update(**options)

    def close(self) -> None:
        """Unloads the models. Results stay. A KeyboardInterrupt waits until it is done."""
        self._handle = None
        if not _engine.is_forked():
            for model in self._models.all():
                model.unload()


def process_stats() -> dict[str, Any]:
    """Counters of the process, over all engines: compiles, system_allocations, backend_bytes."""
    return dict(json.loads(_engine.engine_stats()))


def _overrides(given: Mapping[str, Any] | Sequence[str]) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,)
    if isinstance(given, Mapping):
        return tuple(f"{key}={_toml(value)}" for key, value in given.items())
    return tuple(given)


def _toml(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
