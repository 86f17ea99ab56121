"""Finds what a module imports by reading its syntax tree; nothing of it is executed.

Found are import statements at any depth, relative ones too, and importlib.import_module and
__import__ with a literal. Skipped is what stands below `if TYPE_CHECKING:`. An import is optional
when it stands in a `try` whose handlers catch ImportError.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

_CATCHES_IMPORT_ERROR = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


@dataclass(frozen=True)
class Import:
    """One import: the absolute name, and of `from module import names` the names."""

    module: str
    names: tuple[str, ...]
    line: int
    text: str
    optional: bool


@dataclass(frozen=True)
class DynamicImport:
    """A call that imports what only a run can tell."""

    line: int
    text: str


class _Finder(ast.NodeVisitor):
    def __init__(self, package: str) -> None:
        self.package = package
        self.imports: list[Import] = []
        self.dynamic: list[DynamicImport] = []
        self.problems: list[tuple[int, str]] = []
        self._optional = 0
        self._importlib = {"importlib"}  # names that importlib goes by here
        self._import_module = {"__import__"}

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name == "importlib" and alias.asname:
                self._importlib.add(alias.asname)
            self._add(node, alias.name, ())

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        names = tuple(alias.name for alias in node.names)
        if node.module == "importlib" and node.level == 0:
            for alias in node.names:
                if alias.name == "import_module":
                    self._import_module.add(alias.asname or alias.name)
        module = self._absolute(node, node.module or "", node.level)
        if module is not None:
            self._add(node, module, names)

    def visit_Call(self, node: ast.Call) -> None:
        if self._imports_a_module(node.func):
            self._add_call(node)
        self.generic_visit(node)

    def visit_Try(self, node: ast.Try) -> None:
        caught = any(_catches_import_error(handler.type) for handler in node.handlers)
        self._optional += caught
        for statement in node.body:
            self.visit(statement)
        self._optional -= caught
        for part in (node.handlers, node.orelse, node.finalbody):
            for child in part:
                self.visit(child)

    visit_TryStar = visit_Try  # type: ignore[assignment]  # its nodes have the same fields

    def visit_If(self, node: ast.If) -> None:
        if _is_type_checking(node.test):
            for statement in node.orelse:
                self.visit(statement)
        else:
            self.generic_visit(node)

    def _imports_a_module(self, function: ast.expr) -> bool:
        if isinstance(function, ast.Name):
            return function.id in self._import_module
        return (
            isinstance(function, ast.Attribute)
            and function.attr in ("import_module", "__import__")
            and isinstance(function.value, ast.Name)
            and function.value.id in self._importlib
        )

    def _add_call(self, node: ast.Call) -> None:
        arguments = [*node.args, *(word.value for word in node.keywords if word.arg == "name")]
        name = arguments[0] if arguments else None
        if not (isinstance(name, ast.Constant) and isinstance(name.value, str)):
            self.dynamic.append(DynamicImport(node.lineno, _text(node)))
            return
        level = len(name.value) - len(name.value.lstrip("."))
        module = self._absolute(node, name.value.lstrip("."), level)
        if module:
            self._add(node, module, ())

    def _absolute(self, node: ast.stmt | ast.expr, name: str, level: int) -> str | None:
        if level == 0:
            return name
        parts = self.package.split(".") if self.package else []
        if level > len(parts):
            self.problems.append((node.lineno, f"'{_text(node)}' leads out of the package"))
            return None
        base = parts[: len(parts) - level + 1]
        return ".".join([*base, name] if name else base)

    def _add(self, node: ast.stmt | ast.expr, module: str, names: tuple[str, ...]) -> None:
        self.imports.append(Import(module, names, node.lineno, _text(node), self._optional > 0))


def _text(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 80 else text[:77] + "..."


def _catches_import_error(caught: ast.expr | None) -> bool:
    if caught is None:
        return True
    kinds = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(isinstance(kind, ast.Name) and kind.id in _CATCHES_IMPORT_ERROR for kind in kinds)


def _is_type_checking(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return name == "TYPE_CHECKING"


def find_imports(tree: ast.Module, package: str) -> _Finder:
    """package: what relative imports start from, that of the module; "" outside any package."""
    finder = _Finder(package)
    finder.visit(tree)
    return finder


def top_level_names(tree: ast.Module) -> set[str] | None:
    """Names that the module defines, within ifs, tries, withs and loops too. None: a star import or
    a __getattr__ may give any name."""
    names: set[str] = set()
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        waiting.extend(ast.iter_child_nodes(node))
    return None if "*" in names or "__getattr__" in names else names


def literal_all(tree: ast.Module) -> list[str]:
    """The names of `__all__ = [...]`, where it is a literal."""
    for node in tree.body:
        if not isinstance(node, ast.Assign):
            continue
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets):
            try:
                value = ast.literal_eval(node.value)
            except ValueError:
                return []
            return [name for name in value if isinstance(name, str)]
    return []
