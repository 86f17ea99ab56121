"""What the packager makes, opened by the engine: declarations, weights and their updates."""

from __future__ import annotations

import tempfile
import unittest
import unittest.mock
from pathlib import Path

import midstream
import numpy as np
from midstream.package import Packager

WEIGHTS = {
    "kernel": np.arange(8, dtype=np.float32).reshape(4, 2),
    "scale": np.float64(0.5),
    "mask": np.array([True, False, True]),
    "nothing": np.zeros((0, 3), np.int16),
    "long": np.arange(5000, dtype=np.int64),
}


class Packages(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "model.mspkg"
        self.engine = midstream.Engine(set=["backend=reference"])
        self.addCleanup(self.engine.close)

    def pack(self) -> None:
        with Packager(self.path, "policy:run", batching=True) as package:
            package.add_source_text("policy", "import lib.net\ndef run(x): return lib.net.go(x)\n")
            package.add_source_text("lib", "", is_package=True)
            package.add_source_text("lib.net", "def go(x): return x\n")
            package.add_data("größe.txt", "äöü".encode())
            package.add_tensors(WEIGHTS)
            package.add_tensor("half", np.array([0x3F80], np.uint16), dtype="bfloat16")
            package.add_input("x: float32[batch, 4]")
            package.add_output("y: float32[batch, 4]")

    def check(self) -> None:
        model = self.engine.load(self.path)
        self.assertEqual([spec.name for spec in model.weights], [*WEIGHTS, "half"])
        for name, value in WEIGHTS.items():
            np.testing.assert_array_equal(model.read(name), value)
        self.assertEqual(model.read("half").view(np.uint16).tolist(), [0x3F80])

    def test_the_engine_opens_it(self) -> None:
        self.pack()
        self.check()

    def test_the_engine_opens_it_with_the_sizes_of_zip64(self) -> None:
        with unittest.mock.patch("zipfile.ZIP64_LIMIT", 100):
            self.pack()
        self.check()

    def test_its_weights_are_updated(self) -> None:
        self.pack()
        model = self.engine.load(self.path)
        with model.update() as update:
            update.assign("kernel", np.ones((4, 2), np.float32))
        self.assertEqual(update.version, 2)
        np.testing.assert_array_equal(model.read("kernel"), np.ones((4, 2)))
        np.testing.assert_array_equal(model.read("long"), WEIGHTS["long"])

    def test_damage_is_refused(self) -> None:
        self.pack()
        raw = bytearray(self.path.read_bytes())
        raw[raw.index(WEIGHTS["kernel"].tobytes()) + 9] ^= 4
        self.path.write_bytes(raw)
        with self.assertRaisesRegex(midstream.Error, "model.mspkg"):
            self.engine.load(self.path)


if __name__ == "__main__":
    unittest.main()
