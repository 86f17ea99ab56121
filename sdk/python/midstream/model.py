"""Model: a checkpoint or package that is open, its weights and their versions."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from . import _engine
from ._closing import Closing, Holding, Made
from .errors import InvalidArgumentError, NotFoundError
from .pin import Pin
from .session import Session
from .tensors import TensorSpec, converter, named_inputs, numpy_dtype, plain
from .update import Renaming, Update

if TYPE_CHECKING:
    from .engine import Engine

_Made = TypeVar("_Made", bound=Holding)
_unknown = converter(lambda name: None)  # of placeholders whose dtype only the engine knows


class Model(Closing):
    """Made by Engine.load(). Any thread may call any method. Leaving a `with` block unloads it.

    Errors of every call: FailedPreconditionError when the model is unloaded.
    """

    _called = "the model"
    _ended = "unloaded"

    def __init__(self, engine: Engine, handle: Any, path: str) -> None:
        self._engine = engine
        self._handle = handle
        self.path = path
        self._made: Made[Holding] = Made()
        self._dtypes: dict[str, str] | None = None  # of the weights, when they are asked for

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
        values = named_inputs(bound, {}, [])
        handle = _engine.session_create(
            self._open(), _names(inputs), _names(outputs), values, _unknown, frozenset()
        )
        return self._keep(Session(self, handle))

    # ---- Weights

    @property
    def version(self) -> int:
        """The current version of the weights, counted from 1; it rises with every commit."""
        return _engine.model_version(self._open())

    @property
    def weights(self) -> list[TensorSpec]:
        """The weights behind the model's own outputs."""
        return [TensorSpec.of(spec) for spec in _engine.model_weights(self._open())]

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
        rules = list(pairs)
        options = [("check", check)]
        options += [("rename", rule) for rule in rules]
        if base is not None:
            options.append(("base", str(_version(base, 1))))
        if finite:
            options.append(("finite", "true"))
        if accept_float64:
            options.append(("accept_float64", "true"))
        if digest:
            options.append(("digest", digest))
        handle = _engine.update_begin(self._open())
        for key, value in options:
            _engine.update_option(handle, key, value)
        return self._keep(Update(self, handle, Renaming(rules)))

    def update_from(self, path: str | os.PathLike[str]) -> int:
        """Takes every weight of another checkpoint, of a .safetensors, .npz or .mspkg file, as one
        update. Returns the new version. Errors: as Update.commit, and those of reading; nothing has
        changed then."""
        return _engine.model_update_from(self._open(), os.fspath(path))

    def rollback(self, version: int) -> None:
        """Makes a version current again that is still kept, under its old number. Errors:
        NotFoundError naming those that are."""
        _engine.model_rollback(self._open(), _version(version, 1))

    def pin(self, version: int = 0) -> Pin:
        """Holds a version, for requests to run with; 0: the current one. Errors: NotFoundError
        naming those that are in memory."""
        return Pin(_engine.model_pin(self._open(), _version(version, 0)))

    def versions(self) -> list[dict[str, Any]]:
        """The versions in memory: version, pins, bytes, kept."""
        return list(self.stats()["versions"])

    def read(self, name: str, version: Pin | None = None) -> np.ndarray:
        """A copy of a weight, bit for bit; bfloat16 as that of ml_dtypes, or uint16 without it."""
        spec = next((s for s in self.weights if plain(s.name) == plain(name)), None)
        if spec is None or spec.shape is None:
            raise NotFoundError(f"the model's outputs have no weight '{name}'")
        array = np.empty(spec.shape, numpy_dtype(spec.dtype))
        pin = Pin._handle_of(version)
        _engine.model_read_weight(self._open(), name, pin, array.reshape(-1).view(np.uint8))
        return array

    def digest(self, version: Pin | None = None) -> str:
        """SHA-256 over names, dtypes, shapes and bytes of the weights (docs/weights.md)."""
        return _engine.model_digest(self._open(), Pin._handle_of(version))

    def stats(self) -> dict[str, Any]:
        """Versions, commits, rollbacks and refused updates (docs/weights.md)."""
        return dict(json.loads(_engine.model_stats(self._open())))

    # ---- Ending

    def unload(self) -> None:
        """Closes the model's sessions and updates and frees everything; pinned versions go with
        their pins, and keep the engine's devices until then."""
        handle = self._handle
        if handle is None:
            return
        _engine.model_unload(handle)
        self._handle = None
        if not _engine.is_forked():  # there, nobody might give the lock back
            for made in self._made.all():
                made._let_go("closed, as its model is unloaded")

    def close(self) -> None:
        """The same, by the name that everything else has for it."""
        self.unload()

    def _keep(self, made: _Made) -> _Made:
        """Has an object end with the model."""
        self._made.add(made)
        if self._handle is None:  # by another thread, just now
            made._let_go("closed, as its model is unloaded")
        return made

    def _dtype_of(self, name: str) -> str | None:
        """Of a weight, None where that is not known."""
        if self._dtypes is None:
            self._dtypes = {plain(spec.name): spec.dtype for spec in self.weights}
        return self._dtypes.get(plain(name))


def pin_together(models: Sequence[Model]) -> list[Pin]:
    """The current versions of several models at one moment (commit_together)."""
    return [Pin(handle) for handle in _engine.models_pin([model._open() for model in models])]


def _version(version: int, least: int) -> int:
    if not isinstance(version, (int, np.integer)) or not least <= version < 2**64:
        raise InvalidArgumentError(f"version is {version!r}, expected a number from {least} on")
    return int(version)


def _names(names: Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)
