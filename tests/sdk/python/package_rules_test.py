"""Globs, the order of rules, and what each kind of rule makes of a module."""

from __future__ import annotations

import subprocess
import sys
import unittest
import unittest.mock

from midstream.package import PackagingError, _standard
from midstream.package._rules import EXTERN, INTERN, Rule
from package_testing import PackageTest


class Globs(unittest.TestCase):
    def test_stars(self) -> None:
        for glob, module, expected in [
            ("torch.**", "torch", True),
            ("torch.**", "torch.nn.functional", True),
            ("torch.**", "torchvision", False),
            ("torch.*", "torch.nn", True),
            ("torch.*", "torch", False),
            ("torch.*", "torch.nn.functional", False),
            ("**.act", "act", True),
            ("**.act", "a.b.act", True),
            ("**.act", "a.b.react", False),
            ("net*", "nets", True),
            ("net*", "nets.act", False),
            ("*_test", "a_test", True),
            ("**", "a.b.c", True),
            ("a.**.c", "a.c", True),
            ("a.**.c", "a.x.y.c", True),
            ("a.b", "aXb", False),
        ]:
            with self.subTest(glob=glob, module=module):
                self.assertEqual(Rule.make(INTERN, glob, ()).matches(module), expected)

    def test_what_is_said_of_a_module_holds_below_it_unless_it_is_packed(self) -> None:
        self.assertTrue(Rule.make(EXTERN, "numpy", ()).matches("numpy.linalg"))
        self.assertFalse(Rule.make(INTERN, "nets", ()).matches("nets.act"))

    def test_exclude(self) -> None:
        rule = Rule.make(INTERN, ["nets.**", "act"], "nets.viz.**")
        self.assertTrue(rule.matches("act"))
        self.assertTrue(rule.matches("nets.visual"))
        self.assertFalse(rule.matches("nets.viz.plot"))

    def test_patterns_that_are_none(self) -> None:
        for glob in ["", "a..b", ".a", "a.**b", "**c", "[", "a b", "numpy,pandas", "a.2*", "a-b"]:
            with self.subTest(glob=glob), self.assertRaises(PackagingError):
                Rule.make(INTERN, glob, ())
        with self.assertRaisesRegex(ValueError, "without a pattern"):
            Rule.make(INTERN, [], ())


