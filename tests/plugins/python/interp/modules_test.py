"""What runs inside an interpreter, as ordinary modules: imports, entries, answers, faults."""

import ast
import dataclasses
import importlib
import inspect
import sys
import typing
import unittest
import unittest.mock
from typing import Any, Dict, Optional, Tuple

import numpy as np

from py import answers, arrays, entry, faults, package
from py.dtypes import DTYPES
from py.weights import Version

package.install()


def make(
    files: Dict[str, str], extern: Tuple[str, ...] = ("numpy",), origin: str = "/m.mspkg"
) -> Any:
    """A package with these files; their names begin below code/ unless they say otherwise."""
    named = {n if n.startswith("data/") else "code/" + n: t.encode() for n, t in files.items()}
    return package.Package(named, origin, extern)


class Imports(unittest.TestCase):
    def run_module(self, files: Dict[str, str], name: str = "main", **kwargs: Any) -> Any:
        made = make(files, **kwargs)
        self.addCleanup(made.close)
        return made.import_module(name)

    def test_every_form_of_an_import_is_resolved_in_the_package(self) -> None:
        main = self.run_module(
            {
                "main.py": "import a.b.c\nimport a.b.c as abc\nfrom a import b\nfrom a.b import c as c2\n"
                "from a.star import *\nfrom . import side\nfrom .side import value\n"
                "import importlib\nd = importlib.import_module('a.b.c')\n"
                "e = importlib.import_module('.b', a.__name__)\nf = __import__('a.b')\n"
                "g = importlib.import_module('.b.c', 'a')\nassert g is d\n"
                "import importlib.util\nfind = importlib.util.find_spec\n"
                "assert find('a.lazy').name == find('.lazy', 'a').name == a.__name__ + '.lazy'\n"
                "assert find('json').name == 'json' and find('nowhere') is None\n"
                "def late():\n    from a import lazy\n    return lazy.x\n",
                "a/__init__.py": "",
                "a/b/__init__.py": "from .. import b as me\nfrom . import c\n",
                "a/b/c.py": "from ..star import shown\nvalue = 5\n",
                "a/star.py": "__all__ = ['shown']\nshown, hidden = 1, 2\n",
                "a/lazy.py": "x = 9\n",
                "side.py": "value = 6\n",
            }
        )
        self.assertIs(main.a.b.c, main.abc)
        self.assertIs(main.b.c, main.c2)
        self.assertIs(main.d, main.abc)
        self.assertIs(main.e, main.b)
        self.assertIs(main.f, main.a)
        self.assertEqual((main.value, main.shown, main.abc.value, main.late()), (6, 1, 5, 9))
        self.assertFalse(hasattr(main, "hidden"))

    def test_circular_imports_work_as_ever(self) -> None:
        main = self.run_module(
            {
                "main.py": "import other\nx = 1\n",
                "other.py": "import main\ndef get():\n    return main.x\n",
            }
        )
        self.assertEqual(main.other.get(), 1)

    def test_folders_without_init_are_packages(self) -> None:
        main = self.run_module(
            {"main.py": "import deep.down.here as h\n", "deep/down/here.py": "x = 3\n"}
        )
        self.assertEqual(main.h.x, 3)

    def test_own_modules_go_before_outside_ones(self) -> None:
        main = self.run_module({"main.py": "import json, colorsys\n", "json.py": "x = 3\n"})
        self.assertEqual(main.json.x, 3)
        self.assertIs(main.colorsys, importlib.import_module("colorsys"))
        self.assertTrue(hasattr(importlib.import_module("json"), "loads"))

    def test_modules_of_two_packages_are_apart_and_gone_when_closed(self) -> None:
        made = [make({"main.py": f"x = {i}\n"}, origin="/same.mspkg") for i in range(2)]
        self.assertEqual([p.import_module("main").x for p in made], [0, 1])
        self.assertNotEqual(*[p.import_module("main").__file__ for p in made])
        for p in made:
            p.close()
        self.assertEqual([n for n in sys.modules if n.startswith(tuple(p.root for p in made))], [])

    def test_what_looks_modules_up_finds_them(self) -> None:
        main = self.run_module(
            {
                "main.py": "from __future__ import annotations\nimport dataclasses, typing, enum\n"
                "@dataclasses.dataclass\nclass Point:\n    x: int\n    y: typing.ClassVar[int] = 1\n"
                "class Color(enum.Enum):\n    RED = 1\n"
                "def where():\n    return Point(3)\n"
            }
        )
        self.assertEqual([f.name for f in dataclasses.fields(main.Point)], ["x"])
        self.assertEqual(typing.get_type_hints(main.Point)["x"], int)
        self.assertIn("return Point(3)", inspect.getsource(main.where))
        self.assertIs(inspect.getmodule(main.where), main)
        ast.parse(inspect.getsource(main))

    def test_undeclared_and_missing_modules_are_named(self) -> None:
        for source, text in (
            ("import yaml.nodes", "'yaml' is neither in the package nor declared as external"),
            (
                "import importlib\nimportlib.import_module('yaml')",
                "'yaml' is neither in the package",
            ),
            ("import numpy.nothing", "No module named 'numpy.nothing'"),
            ("import other.nothing", "the package has no module 'other.nothing'"),
            ("import json.decoder", "the package has no module 'json.decoder'"),
            ("from .other import nothing", "cannot import name 'nothing'"),
            ("from .nothing import x", "the package has no module '.nothing'"),
            ("from ... import x", "the package has no module '...x'"),
            ("import gone_module", "'gone_module' is declared as external, but Python"),
        ):
            with self.subTest(source), self.assertRaises(ImportError) as caught:
                self.run_module(
                    {"main.py": source, "other/__init__.py": "", "json/__init__.py": ""},
                    extern=("numpy", "gone_module"),
                )
            self.assertIn(text, str(caught.exception))

    def test_optional_imports_may_be_caught(self) -> None:
        main = self.run_module(
            {"main.py": "try:\n    import yaml\nexcept ImportError:\n    yaml = None\n"}
        )
        self.assertIsNone(main.yaml)

    def test_dotted_externals_allow_no_more(self) -> None:
        made = {"main.py": "import xml.dom\nimport numpy.linalg\n"}
        self.run_module(made, extern=("numpy.linalg",))
        with self.assertRaises(ImportError):
            self.run_module({"main.py": "import numpy\n"}, extern=("numpy.linalg",))

    def test_resources_are_read(self) -> None:
        main = self.run_module(
            {
                "main.py": "import midstream_model, pkg, pkgutil\nfrom importlib import resources\n"
                "r = midstream_model.resource\n"
                "found = [r('vocab.txt'), r('data/vocab.txt'), r('pkg/names.txt'),\n"
                "         pkgutil.get_data(pkg.__name__, 'names.txt'),\n"
                "         resources.files(pkg).joinpath('names.txt').read_bytes(),\n"
                "         (resources.files('pkg') / 'sub' / 'x.bin').read_bytes()]\n"
                "listed = sorted(e.name for e in resources.files(pkg).iterdir())\n",
                "pkg/__init__.py": "",
                "pkg/names.txt": "n",
                "pkg/sub/x.bin": "x",
                "data/vocab.txt": "v",
            }
        )
        self.assertEqual(main.found, [b"v", b"v", b"n", b"n", b"n", b"x"])
        self.assertEqual(main.listed, ["__init__.py", "names.txt", "sub"])
        with self.assertRaisesRegex(FileNotFoundError, "no resource 'w' .*data/vocab.txt"):
            main.r("w")

    def test_a_syntax_error_in_any_file_is_found(self) -> None:
        made = make({"main.py": "", "unused.py": "def f(:\n"})
        self.addCleanup(made.close)
        with self.assertRaises(SyntaxError):
            made.compile_all()


