"""Packager and PackageFile: what is written, read back, and refused."""

from __future__ import annotations

import array
import hashlib
import json
import os
import struct
import unittest
import unittest.mock
import zipfile

import numpy as np
from midstream.package import PackageError, PackageFile, Packager, PackagingError
from package_testing import SIGNATURE, PackageTest


class Writing(PackageTest):
    def setUp(self) -> None:
        super().setUp()
        self.write("policy.py", "def run(x): pass\n")

    def test_the_manifest(self) -> None:
        package = self.packager(
            inputs=["x: float32[batch, 4]", "t: int64"], batching=False, python="3.11", name="mine"
        )
        package.add_tensor("w", np.zeros((4, 2), np.float32))
        package.add_data("vocab.txt", b"a b c")
        self.close(package)
        with zipfile.ZipFile(self.path) as archive:
            names = archive.namelist()
            manifest = json.loads(archive.read("manifest.json"))
            digest = hashlib.sha256(archive.read("code/policy.py")).hexdigest()
        self.assertEqual(names, ["code/policy.py", "data/vocab.txt", "data/0.bin", "manifest.json"])
        self.assertEqual(
            manifest,
            {
                "format": "midstream.package",
                "version": 1,
                "name": "mine",
                "entry": "policy:run",
                "python": "3.11",
                "inputs": [
                    {"name": "x", "dtype": "float32", "shape": ["batch", 4]},
                    {"name": "t", "dtype": "int64", "shape": []},
                ],
                "outputs": [{"name": "y", "dtype": "float32", "shape": ["batch", 2]}],
                "batching": False,
                "extern": [],
                "tensors": [
                    {
                        "name": "w",
                        "dtype": "float32",
                        "shape": [4, 2],
                        "file": "data/0.bin",
                        "sha256": hashlib.sha256(bytes(32)).hexdigest(),
                    }
                ],
                "files": [
                    {"file": "code/policy.py", "sha256": digest},
                    {"file": "data/vocab.txt", "sha256": hashlib.sha256(b"a b c").hexdigest()},
                ],
            },
        )

    def test_entries_are_stored_and_tensors_aligned(self) -> None:
        package = self.packager()
        for size in range(1, 40):
            package.add_tensor("t" * size, np.arange(size, dtype=np.uint8))
        self.close(package)
        raw = self.path.read_bytes()
        with zipfile.ZipFile(self.path) as archive:
            self.assertIsNone(archive.testzip())
            for info in archive.infolist():
                self.assertEqual(info.compress_type, zipfile.ZIP_STORED)
                name, extra = struct.unpack_from("<HH", raw, info.header_offset + 26)
                begin = info.header_offset + 30 + name + extra
                self.assertEqual(raw[begin : begin + info.file_size], archive.read(info))
                if info.filename.endswith(".bin"):
                    self.assertEqual(begin % 64, 0)

    def test_large_tensors_are_aligned_too(self) -> None:
        """Their headers have the sizes of zip64, which takes 20 bytes more."""
        with unittest.mock.patch("zipfile.ZIP64_LIMIT", 1000):
            package = self.packager()
            package.add_tensor("large", np.arange(1000, dtype=np.float32))
            package.add_tensor("small", np.ones(3))
            package.close()
        self.assertIn(b"\x01\x00\x10\x00" + struct.pack("<QQ", 4000, 4000), self.path.read_bytes())
        with PackageFile(self.path) as file:
            file.verify()
            self.assertEqual(file.tensor("large").tolist(), list(range(1000)))

    def test_equal_packages_have_equal_bytes(self) -> None:
        digests = set()
        for order in (1, -1):
            package = self.packager()
            for name in ["a.txt", "b.txt"][::order]:
                package.add_data(name, name.encode())
            package.add_tensor("w", np.ones(3))
            package.close()
            digests.add(hashlib.sha256(self.path.read_bytes()).hexdigest())
            os.utime(self.sources / "policy.py", (1, 1))
        self.assertEqual(len(digests), 1)

    def test_data_do_not_take_the_place_of_tensors(self) -> None:
        package = self.packager()
        package.add_data("0.bin", b"mine")
        package.add_tensor("w", np.ones(3, np.int16))
        file = self.close(package)
        self.assertEqual(file.read("data/0.bin"), b"mine")
        self.assertEqual(file.tensor("w").tolist(), [1, 1, 1])

    def test_the_mode_is_that_of_any_other_file(self) -> None:
        self.packager().close()
        other = self.folder / "other"
        other.touch()
        self.assertEqual(self.path.stat().st_mode, other.stat().st_mode)

    def test_an_exception_in_the_block_writes_nothing(self) -> None:
        with self.assertRaises(KeyError), self.packager() as package:
            package.add_tensor("w", np.ones(3))
            raise KeyError
        self.assertFalse(self.path.exists())

    def test_a_file_that_is_there_stays_when_writing_fails(self) -> None:
        self.path.write_bytes(b"the one before")
        package = self.packager()
        vanishing = self.folder / "vanishing"
        vanishing.write_bytes(b"")
        package.add_data("v", vanishing)
        vanishing.unlink()
        with self.assertRaises(FileNotFoundError):
            package.close()
        self.assertEqual(self.path.read_bytes(), b"the one before")
        self.assertEqual(len(list(self.folder.iterdir())), 2)

    def test_entries_inside_a_class(self) -> None:
        self.write("policy.py", "class Policy:\n  class Inner:\n    def act(x): pass\n")
        self.assertEqual(
            self.close(self.packager("policy:Policy.Inner.act")).entry, "policy:Policy.Inner.act"
        )

    def test_what_nobody_reads_is_as_the_engine_writes_it(self) -> None:
        package = self.packager()
        package.add_tensor("w", np.ones(3))
        package.close()
        with zipfile.ZipFile(self.path) as archive:
            for info in archive.infolist():
                self.assertEqual(
                    (info.create_system, info.create_version, info.extract_version), (3, 45, 20)
                )
                self.assertEqual((info.internal_attr, info.external_attr), (0, 0o100644 << 16))

    def test_resources_lie_beside_modules(self) -> None:
        self.write("policy.py", "import nets.act, folder.m\ndef run(x): pass\n")
        self.write("nets/__init__.py")
        self.write("nets/act.py")
        self.write("folder/m.py")
        words = self.write("words.txt", "a b")
        package = self.packager()
        package.intern(["nets.**", "folder.**"])
        package.add_resource("nets", "words.txt", words)
        package.add_resource("nets", "deep/more.bin", b"\0\1")
        package.add_resource("folder", "a.txt", b"1")
        package.add_resource("", "top.txt", b"2")
        file = self.close(package)
        self.assertEqual(file.read("code/nets/words.txt"), b"a b")
        self.assertEqual(file.read("code/nets/deep/more.bin"), b"\0\1")
        self.assertEqual(file.read("code/folder/a.txt"), b"1")
        self.assertEqual(file.read("code/top.txt"), b"2")

    def test_sources_given_as_files_and_texts(self) -> None:
        elsewhere = self.folder / "sources" / "elsewhere.py"
        elsewhere.write_text("VALUE = 3\n")
        package = Packager(self.path, "made:run", **SIGNATURE)
        package.add_source_text("made", "import taken.part\ndef run(x): return taken.part.VALUE\n")
        package.add_source_text("taken", "", is_package=True)
        package.add_source_file("taken.part", elsewhere)
        file = self.close(package)
        self.assertEqual(
            file.modules,
            {
                "made": "code/made.py",
                "taken": "code/taken/__init__.py",
                "taken.part": "code/taken/part.py",
            },
        )
        self.assertEqual(file.source("taken.part"), "VALUE = 3\n")


