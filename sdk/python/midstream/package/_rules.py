"""What becomes of an imported module: the rules extern, intern, mock and deny, and their globs.

Globs are those of torch.package: names are split at dots, `*` stands for any text within one part,
`**` for any number of whole parts, none included. So "torch.**" is torch and everything below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ._errors import PackagingError

EXTERN, INTERN, MOCK, DENY = "extern", "intern", "mock", "deny"


def _is_part(text: str) -> bool:
    """Whether a part of a module's name can look like this."""
    return text.replace("*", "a" if text.startswith("*") else "").isidentifier()


def _expression(glob: str) -> re.Pattern[str]:
    if not all(map(_is_part, glob.split("."))):
        raise PackagingError(
            f"'{glob}' is no pattern for the names of modules, as 'numpy' or 'nets.**'"
        )
    text = ""
    for part in glob.split("."):
        if part == "**":
            text += r"(?:\.[^.]+)*"
        elif "**" in part:
            raise PackagingError(f"'{glob}': ** stands for whole parts of a name, as in 'torch.**'")
        else:
            text += r"\." + "[^.]*".join(re.escape(piece) for piece in part.split("*"))
    return re.compile(text)


def _texts(patterns: str | Iterable[str]) -> tuple[str, ...]:
    return (patterns,) if isinstance(patterns, str) else tuple(patterns)


def parents(module: str) -> list[str]:
    """["a", "a.b"] of "a.b.c"."""
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


@dataclass(frozen=True, eq=False)
class Rule:
    """One call of extern, intern, mock or deny. allow_empty: it need not match any module."""

    kind: str
    patterns: tuple[str, ...]
    exclude: tuple[str, ...]
    include_matchers: tuple[re.Pattern[str], ...]
    exclude_matchers: tuple[re.Pattern[str], ...]
    allow_empty: bool = True

    @classmethod
    def make(
        cls,
        kind: str,
        patterns: str | Iterable[str],
        exclude: str | Iterable[str],
        allow_empty: bool = True,
    ) -> Rule:
        include, without = _texts(patterns), _texts(exclude)
        if not include:
            raise PackagingError(f"{kind} without a pattern")
        return cls(
            kind,
            include,
            without,
            tuple(_expression(glob) for glob in include),
            tuple(_expression(glob) for glob in without),
            allow_empty,
        )

    def __str__(self) -> str:
        texts = ", ".join(f'"{pattern}"' for pattern in self.patterns)
        return f"{self.kind}({texts})"

    def matches(self, module: str) -> bool:
        """What is said of a module holds for those below it too, but for intern: of a package some
        modules may be packed and others not."""
        if self._excludes(module):
            return False
        return any(
            matcher.fullmatch("." + name)
            for matcher in self.include_matchers
            for name in self._said_of(module)
        )

    def names(self, module: str) -> bool:
        """Whether it matches by a pattern without a glob."""
        if self._excludes(module):
            return False
        return any(name in self.patterns for name in self._said_of(module))

    def _excludes(self, module: str) -> bool:
        return any(matcher.fullmatch("." + module) for matcher in self.exclude_matchers)

    def _said_of(self, module: str) -> list[str]:
        return [module] if self.kind == INTERN else [*parents(module), module]

    def plain_names(self) -> list[str]:
        """Top-level modules that the patterns name outright, without a glob."""
        tops = (pattern.split(".")[0] for pattern in self.patterns)
        return [top for top in tops if "*" not in top]


def first_match(rules: Iterable[Rule], module: str) -> Rule | None:
    return next((rule for rule in rules if rule.matches(module)), None)


def first_that_names(rules: Iterable[Rule], module: str) -> Rule | None:
    return next((rule for rule in rules if rule.names(module)), None)
