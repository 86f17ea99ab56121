"""Numbers and lists as tensors: what is converted, what is refused, and bfloat16 as bits."""

from __future__ import annotations

import decimal
import reprlib
import tempfile
import unittest
from pathlib import Path
from typing import Any

import midstream
import numpy as np
from midstream import _engine
from midstream._numbers import array_of
from midstream.package import Packager

PLUGINS = Path(_engine.__file__).parents[2] / "lib/midstream"
INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]


class Numbers(unittest.TestCase):
    def of(self, value: Any, dtype: str | None) -> np.ndarray:
        array, _ = array_of("x", value, dtype)
        return array

    def refused(self, value: Any, dtype: str, shown: str) -> None:
        with self.assertRaises(midstream.InvalidArgumentError) as caught:
            array_of("x", value, dtype)
        self.assertEqual(str(caught.exception), f"tensor 'x': {shown} is no {dtype}")

    def test_integers(self) -> None:
        for dtype in INTEGERS:
            limits = np.iinfo(dtype)
            least, most = int(limits.min), int(limits.max)
            for value in ([least, 0, most], [[most], [True]], least, (), [[], []], [np.int8(5)]):
                array = self.of(value, dtype)
                expected = np.array(value, object).tolist()
                self.assertEqual((array.dtype.name, array.tolist()), (dtype, expected))
            self.refused([0, most + 1], dtype, repr(most + 1))
            self.refused([[0], [least - 1]], dtype, repr(least - 1))
            self.refused([1, 1.0], dtype, "1.0")
        self.refused([1.7, -2.9], "int64", "1.7")
        self.refused([300], "uint8", "300")
        self.refused(["5"], "int64", "'5'")
        self.refused([1, "5"], "int64", "'5'")
        self.refused(5.0, "int32", "5.0")
        self.refused([None], "int32", "None")
        self.refused([np.array([1.5])], "int32", "1.5")
        self.refused([0, 10**30], "int64", str(10**30))
        self.refused([-1, 2**63], "int64", str(2**63))
        self.refused([-1, 2**63], "uint64", "-1")
        moment = np.datetime64(1, "s")
        self.refused([moment], "int64", reprlib.repr(moment))
        self.assertEqual(self.of([1, 2**63], "uint64").tolist(), [1, 2**63])  # numpy: float64

    def test_bools(self) -> None:
        for value in ([True, False], [1, 0], [True, 0], [np.True_, np.uint8(0)]):
            self.assertEqual(self.of(value, "bool").tolist(), [True, False])
        self.refused([2, 0.5], "bool", "2")
        self.refused([1.0], "bool", "1.0")
        self.refused([-1], "bool", "-1")
        self.refused(["True"], "bool", "'True'")

    def test_floats_are_rounded(self) -> None:
        for dtype in ("float16", "float32", "float64"):
            self.assertEqual(self.of(0.1, dtype).tolist(), np.array(0.1, dtype).tolist())
            for value in ([1, 2.5], [True, 0], [[np.float16(3)], [4]], [decimal.Decimal(1), 2.5]):
                array = self.of(value, dtype)
                self.assertEqual(array.dtype.name, dtype)
                self.assertEqual(array.tolist(), np.array(value, float).tolist())
            odd = self.of([float("nan"), float("inf"), -float("inf")], dtype)
            np.testing.assert_array_equal(odd, [np.nan, np.inf, -np.inf])
            for wrong in ("5", b"5", None, 1j):
                self.refused([1.0, wrong], dtype, repr(wrong))
        self.assertEqual(self.of([2**24 + 1], "float32").tolist(), [2**24])
        self.assertEqual(self.of([1, 10**30], "float32").tolist(), [1, np.float32(1e30)])
        self.refused([1e39], "float32", "1e+39")
        self.refused([0, 70000], "float16", "70000")
        self.refused([10**400], "float64", f"{str(10**400)[:18]}...{'0' * 19}")
        self.refused([10**9999], "float64", "a number of too many digits")

    def test_bfloat16(self) -> None:
        bits = {
            1.0: 0x3F80,
            -2: 0xC000,
            True: 0x3F80,
            0.1: 0x3DCD,
            1 + 2**-8: 0x3F80,  # half way: the even one
            1 + 3 * 2**-8: 0x3F82,
            1 + 2**-8 + 2**-20: 0x3F81,
            float("inf"): 0x7F80,
            -float("inf"): 0xFF80,
            3.3895e38: 0x7F7F,
            1e-40: 0x0001,
        }
        for value, expected in bits.items():
            array, dtype = array_of("x", [value], "bfloat16")
            self.assertEqual((array.dtype.name, dtype), ("uint16", "bfloat16"))
            self.assertEqual(hex(array[0]), hex(expected), value)
        nan = self.of([float("nan")], "bfloat16")[0]
        self.assertEqual((nan & 0x7F80, nan & 0x7F != 0), (0x7F80, True))
        self.refused([1, 3.4e38], "bfloat16", "3.4e+38")  # rounds to infinity
        self.refused(["1"], "bfloat16", "'1'")
        rows = [np.array([0x3F80], np.uint16)] * 2  # of Model.read
        self.assertEqual(self.of(rows, "bfloat16").tolist(), [[0x3F80]] * 2)

    def test_without_a_declaration(self) -> None:
        for value, dtype in (
            ([1.5], "float32"),
            (3, "int64"),
            ([True], "bool"),
            ([2**63], "uint64"),
            ([np.uint8(3)], "uint8"),
            ([np.float16(3)], "float16"),
            ([10**30], "float32"),
        ):
            self.assertEqual(array_of("x", value, None)[1], dtype)
        for wrong in ("abc", {"a": 1}, object):
            with self.assertRaisesRegex(midstream.InvalidArgumentError, "'x': .* is no float32"):
                array_of("x", wrong, None)

    def test_masks(self) -> None:
        masked = np.ma.masked_array([1.0, 2.0], [True, False])
        for value in ([masked], [[1.0, np.ma.masked]], ([1.0], (masked[0],))):
            with self.assertRaisesRegex(midstream.InvalidArgumentError, "'x' is a masked array"):
                array_of("x", value, "float32")