class Refusals(PackageTest):
    def setUp(self) -> None:
        super().setUp()
        self.write("policy.py", "def run(x): pass\n")

    def test_entries(self) -> None:
        for entry in "policy policy: :run a-b:run policy:a..b policy:.b policy:run:x".split():
            with self.subTest(entry=entry), self.assertRaisesRegex(PackagingError, "module:name"):
                self.packager(entry)
        self.assertIn("there is no module 'nowhere'", self.refusal(self.packager("nowhere:run")))
        for entry in ("policy:walk", "policy:walk.far"):
            self.assertIn("there is no 'walk'", self.refusal(self.packager(entry)))

    def test_declarations(self) -> None:
        for text, reason in [
            ("x", "no declaration"),
            ("x float32", "no declaration"),
            ("x: float32[batch", "no declaration"),
            ("x: float[2]", "'float' is no dtype"),
            ("x: float32[-1]", "'-1' is neither"),
            ("x: float32[a b]", "'a b' is neither"),
            (f"x: float32[{'a' * 65}]", "aaa' is neither"),
            ("x: float32[2,,3]", "'' is neither"),
            ("a.b: float32", "no Python identifier"),
            ("x: float32[1,1,1,1,1,1,1,1,1]", "more than 8 dimensions"),
        ]:
            with self.subTest(text=text), self.assertRaisesRegex(PackagingError, reason):
                self.packager(inputs=[text])

    def test_signatures(self) -> None:
        for given, reason in [
            ({"inputs": []}, "declares no input"),
            ({"outputs": []}, "declares no output"),
            ({"inputs": ["x: int8[batch]", "x: int8[2]"]}, "two inputs are called 'x'"),
            ({"inputs": [f"x{i}: int8[batch]" for i in range(33)]}, "33 inputs, at most 32"),
            ({"outputs": ["y: int8[rows]"]}, "no input has the dimension 'rows'"),
            (
                {"batching": True, "inputs": ["x: int8[batch]", "t: int8"]},
                "batching asks for one named",
            ),
            (
                {"batching": True, "inputs": ["x: int8[batch]", "t: int8[1]"]},
                "batching asks for one named",
            ),
        ]:
            with self.subTest(reason=reason):
                self.assertIn(reason, self.refusal(self.packager(**given)))

    def test_names(self) -> None:
        package = self.packager()
        package.add_data("a", b"")
        package.add_tensor("w", b"1")
        package.add_source_text("m", "")
        for call, reason in [
            (lambda: package.add_data("a", b""), "there is data 'a' already"),
            (lambda: package.add_data("../a", b""), "cannot be the name of a file"),
            (lambda: package.add_data("/a", b""), "cannot be the name of a file"),
            (lambda: package.add_data("a\\b", b""), "cannot be the name of a file"),
            (lambda: package.add_data("a\n", b""), "cannot be the name of a file"),
            (lambda: package.add_data("b", self.folder / "gone"), "data 'b': there is no file"),
            (lambda: package.add_tensor("w", b"2"), "a tensor 'w' already"),
            (lambda: package.add_tensor("", b"2"), "'' cannot be the name of a tensor"),
            (lambda: package.add_source_text("m", ""), "module 'm' was added already"),
            (lambda: package.add_source_text("a-b", ""), "cannot be the name of a module"),
            (lambda: package.add_module("nowhere"), "there is no module 'nowhere'"),
            (lambda: package.add_resource("m", "../a", b""), "cannot be the name of a file"),
            (lambda: package.add_resource("m", "", b""), "cannot be the name of a file"),
            (
                lambda: package.add_resource("a/b", "a", b""),
                "'a/b' cannot be the name of a package",
            ),
            (lambda: package.add_resource("m", "a.py", b""), "'a.py' would be a module"),
            (
                lambda: package.add_resource("m", "b", self.folder / "gone"),
                "resource 'b' of 'm': there is no file .*gone",
            ),
        ]:
            with self.subTest(reason=reason), self.assertRaisesRegex(PackagingError, reason):
                call()
        package.add_tensor("x", b"1")
        self.assertIn("an input and a tensor are called 'x'", self.refusal(package))

    def test_resources_of_no_package(self) -> None:
        for name, reason in [
            ("policy", "'policy' is packed, only a module of that name"),
            ("nets", "resource 'a' of 'nets': no package 'nets' is packed"),
        ]:
            package = self.packager()
            package.add_resource(name, "a", b"")
            self.assertIn(reason, self.refusal(package))
            with self.assertRaisesRegex(PackagingError, f"resource 'a' of '{name}' already"):
                package.add_resource(name, "a", b"")

    def test_keywords_are_names(self) -> None:
        """An entry that takes **inputs can have an input of that name."""
        package = self.packager(inputs=["class: float32[batch]"], outputs=["in: float32[batch]"])
        self.assertEqual([one.name for one in self.close(package).inputs], ["class"])

    def test_a_file_that_cannot_be_written_is_named(self) -> None:
        package = self.packager()
        package.path = self.folder / "missing/model.mspkg"
        with self.assertRaises(FileNotFoundError) as caught:
            package.close()
        self.assertEqual(caught.exception.filename, str(package.path))
        package.path = self.sources
        with self.assertRaises(OSError) as caught:
            package.close()
        self.assertEqual(caught.exception.filename, str(self.sources))
        self.assertIsNone(caught.exception.filename2)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["sources"])

    def test_values(self) -> None:
        for value, given, reason in [
            ([1.0, 2.0], {}, "tensor 'w' is a list; give an array"),
            (np.array(["a"]), {}, "has the dtype <U1"),
            (np.zeros(2, np.complex64), {}, "has the dtype complex64"),
            (np.zeros(2, object), {}, "has the dtype object"),
            (np.zeros(2, np.float32), {"dtype": "float64"}, "is float32, not float64"),
            (array.array("u", "ab"), {}, "format"),
        ]:
            with self.subTest(reason=reason), self.assertRaisesRegex(PackagingError, reason):
                self.packager().add_tensor("w", value, **given)

    def test_python(self) -> None:
        for python in ["3", "2.7", "3.9", "3.x", "", "3.11.2"]:
            with self.subTest(python=python), self.assertRaisesRegex(PackagingError, "python"):
                self.packager(python=python)

    def test_a_source_folder_that_is_not_there(self) -> None:
        with self.assertRaises(FileNotFoundError):
            Packager(self.path, "policy:run", source=self.folder / "gone")


