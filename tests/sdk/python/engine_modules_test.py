"""What the packager packs, found by the code when the engine runs it: files beside modules, folders
without __init__.py, modules with names of the standard library, entries inside a class."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

import midstream
import numpy as np
from midstream import _engine
from midstream.package import Packager, _standard

BUILD = Path(_engine.__file__).parents[2]
INPUT, OUTPUT = "x: int64[n]", "y: int64[n]"


@unittest.skipUnless((BUILD / "lib/midstream/python.so").exists(), "the plugin python is not built")
class SharedIsolation(unittest.TestCase):
    isolation = "shared"

    def setUp(self) -> None:
        logging.getLogger("midstream").addHandler(logging.NullHandler())
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.sources = Path(folder.name) / "sources"
        self.path = Path(folder.name) / "model.mspkg"
        self.engine = midstream.Engine(
            set={
                "placement.order": ["python", "reference"],
                "backends.python.isolation": self.isolation,
                "backends.python.interpreters": 1,
            }
        )
        self.addCleanup(self.engine.close)

    def write(self, file: str, text: str = "") -> None:
        path = self.sources / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))

    def packager(self, entry: str = "policy:run", **given: list[str]) -> Packager:
        declared = {"inputs": [INPUT], "outputs": [OUTPUT], **given}
        return Packager(self.path, entry, source=self.sources, **declared)

    def answer(self, **inputs: list[int]) -> list[int]:
        inputs = inputs or {"x": [1, 2]}
        values = {name: np.array(value, np.int64) for name, value in inputs.items()}
        with self.engine.load(self.path) as model:
            return model.session().run(values)["y"].tolist()

    def test_files_beside_modules(self) -> None:
        self.write("nets/__init__.py")
        self.write("folder/empty.py")
        self.write(
            "policy.py",
            """\
            import importlib.resources as resources
            import pkgutil
            import folder.empty
            import nets

            def run(x):
                files = resources.files("nets")
                found = [
                    files.joinpath("one.txt").read_text(),
                    (resources.files(nets) / "deep/ten.bin").read_bytes(),
                    pkgutil.get_data(nets.__name__, "one.txt"),
                    resources.files(folder).joinpath("hundred.txt").read_text(),
                    pkgutil.get_data(__name__, "thousand.txt"),
                ]
                return [value * sum(map(int, found)) for value in x.tolist()]
            """,
        )
        with self.packager() as package:
            package.intern(["nets", "folder.**"])
            package.add_resource("nets", "one.txt", b"1")
            package.add_resource("nets", "deep/ten.bin", b"10")
            package.add_resource("folder", "hundred.txt", b"100")
            package.add_resource("", "thousand.txt", b"1000")
        self.assertEqual(self.answer(), [1112, 2224])

    def test_folders_without_init(self) -> None:
        self.write("ns/inner/policy.py", "from .leaf import K\ndef run(x): return [K for _ in x]\n")
        self.write("ns/inner/leaf.py", "K = 7\n")
        with self.packager("ns.inner.policy:run") as package:
            package.intern("ns.**")
        self.assertEqual(self.answer(), [7, 7])

    def test_an_entry_inside_a_class(self) -> None:
        self.write(
            "policy.py",
            """\
            class Policy:
                class Inner:
                    @staticmethod
                    def act(x):
                        return [value + 1 for value in x.tolist()]
            """,
        )
        self.packager("policy:Policy.Inner.act").close()
        self.assertEqual(self.answer(), [2, 3])

    def test_an_input_named_by_a_keyword(self) -> None:
        self.write("policy.py", "def run(**inputs): return inputs['class'].tolist()\n")
        self.packager(inputs=["class: int64[n]"]).close()
        self.assertEqual(self.answer(**{"class": [3, 4]}), [3, 4])
        self.write("policy.py", "def run(x): return x\n")
        self.packager(inputs=["class: int64[n]"]).close()
        with self.assertRaisesRegex(midstream.Error, "cannot be called with the inputs .class."):
            self.answer(**{"class": [3, 4]})

    def test_names_of_the_standard_library(self) -> None:
        """Both packagers' models answer as plain Python does."""
        self.write("queue.py", "K = 5\n")
        self.write("time.py", "def time(): raise OSError('never taken from a file')\n")
        self.write(
            "policy.py",
            """\
            import queue, time
            def run(x):
                time.time()
                return [value * queue.K for value in x.tolist()]
            """,
        )
        plain = subprocess.run(
            [
                sys.executable,
                "-c",
                "import policy, array; print(policy.run(array.array('l', [1])))",
            ],
            cwd=self.sources,
            capture_output=True,
            text=True,
        )
        self.assertEqual((plain.stdout, plain.stderr), ("[5]\n", ""))
        with self.packager() as package:
            package.intern("queue")
        self.assertEqual(self.answer(), [5, 10])
        self.path.unlink()
        made = subprocess.run(
            [BUILD / "bin/midstream", "package", "create", self.path, "--code", self.sources]
            + ["--entry", "policy:run", "--input", INPUT, "--output", OUTPUT],
            capture_output=True,
            text=True,
        )
        self.assertIn("left out: code/time.py", made.stdout)
        self.assertEqual(self.answer(), [5, 10])

    def test_both_packagers_know_the_same_modules_that_no_file_can_take(self) -> None:
        self.write("policy.py", "def run(x): pass\n")
        for name in _standard.NAMES:
            self.write(f"{name}.py")
        made = subprocess.run(
            [BUILD / "bin/midstream", "package", "create", self.path, "--code", self.sources]
            + ["--entry", "policy:run", "--input", INPUT, "--output", OUTPUT, "--json"],
            capture_output=True,
            text=True,
        )
        left_out = {Path(file).stem for file in json.loads(made.stdout)["left_out"]}
        self.assertEqual(left_out, set(_standard.CORE))

    def test_a_mock_of_the_standard_library(self) -> None:
        self.write("policy.py", "import tkinter.ttk\ndef run(x): return tkinter.ttk.Label(x)\n")
        with self.packager() as package:
            package.mock("tkinter")
        with self.assertRaisesRegex(midstream.Error, "'tkinter.ttk' was mocked when the package"):
            self.answer()


class ProcessIsolation(SharedIsolation):
    isolation = "process"


if __name__ == "__main__":
    unittest.main()
