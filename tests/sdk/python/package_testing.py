"""What the tests of midstream.package share: a folder of sources, and packages made from it."""

from __future__ import annotations

import tempfile
import textwrap
import unittest
from pathlib import Path
from typing import Any

from midstream.package import DependencyGraph, PackageFile, Packager, PackagingError

SIGNATURE = {"inputs": ["x: float32[batch, 4]"], "outputs": ["y: float32[batch, 2]"]}


class PackageTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.sources = self.folder / "sources"
        self.sources.mkdir()
        self.path = self.folder / "model.mspkg"

    def write(self, file: str, text: str = "") -> Path:
        path = self.sources / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def packager(self, entry: str = "policy:run", **given: Any) -> Packager:
        return Packager(self.path, entry, source=self.sources, **{**SIGNATURE, **given})

    def graph(self, package: Packager | None = None) -> DependencyGraph:
        return (package or self.packager()).dependencies()

    def close(self, package: Packager) -> PackageFile:
        package.close()
        file = PackageFile(self.path)
        self.addCleanup(file.close)
        file.verify()
        return file

    def refusal(self, package: Packager | None = None) -> str:
        """The message with which the package is refused; no file is left."""
        with self.assertRaises(PackagingError) as caught:
            (package or self.packager()).close()
        self.assertEqual([p.name for p in self.folder.iterdir()], ["sources"])
        return str(caught.exception)