class ReadingBack(PackageTest):
    def setUp(self) -> None:
        super().setUp()
        self.write("policy.py", "def run(x): pass\n")
        package = self.packager()
        package.add_tensor("w", np.arange(8, dtype=np.float32))
        package.close()

    def test_what_is_not_there(self) -> None:
        with PackageFile(self.path) as file:
            for call in (file.tensor, file.source, file.read):
                with self.assertRaisesRegex(PackageError, "no .*'?gone|gone.*no such entry"):
                    call("gone")

    def test_changed_bytes_are_found(self) -> None:
        raw = bytearray(self.path.read_bytes())
        at = raw.index(np.arange(8, dtype=np.float32).tobytes())
        raw[at + 5] ^= 1
        self.path.write_bytes(raw)
        with (
            PackageFile(self.path) as file,
            self.assertRaisesRegex(PackageError, "data/0.bin: its SHA"),
        ):
            file.verify()

    def rewritten(self, change: object) -> PackageFile:
        """The package with its entries, a list of (name, bytes), changed."""
        with zipfile.ZipFile(self.path) as archive:
            entries = [(info.filename, archive.read(info)) for info in archive.infolist()]
        change(entries)
        with zipfile.ZipFile(self.path, "w") as archive:
            for name, data in entries:
                archive.writestr(name, data)
        return PackageFile(self.path)

    def test_entries_that_do_not_belong(self) -> None:
        for change, reason in [
            (
                lambda e: e.insert(0, ("code/more.py", b"")),
                "code/more.py: the manifest does not list it",
            ),
            (lambda e: e.append(("data/late", b"")), "data/late: it comes after the manifest"),
            (lambda e: e.pop(0), "the manifest lists it, but it is not there"),
            (lambda e: None, "is not at a multiple of 64"),
        ]:
            with self.subTest(reason=reason):
                self.setUp()
                with self.rewritten(change) as file, self.assertRaisesRegex(PackageError, reason):
                    file.verify()

    def test_manifests_that_are_none(self) -> None:
        for manifest, reason in [
            (b"[", "no JSON"),
            (b"[]", '"format"'),
            (b'{"format": "other"}', '"format"'),
            (b'{"format": "midstream.package", "version": 2}', "version 2, known is 1"),
            (b'{"format": "midstream.package", "version": 1}', "a key is missing"),
        ]:
            with self.subTest(reason=reason), self.assertRaisesRegex(PackageError, reason):
                self.rewritten(lambda e, m=manifest: e.__setitem__(-1, ("manifest.json", m)))
        with self.assertRaisesRegex(PackageError, "manifest.json: there is no such entry"):
            self.rewritten(lambda e: e.pop())
        self.path.write_bytes(b"no zip")
        with self.assertRaisesRegex(PackageError, "is no package"):
            PackageFile(self.path)


if __name__ == "__main__":
    unittest.main()
