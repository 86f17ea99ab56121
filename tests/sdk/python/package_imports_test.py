"""Which imports are found in a source, and what follows from them."""

from __future__ import annotations

import ast
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

from midstream.package import Packager, PackagingError
from midstream.package._imports import find_imports, top_level_names
from package_testing import SIGNATURE, PackageTest


class Statements(unittest.TestCase):
    def found(self, text: str, package: str = "a.b") -> list[str]:
        finder = find_imports(ast.parse(textwrap.dedent(text)), package)
        self.assertEqual(finder.problems, [])
        return [f"{one.module}{'?' if one.optional else ''}" for one in finder.imports]

    def test_plain_and_relative(self) -> None:
        self.assertEqual(self.found("import x.y, z as w"), ["x.y", "z"])
        self.assertEqual(self.found("from x.y import z"), ["x.y"])
        self.assertEqual(self.found("from . import c"), ["a.b"])
        self.assertEqual(self.found("from .c.d import e"), ["a.b.c.d"])
        self.assertEqual(self.found("from .. import c"), ["a"])
        self.assertEqual(self.found("from ..c import d"), ["a.c"])

    def test_relative_beyond_the_top(self) -> None:
        for text, package in [("from ... import c", "a.b"), ("from . import c", "")]:
            problems = find_imports(ast.parse("\n" + text), package).problems
            self.assertEqual(problems, [(2, f"'{text}' leads out of the package")])

    def test_within_functions(self) -> None:
        self.assertEqual(self.found("def f():\n  class C:\n    import x"), ["x"])

    def test_import_module(self) -> None:
        self.assertEqual(
            self.found("import importlib\nimportlib.import_module('x.y')")[1:], ["x.y"]
        )
        self.assertEqual(
            self.found("import importlib as il\nil.import_module(name='x')")[1:], ["x"]
        )
        self.assertEqual(
            self.found("from importlib import import_module as im\nim('..c', __package__)")[1:],
            ["a.c"],
        )
        self.assertEqual(self.found("__import__('x')"), ["x"])
        self.assertEqual(self.found("other.import_module('x')"), [])

    def test_import_module_of_no_literal(self) -> None:
        finder = find_imports(ast.parse("import importlib\nimportlib.import_module(name)"), "")
        self.assertEqual([call.line for call in finder.dynamic], [2])

    def test_optional(self) -> None:
        for caught in [
            "ImportError",
            "ModuleNotFoundError",
            "(ValueError, ImportError)",
            "Exception",
            "",
        ]:
            text = f"try:\n  import x\nexcept {caught}:\n  import y\nelse:\n  import z"
            with self.subTest(caught=caught):
                self.assertEqual(self.found(text), ["x?", "y", "z"])
        self.assertEqual(self.found("try:\n  import x\nexcept ValueError:\n  pass"), ["x"])
        self.assertEqual(self.found("try:\n  import x\nfinally:\n  pass"), ["x"])
        nested = (
            "try:\n  try:\n    import x\n  except OSError:\n    import y\nexcept ImportError: pass"
        )
        self.assertEqual(self.found(nested), ["x?", "y?"])

    def test_type_checking(self) -> None:
        text = "if {}:\n  import x\nelse:\n  import y"
        self.assertEqual(self.found(text.format("TYPE_CHECKING")), ["y"])
        self.assertEqual(self.found(text.format("typing.TYPE_CHECKING")), ["y"])
        self.assertEqual(self.found(text.format("DEBUG")), ["x", "y"])

    def test_top_level_names(self) -> None:
        tree = ast.parse(
            "import a.b as c\nif 1:\n  d = e = 2\ndef f():\n  g = 1\nclass H:\n  i = 1"
        )
        self.assertEqual(top_level_names(tree), {"c", "d", "e", "f", "H"})
        self.assertIsNone(top_level_names(ast.parse("from x import *")))


