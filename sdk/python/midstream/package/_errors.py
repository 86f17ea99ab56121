"""The two exceptions of midstream.package."""

from __future__ import annotations


class PackagingError(ValueError):
    """A package cannot be made. The message lists every problem, one a line."""


class PackageError(ValueError):
    """A file is no sound package. The message names the file and the entry."""