class Rules(PackageTest):
    def test_the_first_that_matches_counts(self) -> None:
        self.write("policy.py", "import nets.act, nets.viz\ndef run(x): pass\n")
        for name in ("__init__", "act", "viz"):
            self.write(f"nets/{name}.py")
        package = self.packager()
        package.mock("nets.viz")
        package.intern("nets.**")
        graph = self.graph(package)
        self.assertEqual(graph.of_kind("code"), ["nets", "nets.act", "policy"])
        self.assertEqual(graph.of_kind("mock"), ["nets.viz"])

    def test_an_import_without_a_rule_names_module_and_line(self) -> None:
        self.write("policy.py", "import math\n\nimport nets.act\ndef run(x): pass\n")
        self.write("nets/__init__.py")
        message = self.refusal()
        self.assertIn("policy.py:3: import nets.act: no rule", message)
        for offer in ['extern("nets")', 'intern("nets.**")', 'mock("nets")']:
            self.assertIn(offer, message)

    def test_what_is_not_here_can_only_be_external_or_mocked(self) -> None:
        self.write("policy.py", "import nowhere_to_be_found\ndef run(x): pass\n")
        self.assertNotIn("intern(", self.refusal())
        package = self.packager()
        package.extern("nowhere_to_be_found")
        self.assertEqual(self.close(package).extern, ["nowhere_to_be_found"])

    def test_every_problem_is_told(self) -> None:
        self.write("policy.py", "import one\nfrom two import x\nimport three\n")
        package = self.packager(outputs=["y: float32[rows]"])
        package.deny("three.**")
        message = self.refusal(package)
        for part in [
            "policy.py:1: import one:",
            "policy.py:2: from two import x:",
            "policy.py:3: import three: 'three' is refused by deny(\"three.**\")",
            "there is no 'run', which the entry 'policy:run' names",
            "no input has the dimension 'rows'",
        ]:
            self.assertIn(part, message)

    def test_intern_without_source(self) -> None:
        self.write("policy.py", "import gone\nimport _posixsubprocess_like\ndef run(x): pass\n")
        (self.sources / "_posixsubprocess_like.abi3.so").write_bytes(b"")
        package = self.packager()
        package.intern("**")
        message = self.refusal(package)
        self.assertIn(
            "policy.py:1: import gone: the source of 'gone' is not found (intern(\"**\"))", message
        )
        self.assertIn(
            'has no source to pack (intern("**")); use extern("_posixsubprocess_like")', message
        )

    def test_one_top_level_name_is_packed_or_external(self) -> None:
        self.write("policy.py", "import nets.act\ndef run(x): pass\n")
        self.write("nets/__init__.py")
        package = self.packager()
        package.intern("nets")
        package.extern("nets.act")
        self.assertIn("'nets.act' is external and 'nets' is packed", self.refusal(package))

    def test_external_modules_that_only_a_rule_names(self) -> None:
        self.write("policy.py", "def run(x): pass\n")
        package = self.packager()
        package.extern(["numpy", "scipy.linalg", "torch*"])
        self.assertEqual(self.close(package).extern, ["numpy", "scipy"])

    def test_the_standard_library_needs_no_rule(self) -> None:
        self.write(
            "policy.py",
            "import os.path, xml.etree.ElementTree, midstream_model\ndef run(x): pass\n",
        )
        package = self.packager()
        package.deny(["o*", "**"])
        package.intern("**")
        self.assertEqual(self.graph(package).of_kind("stdlib"), ["midstream_model", "os", "xml"])

    def test_a_rule_that_names_a_module_of_the_standard_library_counts(self) -> None:
        self.write(
            "policy.py",
            """\
            import json, tkinter.ttk, os.path
            from concurrent import futures
            try:
                import subprocess
            except ImportError:
                pass
            def run(x): pass
            """,
        )
        package = self.packager()
        package.intern("**")
        package.mock("tkinter")
        package.extern("json")
        graph = self.graph(package)
        self.assertEqual(graph.of_kind("mock"), ["tkinter", "tkinter.ttk"])
        self.assertEqual(graph.of_kind("extern"), ["json"])
        self.assertEqual(graph.of_kind("code"), ["policy"])
        # Where it is optional too: when the package runs, the standard library has it.
        package.deny(["subprocess", "concurrent.futures", "os.path"])
        message = self.refusal(package)
        for part in [
            "policy.py:4: import subprocess: 'subprocess' is refused by deny(",
            "policy.py:2: from concurrent import futures: 'concurrent.futures' is refused by",
            "policy.py:1: import json, tkinter.ttk, os.path: 'os.path' is refused by",
        ]:
            self.assertIn(part, message)

    def test_the_standard_library_can_be_packed_by_name(self) -> None:
        self.write("policy.py", "import colorsys, time\ndef run(x): pass\n")
        package = self.packager()
        package.intern("colorsys")
        self.assertEqual(self.graph(package).of_kind("code"), ["colorsys", "policy"])
        package.intern("time")
        self.assertIn("the source of 'time' is not found", self.refusal(package))

    def test_below_one_name_all_is_packed_or_of_the_standard_library(self) -> None:
        self.write("policy.py", "import urllib.parse, urllib.request\ndef run(x): pass\n")
        package = self.packager()
        package.mock("urllib.request")
        self.assertIn(
            "'urllib' is the standard library's and 'urllib.request' is packed",
            self.refusal(package),
        )

    def test_a_file_goes_before_the_standard_library(self) -> None:
        self.write("policy.py", "import queue\ndef run(x): pass\n")
        self.write("queue.py", "K = 5\n")
        message = self.refusal()
        self.assertIn("queue.py, which goes before the standard library's", message)
        for offer in ['intern("queue.**")', 'extern("queue")']:
            self.assertIn(offer, message)
        for rule, kind in (("intern", "code"), ("mock", "mock"), ("extern", "extern")):
            package = self.packager()
            getattr(package, rule)("**")
            self.assertIn("queue", self.graph(package).of_kind(kind))
        package = self.packager()
        package.deny("q*")
        self.assertIn("'queue' is refused by", self.refusal(package))

    def test_such_a_file_is_never_left_out(self) -> None:
        self.write("policy.py", "try: import queue\nexcept ImportError: pass\ndef run(x): pass\n")
        self.write("queue.py", "K = 5\n")
        self.assertIn("queue.py, which goes before the standard library's", self.refusal())

    def test_built_in_and_frozen_modules_are_never_files(self) -> None:
        core = ["time", "sys", "os", "io", "abc", "itertools", "builtins", "midstream_model"]
        self.write("policy.py", f"import {', '.join(core)}\ndef run(x): pass\n")
        for name in core:
            self.write(f"{name}.py")
        package = self.packager()
        package.intern("**")
        graph = self.graph(package)
        self.assertEqual(graph.of_kind("stdlib"), sorted(core))
        self.assertEqual(graph.of_kind("code"), ["policy"])

    def test_a_module_that_only_this_python_has_built_in_is_noted(self) -> None:
        self.write("policy.py", "import math\ndef run(x): pass\n")
        self.write("math.py")
        package = self.packager()
        package.intern("math")
        with unittest.mock.patch.object(_standard, "has_built_in", lambda name: True):
            graph = self.graph(package)
        self.assertEqual(graph.of_kind("code"), ["math", "policy"])
        self.assertRegex(graph.notes[0], r"'math' of the package is .*math\.py, though this Python")

    def test_folders_of_the_same_name_are_no_modules(self) -> None:
        self.write("policy.py", "import queue, wsgiref\ndef run(x): pass\n")
        self.write("queue/notes.txt")
        self.write("wsgiref/data.txt")
        self.assertEqual(self.graph().of_kind("stdlib"), ["queue", "wsgiref"])

    def test_rules_that_match_nothing(self) -> None:
        self.write("policy.py", "import nets\ndef run(x): pass\n")
        self.write("nets.py")
        package = self.packager()
        package.deny("pickle5")
        package.intern("nets", allow_empty=False)
        package.intern("policy", allow_empty=False)
        package.extern("pandas")
        self.assertEqual(
            [str(rule) for rule in self.graph(package).unmatched], ['extern("pandas")']
        )
        self.assertEqual(self.close(package).extern, ["pandas"])
        self.path.unlink()
        package.extern("numpy", allow_empty=False)
        package.mock(["a.*", "b"], allow_empty=False)
        self.assertEqual(
            self.refusal(package),
            'extern("numpy") matches no module that is imported\n'
            'mock("a.*", "b") matches no module that is imported',
        )

    def test_an_added_module_goes_before_the_standard_library(self) -> None:
        self.write("policy.py", "import statistics\ndef run(x): pass\n")
        package = self.packager()
        package.add_source_text("statistics", "mean = sum\n")
        self.assertEqual(self.graph(package).of_kind("code"), ["policy", "statistics"])


