"""Hermetic imports: the code of a package, imported from the container and from nowhere else.

Every loaded package has a module table of its own. Its modules are in sys.modules under mangled
names, "<midstream 3>.policy", so two packages with equal module names live side by side, and what
looks modules up by the __module__ of a class (dataclasses, typing, pickle, inspect) finds them.
Python's own machinery imports them: a finder on sys.meta_path knows the mangled names.

Code of a package has an __import__ of its own (in the __builtins__ of its modules), which decides
for each absolute name: a module of the package; a module of the standard library; one that the
package declares as external; or an error that names the line which imports it. External code
imports as ever. This is hygiene, not a sandbox.
"""

import builtins
import importlib
import importlib.machinery
import importlib.util
import linecache
import sys
import types
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set

from . import faults, resources
from .faults import MANGLED

CODE = "code/"
DATA = "data/"
OWN_MODULE = "midstream_model"

_packages: Dict[str, "Package"] = {}  # by root name, "<midstream 3>"
_counter = 0
_real_import = builtins.__import__
_real_import_module = importlib.import_module
_real_find_spec = importlib.util.find_spec
_STANDARD = frozenset(sys.stdlib_module_names) | frozenset(sys.builtin_module_names)


class Package:
    """The files of one container, and the modules that were imported from them.

    `files` maps names ("code/policy.py", "data/vocab.txt") to their bytes (any buffer); `origin` is
    the path of the container, for file names in tracebacks; `extern` are the external modules that
    the code may import.
    """

    def __init__(self, files: Mapping[str, Any], origin: str, extern: Sequence[str]) -> None:
        global _counter
        self.root = f"{MANGLED}{_counter}>"
        _counter += 1
        self._files = dict(files)
        self._extern = frozenset(extern)
        self._code: Dict[str, types.CodeType] = {}
        self._modules, self._folders = _module_files(self._files)
        taken = any(other.path == origin for other in _packages.values())
        self.path = origin
        self.file_root = f"{origin}#{_counter - 1}/" if taken else f"{origin}/"
        self.builtins = dict(vars(builtins))
        self.builtins["__import__"] = self._import
        self._own_module = self._make_own_module()
        _packages[self.root] = self
        faults.add_root(self.file_root + CODE)
        root = types.ModuleType(self.root)
        root.__path__ = []
        root.__spec__ = importlib.machinery.ModuleSpec(self.root, None, is_package=True)
        sys.modules[self.root] = root

    # ---- Files ----

    def resource(self, name: str) -> bytes:
        """The bytes of a file of the container: "data/vocab.txt", or "vocab.txt" below data/ or
        code/."""
        for candidate in (name, DATA + name, CODE + name):
            if candidate in self._files:
                return bytes(self._files[candidate])
        known = ", ".join(sorted(n for n in self._files if not n.endswith(".py"))) or "none"
        raise FileNotFoundError(f"the package has no resource '{name}' (resources: {known})")

    def read(self, path: str) -> bytes:
        """The bytes of a file by the name that __file__ and the like have."""
        name = path[len(self.file_root) :] if path.startswith(self.file_root) else None
        if name is None or name not in self._files:
            raise FileNotFoundError(f"no such file in the package: '{path}'")
        return bytes(self._files[name])

    def names_below(self, folder: str) -> List[str]:
        """What is in a folder of the container, "code/pkg"."""
        prefix = folder + "/"
        found = {
            name[len(prefix) :].partition("/")[0] for name in self._files if name.startswith(prefix)
        }
        return sorted(found)

    def has_file(self, name: str) -> bool:
        """Whether the container has this file."""
        return name in self._files

    # ---- Modules ----

    def has(self, name: str) -> bool:
        """Whether `name` ("pkg.sub") is a module of the package."""
        return name in self._modules or name in self._folders

    def is_package(self, name: str) -> bool:
        """Whether the module has submodules."""
        return name in self._folders or self._modules[name].endswith("/__init__.py")

    def filename(self, name: str) -> Optional[str]:
        """__file__ of a module; None for a folder without __init__.py."""
        return self.file_root + self._modules[name] if name in self._modules else None

    def code(self, name: str) -> Optional[types.CodeType]:
        """A module's code; None for a folder without __init__.py."""
        if name not in self._modules:
            return None
        if name not in self._code:
            self._code[name] = self._compile(self._modules[name])
        return self._code[name]

    def source(self, name: str) -> Optional[str]:
        """A module's source text."""
        if name not in self._modules:
            return None
        return importlib.util.decode_source(bytes(self._files[self._modules[name]]))

    def compile_all(self) -> None:
        """Compiles every module, imported or not, so that a syntax error in any is found."""
        for name in sorted(self._modules):
            self.code(name)

    def import_module(self, name: str) -> types.ModuleType:
        """Imports a module of the package by its own name."""
        return _real_import_module(f"{self.root}.{name}")

    def close(self) -> None:
        """Forgets the modules. Objects of theirs that live on keep working, but can import no
        more."""
        for name in [n for n in sys.modules if n == self.root or n.startswith(self.root + ".")]:
            del sys.modules[name]
        for file in self._modules.values():
            linecache.cache.pop(self.file_root + file, None)
        if _packages.pop(self.root, None) is not None:
            faults.remove_root(self.file_root + CODE)
        self._code.clear()

    def _compile(self, file: str) -> types.CodeType:
        filename = self.file_root + file
        source = bytes(self._files[file])
        try:
            text = importlib.util.decode_source(source)
            linecache.cache[filename] = (len(source), None, text.splitlines(True), filename)
            return compile(source, filename, "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            if isinstance(error, SyntaxError) and error.filename is not None:
                raise
            # Null bytes, an unknown encoding, bytes that are not in it.
            raise faults.Fault(f"SyntaxError: {error} ({file[len(CODE):]})") from None

    def _make_own_module(self) -> types.ModuleType:
        module = types.ModuleType(f"{self.root}.{OWN_MODULE}", "What a model may ask its host for.")
        module.resource = self.resource
        module.log = _log
        return module

    # ---- Imports by the package's code ----

    def _import(
        self,
        name: str,
        globals: Optional[Mapping[str, Any]] = None,
        locals: Optional[Mapping[str, Any]] = None,
        fromlist: Optional[Sequence[str]] = (),
        level: int = 0,
    ) -> types.ModuleType:
        if level != 0:
            return self._import_relative(name, globals, locals, fromlist, level)
        if self.has(name):
            module = _real_import(f"{self.root}.{name}", globals, locals, fromlist, 0)
            return module if fromlist else sys.modules[f"{self.root}.{name.partition('.')[0]}"]
        if name == OWN_MODULE:
            return self._own_module
        # Libraries in C import what they need by the __import__ of whoever called them, with an
        # empty list (PyImport_Import); a statement of the package never has one.
        if type(fromlist) is not list or fromlist:
            self._check(name)
        try:
            return _real_import(name, globals, locals, fromlist, 0)
        except ModuleNotFoundError as error:
            self._explain(name, error)
            raise

    def _import_relative(
        self,
        name: str,
        globals: Optional[Mapping[str, Any]],
        locals: Optional[Mapping[str, Any]],
        fromlist: Optional[Sequence[str]],
        level: int,
    ) -> types.ModuleType:
        base = str((globals or {}).get("__package__") or "").split(".")
        target = ".".join(base[: len(base) - level + 1] + ([name] if name else []))
        plain = target[len(self.root) + 1 :]
        wanted = [plain] if plain else list(fromlist or ())  # the root is no module: has no names
        missing = [module for module in wanted if not self.has(module)]
        if len(base) < level or not target.startswith(self.root) or missing:
            shown = "." * level + (name or (missing or [""])[0])
            raise ModuleNotFoundError(f"the package has no module '{shown}'", name=plain)
        return _real_import(name, globals, locals, fromlist, level)

    def _check(self, name: str) -> None:
        """Raises unless the code of this package may import `name`, which is no module of the
        package."""
        top = name.partition(".")[0]
        if self._declared(name) or name.startswith(MANGLED):
            return
        if self.has(top):  # before a standard module of that name, as in plain Python
            raise ModuleNotFoundError(f"the package has no module '{name}'", name=name)
        if top in _STANDARD:
            return
        raise ModuleNotFoundError(
            f"'{top}' is neither in the package nor declared as external; declare it when the"
            f' package is made: extern("{top}")',
            name=name,
        )

    def _declared(self, name: str) -> bool:
        while name:
            if name in self._extern:
                return True
            name = name.rpartition(".")[0]
        return False

    def _explain(self, name: str, error: ModuleNotFoundError) -> None:
        """Says more of a declared module that this Python does not have."""
        if error.name != name.partition(".")[0] or not self._declared(error.name):
            return
        version = ".".join(map(str, sys.version_info[:3]))
        error.msg = (
            f"'{error.name}' is declared as external, but Python {version} ({sys.executable}) does"
            " not have it; install it there, or set `site`"
        )
        error.args = (error.msg,)


def _module_files(files: Mapping[str, Any]):
    """Names of modules -> their files; and names of folders that have modules but no
    __init__.py."""
    modules: Dict[str, str] = {}
    folders: Set[str] = set()
    for file in files:
        if not file.startswith(CODE) or not file.endswith(".py"):
            continue
        parts = file[len(CODE) : -3].split("/")
        if parts[-1] == "__init__":
            parts.pop()
            if not parts:
                continue
            modules[".".join(parts)] = file  # a package goes before a module of its name
        else:
            modules.setdefault(".".join(parts), file)
        for end in range(1, len(parts)):
            folders.add(".".join(parts[:end]))
    return modules, folders - modules.keys()


def _log(text: str) -> None:
    """Writes a line to the engine's standard error."""
    print(text, file=sys.stderr)


# ---- The finder and the loader of mangled names ----


class _Loader:
    """Loads one module of a package; what inspect, linecache, pkgutil and importlib.resources ask
    for is here."""

    def __init__(self, package: Package, name: str) -> None:
        self._package = package
        self._name = name

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """The default is right."""

    def exec_module(self, module: types.ModuleType) -> None:
        code = self._package.code(self._name)
        module.__dict__["__builtins__"] = self._package.builtins
        if code is not None:
            exec(code, module.__dict__)

    def is_package(self, fullname: str) -> bool:
        return self._package.is_package(self._name)

    def get_code(self, fullname: str) -> Optional[types.CodeType]:
        return self._package.code(self._name)

    def get_source(self, fullname: str) -> Optional[str]:
        return self._package.source(self._name)

    def get_filename(self, fullname: str) -> Optional[str]:
        return self._package.filename(self._name)

    def get_data(self, path: str) -> bytes:
        return self._package.read(path)

    def get_resource_reader(self, fullname: str) -> Any:
        folder = CODE + self._name.replace(".", "/")
        return resources.make_reader(self._package, folder) if self.is_package(fullname) else None


class _Finder:
    """Finds modules of packages by their mangled names."""

    @staticmethod
    def find_spec(
        fullname: str, path: Any = None, target: Any = None
    ) -> Optional[importlib.machinery.ModuleSpec]:
        if not fullname.startswith(MANGLED):
            return None
        root, _, name = fullname.partition(">.")
        package = _packages.get(root + ">")
        if package is None or not package.has(name):
            return None
        filename = package.filename(name)
        is_package = package.is_package(name)
        spec = importlib.machinery.ModuleSpec(
            fullname, _Loader(package, name), origin=filename, is_package=is_package
        )
        spec.has_location = filename is not None
        if is_package:
            spec.submodule_search_locations = [f"{package.file_root}{CODE}{name.replace('.', '/')}"]
        return spec


def package_of(frame: Optional[types.FrameType]) -> Optional[Package]:
    """The package whose code runs in this frame."""
    name = frame.f_globals.get("__name__") if frame is not None else None
    if not isinstance(name, str) or not name.startswith(MANGLED):
        return None
    return _packages.get(name.partition(">")[0] + ">")


def _caller() -> Optional[Package]:
    """The package whose code called the caller of this."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__", "").startswith("importlib."):
        frame = frame.f_back  # importlib.resources imports what it is given
    return package_of(frame)


def _find_spec(name: str, package: Optional[str] = None) -> Any:
    """importlib.util.find_spec, which code of a package means for its package."""
    owner = _caller()
    if owner is not None and not name.startswith(MANGLED):
        plain = importlib.util.resolve_name(name, package) if name.startswith(".") else name
        if owner.has(plain):
            return _Finder.find_spec(f"{owner.root}.{plain}")
    return _real_find_spec(name, package)


def _import_module(name: str, package: Optional[str] = None) -> types.ModuleType:
    """importlib.import_module, the same."""
    owner = _caller()
    if owner is None or name.startswith(MANGLED):
        return _real_import_module(name, package)
    if name.startswith("."):
        if not package or not owner.has(package):
            return _real_import_module(name, package)
        name = importlib.util.resolve_name(name, package)
    if owner.has(name):
        return owner.import_module(name)
    if name == OWN_MODULE:
        return owner._own_module
    owner._check(name)
    try:
        return _real_import_module(name, package)
    except ModuleNotFoundError as error:
        owner._explain(name, error)
        raise


def install() -> None:
    """Makes this interpreter know packages. Once."""
    sys.meta_path.insert(0, _Finder)
    importlib.import_module = _import_module
    importlib.util.find_spec = _find_spec