class Answers(unittest.TestCase):
    def test_numbers_become_every_dtype_and_come_back(self) -> None:
        for dtype in DTYPES:
            values = [[True, False]] if dtype == "bool" else [[1, 100]]
            data = answers.convert("y", values, dtype, (1, 2))
            if dtype == "bfloat16":
                self.assertEqual(bytes(data), np.array([0x3F80, 0x42C8], "uint16").tobytes())
            else:
                self.assertEqual(bytes(data), np.array(values, dtype).tobytes())

    def test_truth_values_of_numpy_are_truth_values(self) -> None:
        data = answers.convert("y", [np.float32(2) > 1, np.bool_(False), True], "bool", (3,))
        self.assertEqual(bytes(data), b"\1\0\1")

    def test_bfloat16_is_rounded_to_nearest_even(self) -> None:
        values = [1.00390625, 1.01171875, float("inf"), -float("inf"), float("nan"), -0.0, 3.4e38]
        data = np.frombuffer(answers.convert("y", values, "bfloat16", (7,)), "uint16")
        self.assertEqual(data.tolist(), [0x3F80, 0x3F82, 0x7F80, 0xFF80, 0x7FC0, 0x8000, 0x7F80])

    def test_what_does_not_fit_is_named(self) -> None:
        for value, dtype, shape, text in (
            (1.5, "int64", (), "output 'y': 1.5 is no int64"),
            ([300], "uint8", (1,), "output 'y': 300 is no uint8"),
            ([1e9], "float16", (1,), "output 'y': 1000000000.0 is no float16"),
            ([0.5], "bool", (1,), "output 'y': 0.5 is no bool"),
            ([np.float32(0.5)], "bool", (1,), "output 'y': 0.5 is no bool"),
            ([1, 2], "int8", (3,), "output 'y' has 2 elements along axis 0, expected 3 of [3]"),
            ([[1]], "int8", (1,), "output 'y' is nested deeper than its shape, expected [1]"),
            (
                1,
                "int8",
                (1,),
                "output 'y' has an object of type int at depth 0 of its lists, expected [1]",
            ),
            (np.zeros(2), "float32", (2,), "output 'y' is float64, declared as float32"),
            (np.zeros(2), "float64", (3,), "output 'y' has shape [2], expected [3]"),
            (b"ab", "float32", (2,), "output 'y' is uint8, declared as float32"),
            (
                np.zeros(1, "complex64"),
                "float32",
                (1,),
                "output 'y' is complex64, declared as float32",
            ),
        ):
            with self.subTest(text), self.assertRaises(faults.Fault) as caught:
                answers.convert("y", value, dtype, shape)
            self.assertEqual(str(caught.exception), text)


