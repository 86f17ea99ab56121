"""Models that are Python code, packed here and run by the engine in interpreters of their own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import tempfile
import textwrap
import time
import unittest
from pathlib import Path

import midstream
import numpy as np
from midstream import _engine
from midstream.package import Packager

PLUGINS = Path(_engine.__file__).parents[2] / "lib/midstream"
NUMPY_POLICY = """\
import numpy as np
from nets.mlp import forward

class Policy:
    def __init__(self, weights):
        self.weights = weights

    def on_weights(self, version):
        self.weights = version

    def __call__(self, x):
        return forward(np.asarray(x), self.weights)
"""
MLP = "def forward(x, w):\n    return x @ w['kernel'] + w['bias']\n"
PLAIN_POLICY = """\
import viz
import midstream_model

def run(x):
    if x[0] > 100:
        return viz.plot(x)
    if x[0] > 10:
        raise ValueError("too large")
    factor = int(midstream_model.resource("factor.txt"))
    return [factor * value for value in x.tolist()]
"""


@unittest.skipUnless((PLUGINS / "python.so").exists(), "the plugin python is not built")
class SharedIsolation(unittest.TestCase):
    isolation = "shared"

    def setUp(self) -> None:
        logging.getLogger("midstream").addHandler(logging.NullHandler())  # errors are logged too
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        order = ["python", "reference"]
        self.engine = midstream.Engine(
            set={"placement.order": order, "backends.python.isolation": self.isolation}
        )
        self.addCleanup(self.engine.close)

    def numpy_policy(self) -> Path:
        """A package that was moved from where it was made, with its sources gone."""
        sources = self.folder / "sources"
        (sources / "nets").mkdir(parents=True)
        (sources / "policy.py").write_text(NUMPY_POLICY)
        (sources / "nets/mlp.py").write_text(MLP)
        made = sources / "made.mspkg"
        with Packager(made, "policy:Policy", source=sources, batching=True) as package:
            package.extern("numpy")
            package.intern("nets.**")
            package.add_tensor("kernel", np.arange(8, dtype=np.float32).reshape(4, 2))
            package.add_tensor("bias", np.zeros(2, np.float32))
            package.add_input("x: float32[batch, 4]")
            package.add_output("y: float32[batch, 2]")
        moved = self.folder / "elsewhere" / "policy.mspkg"
        moved.parent.mkdir()
        made.rename(moved)
        shutil.rmtree(sources)
        return moved

    def plain_policy(self) -> Path:
        path = self.folder / "plain.mspkg"
        with Packager(path, "policy:run") as package:
            package.add_source_text("policy", textwrap.dedent(PLAIN_POLICY))
            package.mock("viz")
            package.add_data("factor.txt", b"3")
            package.add_input("x: int64[n]")
            package.add_output("y: int64[n]")
        return path

    def test_numpy_and_updates(self) -> None:
        model = self.engine.load(self.numpy_policy())
        session = model.session()
        x = np.arange(12, dtype=np.float32).reshape(3, 4)
        kernel = model.read("kernel")
        np.testing.assert_array_equal(session.run(x)["y"], x @ kernel)
        with model.update() as update:
            update.assign("bias", np.array([5, 7], np.float32))
        result = session.run(x)
        self.assertEqual(result.version, update.version)
        np.testing.assert_array_equal(result["y"], x @ kernel + np.array([5, 7]))

    def test_many_requests(self) -> None:
        session = self.engine.load(self.numpy_policy()).session()
        x = np.arange(400, dtype=np.float32).reshape(100, 4)

        async def all_of_them() -> list[midstream.Result]:
            return await asyncio.gather(*(session.infer(x[i : i + 1]) for i in range(100)))

        expected = session.run(x)["y"]
        for i, result in enumerate(asyncio.run(all_of_them())):
            np.testing.assert_array_equal(result["y"][0], expected[i])

    def test_plain_python_resources_and_errors(self) -> None:
        session = self.engine.load(self.plain_policy()).session()
        self.assertEqual(session.run([1, 2])["y"].tolist(), [3, 6])
        with self.assertRaisesRegex(midstream.Error, "ValueError: too large.*policy.py:8"):
            session.run([11])
        with self.assertRaisesRegex(midstream.Error, "'viz' was mocked when the package was made"):
            session.run([101])
        self.assertEqual(session.run([4])["y"].tolist(), [12])


class ProcessIsolation(SharedIsolation):
    isolation = "process"

    def test_workers_end_with_the_engine_whatever_is_referred_to(self) -> None:
        before = children()
        model = self.engine.load(self.numpy_policy())
        session, closed = model.session(), model.session()
        x = np.ones((3, 4), np.float32)
        result, response = session.run(x), session.submit(x)
        closed.run(x)
        closed.close()
        response.result()
        with model.update() as update:
            update.assign("bias", np.array([5, 7], np.float32))
        with model.pin() as pin:
            session.submit(x, version=pin).result()
        unfinished = model.update()
        self.assertGreater(len(children() - before), 0)
        self.engine.close()
        until = time.monotonic() + 60
        while children() - before and time.monotonic() < until:
            time.sleep(0.01)
        self.assertEqual(children() - before, set())
        self.assertEqual(result["y"].shape, (3, 2))
        del model, session, closed, result, response, update, unfinished, pin


def children() -> set[int]:
    """The processes that this one has started and that have not ended."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended just now
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state != "Z":
                found.add(int(stat.parent.name))
    return found


if __name__ == "__main__":
    unittest.main()
