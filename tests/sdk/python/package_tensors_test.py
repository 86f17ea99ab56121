"""Tensors of a package: what they may be made of, and files of them."""

from __future__ import annotations

import array
import io
import json
import unittest
import zipfile

import numpy as np
from midstream.package import PackageFile, PackagingError
from package_testing import PackageTest

try:
    import torch
except ImportError:
    torch = None


class Tensors(PackageTest):
    def setUp(self) -> None:
        super().setUp()
        self.write("policy.py", "def run(x): pass\n")

    def packed(self, value: object, **given: str) -> np.ndarray:
        package = self.packager()
        package.add_tensor("w", value, **given)
        return self.close(package).tensor("w")

    def test_every_dtype_of_numpy(self) -> None:
        for dtype in "f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 ?".split():
            value = np.array([[0, 1], [1, 3]]).astype(dtype)
            with self.subTest(dtype=dtype):
                packed = self.packed(value)
                self.assertEqual(packed.dtype, value.dtype)
                np.testing.assert_array_equal(packed, value)
                self.assertFalse(packed.flags.writeable)

    def test_any_layout(self) -> None:
        value = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
        for other in (value.T, value[:, ::-1], value.astype(">f4"), value[..., 1]):
            np.testing.assert_array_equal(self.packed(other), other)

    def test_scalars_and_empty_ones(self) -> None:
        for value in (
            np.float64(2.5),
            np.array(7, np.int8),
            np.zeros((0, 3)),
            np.zeros((2, 0), np.int32),
        ):
            packed = self.packed(value)
            self.assertEqual((packed.shape, packed.dtype), (value.shape, value.dtype))
            np.testing.assert_array_equal(packed, value)

    def test_buffers_without_numpy(self) -> None:
        self.assertEqual(self.packed(array.array("d", [1, 2])).tolist(), [1.0, 2.0])
        self.assertEqual(self.packed(array.array("l", [1, -2])).dtype, np.int64)
        self.assertEqual(self.packed(b"abc").tolist(), [97, 98, 99])
        self.assertEqual(self.packed(memoryview(b"abcd")[::2]).tolist(), [97, 99])

    def test_bits_of_bfloat16(self) -> None:
        self.packed(np.array([0x3F80], np.uint16), dtype="bfloat16")
        with PackageFile(self.path) as file:
            self.assertEqual(file.manifest["tensors"][0]["dtype"], "bfloat16")
            self.assertEqual(file.tensor("w").view(np.uint16).tolist(), [0x3F80])

    @unittest.skipUnless(torch, "needs torch")
    def test_torch(self) -> None:
        package = self.packager()
        model = torch.nn.Linear(4, 2)
        package.add_tensors(model)
        package.add_tensor("half", torch.tensor([1.0, 2.0], dtype=torch.bfloat16))
        package.add_tensor("turned", torch.arange(6).reshape(2, 3).T)
        package.add_tensor("none", torch.zeros(0, 2))
        file = self.close(package)
        np.testing.assert_array_equal(file.tensor("weight"), model.weight.detach().numpy())
        self.assertEqual(file.tensor("half").view(np.uint16).tolist(), [0x3F80, 0x4000])
        self.assertEqual(file.tensor("turned").tolist(), [[0, 3], [1, 4], [2, 5]])
        self.assertEqual(file.tensor("none").shape, (0, 2))
        with self.assertRaisesRegex(PackagingError, "tensor 's' is a sparse"):
            package.add_tensor("s", torch.eye(2).to_sparse())

    def test_files_of_tensors(self) -> None:
        weights = {"a/kernel": np.ones((2, 3), np.float32), "b": np.arange(4)}
        np.savez(self.folder / "sources/w.npz", **weights)
        header = json.dumps({"h": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}).encode()
        data = len(header).to_bytes(8, "little") + header + b"\x80\x3f\x00\x40"
        (self.sources / "w.safetensors").write_bytes(data)
        package = self.packager()
        package.add_tensors(self.sources / "w.npz")
        package.add_tensors(str(self.sources / "w.safetensors"))
        file = self.close(package)
        self.assertEqual(file.tensors, ["a/kernel", "b", "h"])
        np.testing.assert_array_equal(file.tensor("a/kernel"), weights["a/kernel"])
        self.assertEqual(file.tensor("h").view(np.uint16).tolist(), [0x3F80, 0x4000])

    def test_files_that_are_damaged(self) -> None:
        def saved(value: np.ndarray) -> bytes:
            out = io.BytesIO()
            np.save(out, value)
            return out.getvalue()

        def zipped(entries: dict[str, bytes]) -> bytes:
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w") as archive:
                for name, data in entries.items():
                    archive.writestr(name, data)
            return out.getvalue()

        npy = saved(np.arange(3.0))
        npz = zipped({"w.npy": npy})
        for name, data in [
            ("short.safetensors", b"\x10\0\0\0\0\0\0\0{}"),
            (
                "size.safetensors",
                b'\x38\0\0\0\0\0\0\0{"h":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}    1234',
            ),
            ("list.safetensors", b"\x02\0\0\0\0\0\0\0[]"),
            ("empty.safetensors", b""),
            ("other.pt", b""),
            ("junk.npz", b"junk"),
            ("empty.npz", b""),
            ("cut.npz", npz[:-30]),
            ("array.npz", npy),
            ("changed.npz", npz.replace(npy[-8:], b"\xff" * 8)),
            ("header.npz", npz.replace(b"NUMPY", b"NUMPI")),
            ("text.npz", zipped({"w.txt": b"text"})),
            ("object.npz", zipped({"w.npy": saved(np.array([{}], object))})),
        ]:
            path = self.sources / name
            path.write_bytes(data)
            with self.subTest(name=name), self.assertRaisesRegex(PackagingError, name):
                self.packager().add_tensors(path)


if __name__ == "__main__":
    unittest.main()