class Entries(unittest.TestCase):
    def test_what_cannot_be_called_with_the_inputs_is_refused(self) -> None:
        class Policy:
            def __call__(self, state: Any) -> None:
                pass

        with self.assertRaisesRegex(
            faults.Fault, r"with the inputs \(x\) by name: missing a required"
        ):
            entry.make(Policy, "m:P", ["x"])
        with self.assertRaisesRegex(faults.Fault, r"unexpected keyword argument 'x'"):
            entry.make(lambda: None, "m:f", ["x"])

    def test_an_input_named_weights_is_an_input(self) -> None:
        found = entry.make(lambda weights: weights, "m:f", ["weights"])
        self.assertIsNone(found.use(Version(1, [], [], None))[1])

    def test_constructors_get_weights_as_they_ask_for_them(self) -> None:
        class ByName:
            def __init__(self, *, weights: Any) -> None:
                self.w = weights

            def __call__(self) -> Any:
                return self.w

        class ByPlace(ByName):
            def __init__(self, version: Any) -> None:
                self.w = version

        class Default(ByName):
            def __init__(self, size: int = 3) -> None:
                self.w = None

        version = Version(1, [], [], None)
        for cls, given in ((ByName, version), (ByPlace, version), (Default, None)):
            call, _ = entry.make(cls, "m:C", []).use(version)
            self.assertIs(call(), given)


class Kinds(unittest.TestCase):
    def test_of_arrays_follow_what_is_declared(self) -> None:
        self.assertIsInstance(arrays.kind_for(()), arrays.Views)
        self.assertIsInstance(arrays.kind_for(("scipy.signal",)), arrays.Views)
        self.assertIsInstance(arrays.kind_for(("numpy.linalg",)), arrays.NumpyArrays)

    def test_arrays_need_numpy_where_it_is_declared(self) -> None:
        with unittest.mock.patch.object(arrays, "find_module", return_value=None):
            with self.assertRaisesRegex(faults.Fault, "declares numpy, .* does not have numpy"):
                arrays.kind_for(("numpy",))


class Faults(unittest.TestCase):
    def test_lines_are_valid_and_short_whatever_is_raised(self) -> None:
        class Bad(Exception):
            def __str__(self) -> str:
                raise RuntimeError

        deep: Optional[BaseException] = None
        for i in range(50):
            error = ValueError("é" * 400)
            error.__cause__ = deep
            deep = error
        for value in (
            deep,
            Bad(),
            ValueError("a\0b\nc \ud800"),
            KeyError("k"),
            KeyError(),
            SystemExit(None),
            type("Nowhere", (Exception,), {"__module__": None})("of no module"),
        ):
            code, text = faults.report(value, loading=False)
            line, _, trace = text.partition(b"\0")
            self.assertLessEqual(len(line), faults.LINE_BYTES)
            self.assertLess(len(text), 8190)
            self.assertNotIn(b"\n", line)
            self.assertNotIn(b"\0", trace)
            text.decode()
        self.assertEqual(faults.line_of(ValueError("a\0b\nc")), "ValueError: a b c")
        self.assertEqual(faults.line_of(KeyError("k")), "KeyError: no 'k'")

    def test_frames_of_others_are_left_out(self) -> None:
        made = make({"main.py": "import json\ndef f():\n    return json.loads('{')\n"})
        self.addCleanup(made.close)
        try:
            made.import_module("main").f()
        except ValueError as error:
            line = faults.line_of(error)
        self.assertTrue(line.startswith("json.decoder.JSONDecodeError: Expecting"), line)
        self.assertTrue(line.endswith(" (main.py:3 in f)"), line)


if __name__ == "__main__":
    unittest.main()
