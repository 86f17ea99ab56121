"""What the tests of the binding share: the digits model, and a worker that can be held up."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import midstream
import numpy as np
from midstream import _engine

DIGITS = Path(os.environ["MS_TEST_DATA"]) / "digits"
CLASSES, LOGITS, IMAGES = "accuracy/ArgMax", "fc2/add", "Placeholder"
CONFIG = {"backend": "cpu_blas", "execution.deterministic": True}


def checkpoint(step: int) -> str:
    return str(DIGITS / f"mnist_deep_model.ckpt-{step}")


class EngineTest(unittest.TestCase):
    """self.model is that of step 0, whose answers are wrong but for luck."""

    config: dict[str, Any] = {}

    def setUp(self) -> None:
        self.engine = midstream.Engine(set={**CONFIG, **self.config})
        self.addCleanup(self.engine.close)
        self.model = self.engine.load(checkpoint(0))
        self.images = np.load(DIGITS / "eval_images.npy")
        self.labels = np.load(DIGITS / "eval_labels.npy")

    def session(self, output: str = LOGITS) -> midstream.Session:
        return self.model.session(inputs=[IMAGES], outputs=[output])

    def logits(self, step: int) -> np.ndarray:
        """What TensorFlow computed of the first images."""
        return np.load(DIGITS / f"expected_{step}.npz")["fc2/add:0"]

    def trained(self, step: int = 4000) -> dict[str, np.ndarray]:
        """The weights of a checkpoint."""
        with self.engine.load(checkpoint(0), checkpoint(step)) as model:
            return {spec.name: model.read(spec.name) for spec in model.weights}


PROLOGUE = f"""\
import midstream, numpy as np
engine = midstream.Engine(set=['backend=cpu_blas'])
model = engine.load({checkpoint(0)!r})
session = model.session([{IMAGES!r}], [{LOGITS!r}])
x = np.zeros((64, 784), np.float32)
"""


def run_script(body: str, prologue: str = PROLOGUE) -> tuple[int, str, str]:
    """Exit code, output and errors of a Python of its own, which has engine, model, session and
    images x."""
    command = [sys.executable, "-c", prologue + body]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    return done.returncode, done.stdout, done.stderr


@contextmanager
def busy(session: midstream.Session, images: np.ndarray) -> Iterator[None]:
    """Within the block the session's only worker stands in a callback, so that requests wait."""
    called, go = threading.Event(), threading.Event()
    this = threading.get_ident()
    thread = this

    def hold(answer: object, error: object) -> None:
        nonlocal thread
        thread = threading.get_ident()
        called.set()
        if thread != this:
            go.wait()

    # A request that is done before its submission returns calls back on this thread: then again.
    while thread == this:
        called.clear()
        _engine.session_submit(
            session._handle, {IMAGES: images}, lambda name, x: x, frozenset(), 0, 0, 0, None, hold
        )
        called.wait()
    try:
        yield
    finally:
        go.set()
