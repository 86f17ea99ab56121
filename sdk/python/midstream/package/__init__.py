"""Makes and reads .mspkg containers: a model that is Python code, with its weights, in one file.

It needs no engine and, unless values are numpy's or torch's, no other module. docs/python_api.md.
"""

from ._declare import TensorDeclaration
from ._errors import PackageError, PackagingError
from ._graph import DependencyGraph, Edge, Module
from ._package_file import PackageFile
from ._packager import Packager

__all__ = [
    "DependencyGraph",
    "Edge",
    "Module",
    "PackageError",
    "PackageFile",
    "Packager",
    "PackagingError",
    "TensorDeclaration",
]
