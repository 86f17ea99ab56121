"""Which modules a package holds, and why: resolves imports from the entry module by the rules."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from . import _standard
from ._errors import PackagingError
from ._imports import Import, find_imports, literal_all
from ._mocks import stub
from ._rules import DENY, EXTERN, INTERN, MOCK, Rule, first_match, first_that_names, parents
from ._sources import NotSource, Source, SourceFinder

CODE, STDLIB, LEFT_OUT = "code", "stdlib", "left out"


@dataclass(frozen=True)
class Edge:
    """An import that asked for a module."""

    importer: str
    origin: str
    line: int
    text: str
    optional: bool

    def __str__(self) -> str:
        return f"{self.origin}:{self.line}: {self.text}" if self.line else self.text


@dataclass
class Module:
    """One module that the package's code imports.

    kind: "code" (packed), "mock", "extern", "stdlib", or "left out" (an optional import that no
    rule asks for).
    """

    name: str
    kind: str
    source: Source | None = None
    added: bool = False  # the entry's module, and what add_module and its like gave
    imported_by: list[Edge] = field(default_factory=list)


class DependencyGraph(Mapping[str, Module]):
    """Modules by name; str() is a report."""

    def __init__(self) -> None:
        self._modules: dict[str, Module] = {}
        self.notes: list[str] = []  # what cannot be told from the source
        self.unmatched: list[Rule] = []  # extern, intern and mock that said nothing of any module

    def __getitem__(self, name: str) -> Module:
        return self._modules[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._modules))

    def __len__(self) -> int:
        return len(self._modules)

    def of_kind(self, kind: str) -> list[str]:
        return [name for name in self if self[name].kind == kind]

    def imports_of(self, name: str) -> list[str]:
        """The modules that `name` imports."""
        return [other for other in self if any(e.importer == name for e in self[other].imported_by)]

    def why(self, name: str, limit: int = 16) -> list[list[Edge]]:
        """Chains of imports, each from a module that was added itself down to `name`, the shortest
        first, at most `limit`. A module that was added itself has none."""
        if self[name].added:
            return []
        chains: list[list[Edge]] = []
        waiting: deque[list[Edge]] = deque([edge] for edge in self[name].imported_by)
        while waiting and len(chains) < limit:
            chain = waiting.popleft()
            first = self._modules[chain[0].importer]
            if first.added:
                chains.append(chain)
                continue
            seen = {edge.importer for edge in chain} | {name}
            waiting.extend([e, *chain] for e in first.imported_by if e.importer not in seen)
        return chains

    def __str__(self) -> str:
        lines = []
        for kind in (CODE, MOCK, EXTERN, LEFT_OUT, STDLIB):
            names = self.of_kind(kind)
            if names:
                lines.append(f"{kind}: {', '.join(names)}")
        return "\n".join([*lines, *self.notes])


class Resolver:
    """Makes the graph from the modules that were added, which are packed whatever the rules say."""

    def __init__(
        self,
        added: Iterable[Source],
        rules: list[Rule],
        finder: SourceFinder,
        python: tuple[int, int],
    ) -> None:
        self._added = {source.name: source for source in added}
        self._above_added = {above for name in self._added for above in parents(name)}
        self._tops = {name.split(".")[0] for name in self._added}
        self._rules = rules
        self._finder = finder
        self._python = python
        self._matched: set[Rule] = set()
        self._problems: dict[str, None] = {}  # in order, each once
        self._graph = DependencyGraph()
        self._waiting: deque[Source] = deque()
        self._trees: dict[str, ast.Module] = {}

    def resolve(self) -> DependencyGraph:
        """Errors: PackagingError with every problem."""
        for source in self._added.values():
            edge = Edge(source.name, source.origin, 0, f"the package of {source.name}", False)
            for name in parents(source.name):
                self._require(name, edge, pulled=True)
            self._rule_for(source.name)  # it has matched, even though it has no say
            self._enter(Module(source.name, CODE, source, added=True))
        while self._waiting:
            self._read(self._waiting.popleft())
        self._check_tops()
        self._graph.unmatched = [
            rule for rule in self._rules if rule.kind != DENY and rule not in self._matched
        ]
        if self._problems:
            raise PackagingError("\n".join(self._problems))
        return self._graph

    def _problem(self, text: str) -> None:
        self._problems.setdefault(text)

    def _enter(self, module: Module) -> None:
        if module.name in self._graph._modules:
            return
        self._graph._modules[module.name] = module
        if module.kind == CODE and module.source is not None:
            self._waiting.append(module.source)

    def _read(self, source: Source) -> None:
        try:
            tree = source.parse(self._python)
        except PackagingError as error:
            self._problem(str(error))
            return
        found = find_imports(tree, source.package)
        for line, text in found.problems:
            self._problem(f"{source.origin}:{line}: {text}")
        for call in found.dynamic:
            self._graph.notes.append(
                f"{source.origin}:{call.line}: what '{call.text}' imports cannot be told; "
                "add_module() it if it is to be packed"
            )
        for one in found.imports:
            self._follow(source, one)

    def _follow(self, source: Source, one: Import) -> None:
        edge = Edge(source.name, source.origin, one.line, one.text, one.optional)
        chain = [*parents(one.module), one.module]
        module = None
        for count, name in enumerate(chain):
            if module is not None and module.kind == STDLIB and self._rule_for(name) is None:
                continue  # as what it is below
            pulled = any(self._is_interned(below) for below in chain[count + 1 :])
            module = self._require(name, edge, pulled)
            if module is None or module.kind not in (CODE, MOCK, STDLIB):
                return
        if module is None or not one.names:
            return
        if module.kind != STDLIB:
            self._follow_names(module, one.names, edge)
            return
        for below in (f"{one.module}.{name}" for name in one.names):
            if self._rule_for(below) is not None:
                self._require(below, edge, pulled=False)

    def _follow_names(self, module: Module, names: tuple[str, ...], edge: Edge) -> None:
        """`from module import names`: a name of a package may be a module below it."""
        if "*" in names and module.kind == MOCK:
            self._problem(
                f"{edge}: '{module.name}' is mocked, so nobody knows what * would be; "
                "import names, or extern or intern it"
            )
        if module.kind != CODE or module.source is None or not module.source.is_package:
            return
        if "*" in names:
            try:
                names = tuple(literal_all(module.source.parse(self._python)))
            except PackagingError:
                return  # told when the module itself is read
        for name in names:
            below = f"{module.name}.{name}"
            if not name.isidentifier():
                continue
            if below in self._added or below in self._above_added or self._finder.find(below):
                self._require(below, edge, pulled=False)

    def _is_standard(self, name: str) -> bool:
        top = name.split(".")[0]
        return top not in self._tops and self._finder.is_standard(top)

    def _rule_for(self, name: str) -> Rule | None:
        """The rule that counts for a module; for one of the standard library it must name it."""
        if not self._is_standard(name):
            rule = first_match(self._rules, name)
        elif name.split(".")[0] == _standard.OWN_MODULE:
            rule = None
        else:
            rule = first_that_names(self._rules, name)
        if rule is not None:
            self._matched.add(rule)
        return rule

    def _is_interned(self, name: str) -> bool:
        if name in self._added or name in self._above_added:
            return True
        rule = self._rule_for(name)
        return rule is not None and rule.kind == INTERN

    def _require(self, name: str, edge: Edge, pulled: bool) -> Module | None:
        """The module `name` for an import, or None where there is none: left out, or a problem."""
        module = self._graph._modules.get(name)
        if module is None or (module.kind == LEFT_OUT and not edge.optional):
            module = self._decide(name, edge, pulled)
            if module is None:
                return None
            if module.kind != LEFT_OUT:
                self._graph._modules.pop(name, None)
            self._enter(module)
            module = self._graph._modules[name]
        if edge.importer != name:
            module.imported_by.append(edge)
        return module

    def _decide(self, name: str, edge: Edge, pulled: bool) -> Module | None:
        if name in self._added:
            return Module(name, CODE, self._added[name], added=True)
        rule = self._rule_for(name)
        if rule is None and (pulled or name in self._above_added):
            return self._packed(name, edge, "its own module below it is packed")
        if rule is None and self._is_standard(name):
            return Module(name, STDLIB)
        if rule is None or rule.kind == DENY:
            return self._refused(name, edge, rule)
        if rule.kind == INTERN:
            return self._packed(name, edge, str(rule))
        if rule.kind == MOCK:
            return Module(name, MOCK, Source(name, f"the mock of '{name}'", True, stub(name)))
        return Module(name, EXTERN)

    def _packed(self, name: str, edge: Edge, why: str) -> Module | None:
        found = self._finder.find(name)
        if isinstance(found, Source):
            if name in _standard.NAMES and _standard.has_built_in(name):
                self._graph.notes.append(
                    f"'{name}' of the package is {found.origin}, though this Python has a module "
                    "of that name built in and takes that one"
                )
            return Module(name, CODE, found)
        if found is None and name in self._above_added:
            return Module(name, CODE, Source(name, f"the package of '{name}'", True, b""))
        if _can_be_left_out(name, edge):
            return Module(name, LEFT_OUT)
        if isinstance(found, NotSource):
            self._problem(
                f"{edge}: '{name}' is {found.origin}, {found.reason} ({why}); "
                f'use extern("{name.split(".")[0]}")'
            )
        else:
            self._problem(f"{edge}: the source of '{name}' is not found ({why})")
        return None

    def _refused(self, name: str, edge: Edge, rule: Rule | None) -> Module | None:
        if _can_be_left_out(name, edge):
            return Module(name, LEFT_OUT)
        if rule is not None:
            self._problem(f"{edge}: '{name}' is refused by {rule}")
            return None
        top = name.split(".")[0]
        found = self._finder.find(top)
        if top in _standard.NAMES and found is not None:
            self._problem(
                f"{edge}: '{top}' is {found.origin}, which goes before the standard library's "
                f'module of that name; add intern("{top}.**") to pack it, or extern("{top}") for '
                "the standard library's"
            )
            return None
        offers = f'extern("{top}") if the machine that runs the package has it'
        if isinstance(self._finder.find(name), Source):
            offers += f', intern("{top}.**") to pack its source'
        self._problem(
            f"{edge}: no rule says what becomes of '{name}'; add {offers}, "
            f'or mock("{name}") if the model never uses it'
        )
        return None

    def _check_tops(self) -> None:
        """Below one top-level name everything is packed, or everything is external."""
        outside = {
            name.split(".")[0]: (name, text)
            for kind, text in ((STDLIB, "the standard library's"), (EXTERN, "external"))
            for name in self._graph.of_kind(kind)
        }
        for kind in (CODE, MOCK):
            for name in self._graph.of_kind(kind):
                other, text = outside.pop(name.split(".")[0], ("", ""))
                if other:
                    self._problem(
                        f"'{other}' is {text} and '{name}' is packed: all that is below "
                        f"'{name.split('.')[0]}' must be one of both"
                    )


def _can_be_left_out(name: str, edge: Edge) -> bool:
    """An import that may fail, and does when the package runs: what has the name of a module of the
    standard library would be found there."""
    return edge.optional and name.split(".")[0] not in _standard.NAMES
