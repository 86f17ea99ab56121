"""The command line of midstream.package."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import unittest

import numpy as np
from midstream.package import PackageFile
from midstream.package.__main__ import main
from package_testing import PackageTest


class CommandLine(PackageTest):
    def run_main(self, *arguments: object) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([str(argument) for argument in arguments])
        return code, out.getvalue(), err.getvalue()

    def test_create_inspect_verify(self) -> None:
        self.write("policy.py", "import nets.act, viz\ndef run(x): pass\n")
        self.write("nets/__init__.py")
        self.write("nets/act.py")
        vocabulary = self.write("vocab.txt", "a b")
        np.savez(self.sources / "w.npz", w=np.zeros(3, np.float32))
        options = [
            self.path, "--entry", "policy:run", "--source", self.sources,
            "--input", "x: float32[batch, 4]", "--output", "y: float32[batch]", "--batching",
            "--extern", "numpy", "--mock", "viz", "--intern", "nets.**",
            "--tensors", self.sources / "w.npz", "--data", f"words.txt={vocabulary}",
            "--resource", f"nets:words.txt={vocabulary}",
        ]  # fmt: skip
        note = "--extern numpy matches no module that is imported; it is declared all the same\n"
        code, out, err = self.run_main("create", *options, "--dependencies")
        self.assertEqual((code, err), (0, note))
        self.assertIn("policy.py:1: import nets.act, viz", out)
        self.assertFalse(self.path.exists())
        self.assertEqual(self.run_main("create", *options), (0, "", note))
        self.assertEqual(
            self.run_main("verify", self.path), (0, f"{self.path}: sound, 7 entries\n", "")
        )
        code, out, err = self.run_main("inspect", self.path)
        for part in ["input     x: float32[batch, 4]", "extern    numpy", "tensor    w: float32[3]",
                     "module    nets.act", "file      data/words.txt",
                     "file      code/nets/words.txt"]:  # fmt: skip
            self.assertIn(part, out)
        code, out, err = self.run_main("inspect", self.path, "--json")
        self.assertEqual(json.loads(out)["entry"], "policy:run")

    def test_errors_are_one_message(self) -> None:
        self.write("policy.py", "import nets\ndef run(x): pass\n")
        code, out, err = self.run_main(
            "create", self.path, "--entry", "policy:run", "--source", self.sources
        )
        self.assertEqual((code, out), (1, ""))
        self.assertIn("policy.py:1: import nets: no rule", err)
        code, out, err = self.run_main("inspect", self.folder / "gone")
        self.assertEqual((code, out), (1, ""))
        self.assertEqual(err, f"{self.folder / 'gone'}: No such file or directory\n")

    def test_commas_separate_patterns(self) -> None:
        self.write("policy.py", "import numpy, pandas, viz\ndef run(x): pass\n")
        options = ["create", self.path, "--entry", "policy:run", "--source", self.sources,
                   "--input", "x: int8", "--output", "y: int8"]  # fmt: skip
        rules = ["--extern", "numpy, pandas,", "--mock", "viz,vis", "--deny", "gone"]
        self.assertEqual(
            self.run_main(*options, *rules),
            (0, "", "--mock vis matches no module that is imported\n"),
        )
        with PackageFile(self.path) as file:
            self.assertEqual(file.extern, ["numpy", "pandas"])
        code, out, err = self.run_main(*options, "--extern", "[")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("'[' is no pattern for the names of modules", err)
        with self.assertRaises(SystemExit), contextlib.redirect_stderr(io.StringIO()) as text:
            main([*map(str, options), "--extern", ","])
        self.assertIn("argument --extern: expected patterns", text.getvalue())

    def test_resources_are_named_in_full(self) -> None:
        self.write("policy.py", "def run(x): pass\n")
        for text in ("nets", "nets=a", "nets:=a", "nets:a", "nets:a="):
            code, out, err = self.run_main(
                "create", self.path, "--entry", "policy:run", "--source", self.sources,
                "--resource", text,
            )  # fmt: skip
            self.assertEqual((code, err), (1, f"--resource {text}: expected PACKAGE:NAME=FILE\n"))

    def test_neither_engine_nor_numpy_is_imported(self) -> None:
        self.write("policy.py", "def run(x): pass\n")
        statements = (
            "import sys\nfrom midstream.package import Packager\n"
            f"package = Packager({str(self.path)!r}, 'policy:run')\n"
            "package.add_input('x: int8')\npackage.add_output('y: int8')\npackage.close()\n"
            "print({'numpy', 'torch', 'pickle', 'midstream._engine'} & set(sys.modules))"
        )
        done = subprocess.run(
            [sys.executable, "-c", statements], cwd=self.sources, capture_output=True, text=True
        )
        self.assertEqual((done.stdout, done.stderr), ("set()\n", ""))


if __name__ == "__main__":
    unittest.main()