class Discovery(PackageTest):
    def test_packages_come_with_their_init(self) -> None:
        self.write("policy.py", "from lib.nets.act import relu\ndef run(x): pass\n")
        self.write("lib/__init__.py", "from . import version\n")
        self.write("lib/version.py")
        self.write("lib/nets/__init__.py")
        self.write("lib/nets/act.py", "from ..nets.helper import h\n")
        self.write("lib/nets/helper.py")
        self.write("lib/unused.py", "import never_looked_at\n")
        package = self.packager()
        package.intern("lib.**")
        self.assertEqual(
            self.graph(package).of_kind("code"),
            ["lib", "lib.nets", "lib.nets.act", "lib.nets.helper", "lib.version", "policy"],
        )

    def test_the_package_of_the_entry_comes_along(self) -> None:
        self.write("lib/__init__.py", "import tools\n")
        self.write("lib/policy.py", "from .net import Net\ndef run(x): pass\n")
        self.write("lib/net.py")
        package = self.packager("lib.policy:run")
        self.assertIn("__init__.py:1: import tools: no rule", self.refusal(package))
        package.extern("tools")
        package.intern("lib.*")
        self.assertEqual(self.graph(package).of_kind("code"), ["lib", "lib.net", "lib.policy"])

    def test_a_name_of_a_package_may_be_a_module(self) -> None:
        self.write("policy.py", "from lib import net, CONSTANT\ndef run(x): pass\n")
        self.write("lib/__init__.py", "CONSTANT = 1\n")
        self.write("lib/net.py")
        package = self.packager()
        package.intern("lib.**")
        self.assertEqual(self.graph(package).of_kind("code"), ["lib", "lib.net", "policy"])

    def test_star_follows_all(self) -> None:
        self.write("policy.py", "from lib import *\ndef run(x): pass\n")
        self.write("lib/__init__.py", "__all__ = ['net']\n")
        self.write("lib/net.py")
        self.write("lib/other.py")
        package = self.packager()
        package.intern("lib.**")
        self.assertEqual(self.graph(package).of_kind("code"), ["lib", "lib.net", "policy"])

    def test_namespace_packages_get_an_init(self) -> None:
        self.write("policy.py", "import space.net\ndef run(x): pass\n")
        self.write("space/net.py")
        package = self.packager()
        package.intern("space.**")
        file = self.close(package)
        self.assertEqual(file.read("code/space/__init__.py"), b"")

    def test_folders_without_init_at_any_depth(self) -> None:
        self.write("policy.py", "import ns.inner.leaf\nfrom pk.nsx import leaf\ndef run(x): pass\n")
        self.write("ns/inner/leaf.py", "from . import beside\n")
        self.write("ns/inner/beside.py")
        self.write("pk/__init__.py")
        self.write("pk/nsx/leaf.py")
        package = self.packager()
        package.intern(["ns.**", "pk.**"])
        file = self.close(package)
        self.assertEqual(
            list(file.modules),
            "ns ns.inner ns.inner.beside ns.inner.leaf pk pk.nsx pk.nsx.leaf policy".split(),
        )
        for name in ("ns", "ns.inner", "pk.nsx"):
            self.assertEqual(file.source(name), "")

    def test_an_entry_in_folders_without_init(self) -> None:
        self.write("ns/inner/policy.py", "def run(x): pass\n")
        file = self.close(self.packager("ns.inner.policy:run"))
        self.assertEqual(list(file.modules), ["ns", "ns.inner", "ns.inner.policy"])

    def test_a_folder_without_init_may_lie_in_several_folders_of_the_path(self) -> None:
        self.write("one/ns/inner/a.py")
        self.write("two/ns/inner/b.py")
        self.write("policy.py", "import ns.inner.a, ns.inner.b\ndef run(x): pass\n")
        package = Packager(
            self.path,
            "policy:run",
            source=[self.sources, self.sources / "one", self.sources / "two"],
            **SIGNATURE,
        )
        package.intern("ns.**")
        self.assertEqual(
            self.graph(package).of_kind("code"),
            ["ns", "ns.inner", "ns.inner.a", "ns.inner.b", "policy"],
        )

    def test_circles_end(self) -> None:
        self.write("policy.py", "import other\ndef run(x): pass\n")
        self.write("other.py", "import policy\n")
        package = self.packager()
        package.intern("other")
        graph = self.graph(package)
        self.assertEqual(graph.of_kind("code"), ["other", "policy"])
        self.assertEqual(
            [[e.text for e in chain] for chain in graph.why("other")], [["import other"]]
        )

    def test_optional_imports_are_left_out_unless_a_rule_asks_for_them(self) -> None:
        self.write(
            "policy.py",
            """\
            try:
                import numba
                import scipy
                import gone
            except ImportError:
                numba = None
            def run(x): pass
            """,
        )
        package = self.packager()
        package.extern("scipy")
        package.intern("gone")
        package.deny("numba")
        graph = self.graph(package)
        self.assertEqual(graph.of_kind("left out"), ["gone", "numba"])
        self.assertEqual(self.close(package).extern, ["scipy"])

    def test_an_import_that_is_optional_only_elsewhere_is_not(self) -> None:
        self.write(
            "policy.py",
            "try:\n  import numba\nexcept ImportError: pass\nimport lib\ndef run(x): pass\n",
        )
        self.write("lib.py", "import numba\n")
        package = self.packager()
        package.intern("lib")
        self.assertIn("lib.py:1: import numba: no rule", self.refusal(package))

    def test_why(self) -> None:
        self.write("policy.py", "import lib\nimport json\ndef run(x): pass\n")
        self.write("lib.py", "\nimport numpy\n")
        package = self.packager()
        package.extern("numpy")
        package.intern("lib")
        graph = self.graph(package)
        chains = [[(e.importer, e.line, e.text) for e in chain] for chain in graph.why("numpy")]
        self.assertEqual(chains, [[("policy", 1, "import lib"), ("lib", 2, "import numpy")]])
        self.assertEqual(graph.imports_of("policy"), ["json", "lib"])
        self.assertEqual(graph.why("policy"), [])
        self.assertIn("extern: numpy", str(graph))

    def test_what_cannot_be_told_is_noted(self) -> None:
        self.write("policy.py", "def run(x): return __import__(x)\n")
        notes = self.graph().notes
        self.assertEqual(len(notes), 1)
        self.assertIn("policy.py:1: what '__import__(x)' imports cannot be told", notes[0])

    def test_nothing_is_executed(self) -> None:
        self.write("policy.py", "import lib.net\nraise SystemExit('executed')\ndef run(x): pass\n")
        self.write("lib/__init__.py", "raise SystemExit('executed')\n")
        self.write("lib/net.py", "raise SystemExit('executed')\n")
        package = self.packager()
        package.intern("lib.**")
        self.close(package)

    def test_syntax_errors_name_file_and_line(self) -> None:
        self.write("policy.py", "def run(x):\n  return (\n")
        self.assertRegex(
            self.refusal(), r"policy\.py:2: .*never closed.*Python 3\.10 and later; this is 3"
        )

    def test_syntax_is_held_to_the_declared_python(self) -> None:
        self.write("policy.py", "def run(x):\n  try: pass\n  except* OSError: pass\n")
        self.assertIn("policy.py:", self.refusal())
        if sys.version_info >= (3, 11):
            self.graph(self.packager(python="3.11"))


