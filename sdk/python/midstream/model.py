"""Model: a checkpoint or package that is open, its weights and their versions."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _engine
from ._closing import Closing
from .errors import NotFoundError
from .session import Session
from .tensors import TensorSpec, converter, numpy_dtype, plain
from .update import Update

if TYPE_CHECKING:
    from .engine import Engine


class Pin(Closing):
    """Holds a version of the weights for as long as it lives, or until close() or the end of its
    `with` block."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        self.version: int = _engine.pin_version(handle)
        self._called = f"the pin of version {self.version}"


class Model(Closing):
    """Made by Engine.load(). Any thread may call any method. Leaving a `with` block unloads it."""

    def __init__(self, engine: Engine, handle: Any, path: str) -> None:
        self._engine = engine
        self._handle = handle
        self.path = path
        self._unloaded = False

    @property
    def engine(self) -> Engine:
        """The engine that it was loaded into."""
        return self._engine

    # ---- Running

    def session(
        self,
        inputs: Sequence[str] = (),
        outputs: Sequence[str] = (),
        bound: Mapping[str, Any] | None = None,
    ) -> Session:
        """Compiles the model. inputs: the tensors that runs will feed; by default the placeholders
        that the outputs need. outputs: the tensors to compute; by default the model's own. bound:
        values of placeholders that are the same in every run; copied. Errors: NotFoundError for a
        tensor that the model does not have, UnimplementedError with every node that is not
        supported, those of the backends."""
        handle = _engine.session_create(
            self._handle, _names(inputs), _names(outputs), dict(bound or {}), converter(())
        )
        return Session(self, handle)

    # ---- Weights

    @property
    def version(self) -> int:
        """The current version of the weights, counted from 1; it rises with every commit."""
        return _engine.model_version(self._handle)

    @property
    def weights(self) -> list[TensorSpec]:
        """The weights behind the model's own outputs."""
        return [TensorSpec.of(spec) for spec in _engine.model_weights(self._handle)]

    def update(
        self,
        *,
        check: str = "subset",
        base: int | None = None,
        finite: bool = False,
        accept_float64: bool = False,
        rename: Mapping[str, str] | Iterable[str] = (),
        digest: str = "",
    ) -> Update:
        """New weights on their way to become a version; a context manager. check: "subset" (weights
        that are not given keep their value), "exact" or "superset". base: refuse the update unless
        that version is current. finite: refuse NaN and infinity. rename: {"a*": "b*"} or ["a*=b*"].
        digest: the SHA-256 that the values must have. All hold for later commits of the same update
        too (docs/weights.md)."""
        pairs = [f"{a}={b}" for a, b in rename.items()] if isinstance(rename, Mapping) else rename
        options = [("check", check)]
        options += [("rename", rule) for rule in pairs]
        if base is not None:
            options.append(("base", str(base)))
        if finite:
            options.append(("finite", "true"))
        if accept_float64:
            options.append(("accept_float64", "true"))
        if digest:
            options.append(("digest", digest))
        handle = _engine.update_begin(self._handle)
        for key, value in options:
            _engine.update_option(handle, key, value)
        return Update(self, handle)

    def update_from(self, path: str | os.PathLike[str]) -> int:
        """Takes every weight of another checkpoint, of a .safetensors, .npz or .mspkg file, as one
        update. Returns the new version. Errors: as Update.commit, and those of reading; nothing has
        changed then."""
        return _engine.model_update_from(self._handle, os.fspath(path))

    def rollback(self, version: int) -> None:
        """Makes a version current again that is still kept, under its old number. Errors:
        NotFoundError naming those that are."""
        _engine.model_rollback(self._handle, version)

    def pin(self, version: int = 0) -> Pin:
        """Holds a version, for requests to run with; 0: the current one. Errors: NotFoundError
        naming those that are in memory."""
        return Pin(_engine.model_pin(self._handle, version))

    def versions(self) -> list[dict[str, Any]]:
        """The versions in memory: version, pins, bytes, kept."""
        return list(self.stats()["versions"])

    def read(self, name: str, version: Pin | None = None) -> np.ndarray:
        """A copy of a weight, bit for bit; bfloat16 as that of ml_dtypes, or uint16 without it."""
        spec = next((s for s in self.weights if plain(s.name) == plain(name)), None)
        if spec is None or spec.shape is None:
            raise NotFoundError(f"the model's outputs have no weight '{name}'")
        array = np.empty(spec.shape, numpy_dtype(spec.dtype))
        pin = None if version is None else version._open()
        _engine.model_read_weight(self._handle, name, pin, array.reshape(-1).view(np.uint8))
        return array

    def digest(self, version: Pin | None = None) -> str:
        """SHA-256 over names, dtypes, shapes and bytes of the weights (docs/weights.md)."""
        return _engine.model_digest(self._handle, None if version is None else version._open())

    def stats(self) -> dict[str, Any]:
        """Versions, commits, rollbacks and refused updates (docs/weights.md)."""
        return dict(json.loads(_engine.model_stats(self._handle)))

    # ---- Ending

    def unload(self) -> None:
        """Closes the model's sessions and frees everything; pinned versions go with their pins."""
        self._unloaded = True
        _engine.model_unload(self._handle)

    def close(self) -> None:
        """The same, by the name that everything else has for it."""
        self.unload()


def pin_together(models: Sequence[Model]) -> list[Pin]:
    """The current versions of several models at one moment (commit_together)."""
    return [Pin(handle) for handle in _engine.models_pin([model._handle for model in models])]


def _names(names: Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)
