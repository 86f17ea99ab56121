"""What becomes of an imported module: the rules extern, intern, mock and deny, and their globs.

Globs are those of torch.package: names are split at dots, `*` stands for any text within one part,
`**` for any number of whole parts, none included. So "torch.**" is torch and everything below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

EXTERN, INTERN, MOCK, DENY = "extern", "intern", "mock", "deny"


def _expression(glob: str) -> re.Pattern[str]:
    if not glob or any(part == "" for part in glob.split(".")):
        raise ValueError(f"'{glob}' is no pattern for the names of modules")
    text = ""
    for part in glob.split("."):
        if part == "**":
            text += r"(?:\.[^.]+)*"
        elif "**" in part:
            raise ValueError(f"'{glob}': ** stands for whole parts of a name, as in 'torch.**'")
        else:
            text += r"\." + "[^.]*".join(re.escape(piece) for piece in part.split("*"))
    return re.compile(text)


def _texts(patterns: str | Iterable[str]) -> tuple[str, ...]:
    return (patterns,) if isinstance(patterns, str) else tuple(patterns)


def parents(module: str) -> list[str]:
    """["a", "a.b"] of "a.b.c"."""
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


@dataclass(frozen=True)
class Rule:
    """One call of extern, intern, mock or deny."""

    kind: str
    patterns: tuple[str, ...]
    exclude: tuple[str, ...]
    include_matchers: tuple[re.Pattern[str], ...]
    exclude_matchers: tuple[re.Pattern[str], ...]

    @classmethod
    def make(cls, kind: str, patterns: str | Iterable[str], exclude: str | Iterable[str]) -> Rule:
        include, without = _texts(patterns), _texts(exclude)
        if not include:
            raise ValueError(f"{kind} without a pattern")
        return cls(
            kind,
            include,
            without,
            tuple(_expression(glob) for glob in include),
            tuple(_expression(glob) for glob in without),
        )

    def __str__(self) -> str:
        texts = ", ".join(f'"{pattern}"' for pattern in self.patterns)
        return f"{self.kind}({texts})"

    def matches(self, module: str) -> bool:
        """What is said of a module holds for those below it too, but for intern: of a package some
        modules may be packed and others not."""
        if any(matcher.fullmatch("." + module) for matcher in self.exclude_matchers):
            return False
        names = [module] if self.kind == INTERN else [*parents(module), module]
        return any(
            matcher.fullmatch("." + name) for matcher in self.include_matchers for name in names
        )

    def plain_names(self) -> list[str]:
        """Top-level modules that the patterns name outright, without a glob."""
        tops = (pattern.split(".")[0] for pattern in self.patterns)
        return [top for top in tops if "*" not in top]


def first_match(rules: Iterable[Rule], module: str) -> Rule | None:
    return next((rule for rule in rules if rule.matches(module)), None)