@unittest.skipUnless((PLUGINS / "python.so").exists(), "the plugin python is not built")
class Inputs(unittest.TestCase):
    """A model that gives back what it was given."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = Path(folder.name) / "same.mspkg"
        with Packager(path, "same:run") as package:
            package.add_source_text(
                "same", "def run(**given):\n    return {n + '_out': given[n] for n in given}\n"
            )
            for name, dtype in (("i", "int64"), ("u", "uint8"), ("b", "bool"), ("h", "bfloat16")):
                package.add_input(f"{name}: {dtype}[n]")
                package.add_output(f"{name}_out: {dtype}[n]")
            package.add_tensor("half", np.array([0x3F80, 0], np.uint16), dtype="bfloat16")
        order = ["python", "reference"]
        self.engine = midstream.Engine(
            set={"placement.order": order, "backends.python.interpreters": 1}
        )
        self.addCleanup(self.engine.close)
        self.model = self.engine.load(path)
        self.session = self.model.session()
        self.good = {"i": [1, -2], "u": [255, 0], "b": [True, 0], "h": [1.0, -2]}

    def test_lists(self) -> None:
        result = self.session.run(self.good)
        self.assertEqual(result["i_out"].tolist(), [1, -2])
        self.assertEqual(result["u_out"].tolist(), [255, 0])
        self.assertEqual(result["b_out"].tolist(), [True, False])
        self.assertEqual(result["h_out"].view(np.uint16).tolist(), [0x3F80, 0xC000])

    def test_what_does_not_fit(self) -> None:
        for name, value, reason in (
            ("i", [1.7, -2.9], "tensor 'i': 1.7 is no int64"),
            ("i", ["5", "6"], "tensor 'i': '5' is no int64"),
            ("u", [300, 0], "tensor 'u': 300 is no uint8"),
            ("b", [2, 0.5], "tensor 'b': 2 is no bool"),
            ("h", [1e39, 0], "tensor 'h': 1e.39 is no bfloat16"),
        ):
            given = {**self.good, name: value}
            for call in (self.session.run, self.session.submit):
                with self.assertRaisesRegex(midstream.InvalidArgumentError, reason):
                    call(given)

    def test_bits_of_bfloat16(self) -> None:
        bits = self.session.run(self.good)["h_out"].view(np.uint16)
        twice = np.repeat(bits, 2)[::2]
        for given in (bits, memoryview(bits), twice, list(bits), Holder(bits)):
            for name in ("h", "h:0"):
                inputs = {**self.good, name: given}
                if name != "h":
                    del inputs["h"]
                for result in (self.session.run(inputs), self.session.submit(inputs).result()):
                    self.assertEqual(result["h_out"].view(np.uint16).tolist(), bits.tolist())
        with self.assertRaisesRegex(midstream.InvalidArgumentError, "'i': expected int64"):
            self.session.run({**self.good, "i": bits})

    def test_weights_of_bfloat16(self) -> None:
        read = self.model.read("half")
        self.assertEqual(read.view(np.uint16).tolist(), [0x3F80, 0])
        for given in (read, [1, 0.0], Holder(read.view(np.uint16)), read[:1], [1]):
            with self.model.update(rename=["whole=half"]) as update:
                if len(getattr(given, "array", given)) == 1:
                    update.assign_rows("whole:0", 0, given)
                else:
                    update.assign("whole", given)
            self.assertEqual(self.model.read("half").view(np.uint16).tolist(), [0x3F80, 0])
        with self.model.update() as update:
            update.adopt("half", np.array([0, 0x4000], np.uint16))
        self.assertEqual(self.model.read("half").view(np.uint16).tolist(), [0, 0x4000])
        with self.assertRaisesRegex(midstream.InvalidArgumentError, "expected bfloat16.*int16"):
            with self.model.update() as update:
                update.assign("half", np.zeros(2, np.int16))


class Holder:
    """An array that can only be had by DLPack."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __dlpack__(self) -> object:
        return self.array.__dlpack__()

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


if __name__ == "__main__":
    unittest.main()