class Links(PackageTest):
    def setUp(self) -> None:
        super().setUp()
        self.write("policy.py", "import helper\ndef run(x): pass\n")
        self.package = self.packager()
        self.package.intern("helper")

    def test_a_link_inside_the_folder_is_followed(self) -> None:
        self.write("nets/real.py", "K = 3\n")
        (self.sources / "helper.py").symlink_to("nets/real.py")
        self.assertEqual(self.close(self.package).source("helper"), "K = 3\n")

    def test_a_link_that_leads_out_is_refused(self) -> None:
        with tempfile.TemporaryDirectory() as elsewhere:
            target = Path(elsewhere).resolve() / "secret.py"
            target.write_text("K = 3\n")
            (self.sources / "helper.py").symlink_to(target)
            self.assertRegex(
                self.refusal(self.package),
                rf"helper\.py, a link to {target}, which leads out of the folder {self.sources}",
            )
            (self.sources / "lib").symlink_to(elsewhere)
            with self.assertRaisesRegex(PackagingError, "lib/secret.py, a link to"):
                self.packager().add_module("lib.secret")
            # Named as a folder of its own it is what was asked for.
            Packager(self.path, "secret:K", source=[self.sources, self.sources / "lib"])

    def test_the_folder_itself_may_be_a_link(self) -> None:
        self.write("helper.py")
        (self.folder / "sources/again").symlink_to(self.sources)
        package = Packager(self.path, "policy:run", source=self.sources / "again", **SIGNATURE)
        package.intern("helper")
        self.assertEqual(self.graph(package).of_kind("code"), ["helper", "policy"])


if __name__ == "__main__":
    unittest.main()