class Mocks(PackageTest):
    def run_packed(self, statements: str) -> str:
        """Runs statements beside the packed code, unpacked; gives what is printed."""
        with self.close(self.package) as file:
            for name in file.files:
                path = self.folder / "unpacked" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.read(name))
        done = subprocess.run(
            [sys.executable, "-c", statements],
            cwd=self.folder / "unpacked/code",
            capture_output=True,
            text=True,
        )
        return done.stdout + done.stderr

    def setUp(self) -> None:
        super().setUp()
        self.write("policy.py", "import viz.plot\nfrom viz import draw, Base\ndef run(x): pass\n")
        self.package = self.packager()
        self.package.mock("viz")

    def test_it_can_be_imported(self) -> None:
        self.assertEqual(
            self.run_packed("import policy; print(policy.draw)"), "<mocked viz.draw>\n"
        )

    def test_it_raises_when_used(self) -> None:
        for use in [
            "policy.draw(3)",
            "policy.viz.plot.line.red(x=1)",
            "class C(policy.Base): pass",
            "isinstance(3, policy.Base)",
            "policy.draw + 1",
            "policy.draw[0]",
        ]:
            with self.subTest(use=use):
                printed = self.run_packed(f"import policy\n{use}")
                self.assertIn("NotImplementedError: viz.", printed)
                self.assertIn("was mocked when the package was made", printed)

    def test_its_names_cannot_be_guessed(self) -> None:
        self.write("policy.py", "from viz import *\ndef run(x): pass\n")
        self.assertIn(
            "'viz' is mocked, so nobody knows what * would be", self.refusal(self.package)
        )


if __name__ == "__main__":
    unittest.main()
