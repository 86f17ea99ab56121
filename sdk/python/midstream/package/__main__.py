"""python3 -m midstream.package create|inspect|verify"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from . import PackageFile, Packager
from ._rules import DENY, EXTERN, INTERN, MOCK, Rule


class _AppendRule(argparse.Action):
    """Keeps the rules of all four options in one list: the first that matches counts. Commas
    separate patterns.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        rules = list(getattr(namespace, self.dest) or [])
        patterns = [part.strip() for part in values.split(",") if part.strip()]
        if not patterns:
            parser.error(f"argument {option_string}: expected patterns for names of modules")
        kind = str(option_string).lstrip("-")
        setattr(namespace, self.dest, rules + [(kind, pattern) for pattern in patterns])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m midstream.package", description="Make and read .mspkg containers."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser(
        "create",
        help="pack a model that is Python code",
        description="Pack the entry's module, what it imports, data and tensors. Of the rules "
        "--extern, --intern, --mock and --deny the first that matches a module counts; "
        "'torch.**' is torch and everything below it, and commas separate patterns. Modules of the "
        "standard library need no rule, and heed one only if it names them without a glob.",
    )
    create.add_argument("path", help="the file to write")
    create.add_argument(
        "--entry",
        required=True,
        metavar="MODULE:NAME",
        help="function or class, or something inside one: policy:Policy.act",
    )
    create.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="FOLDER",
        help="where modules are looked for first",
    )
    create.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="'x: float32[batch, 4]'",
        help="the next input",
    )
    create.add_argument(
        "--output",
        action="append",
        default=[],
        metavar="'y: float32[batch, 2]'",
        help="the next output",
    )
    create.add_argument(
        "--batching", action="store_true", help="requests may be joined along axis 0"
    )
    for rule, text in (
        (EXTERN, "of the machine that runs the package"),
        (INTERN, "packed"),
        (MOCK, "replaced by a stand-in that raises when used"),
        (DENY, "an error"),
    ):
        create.add_argument(
            f"--{rule}",
            dest="rules",
            action=_AppendRule,
            metavar="PATTERNS",
            help=f"modules that are {text}",
        )
    create.add_argument(
        "--module", action="append", default=[], help="a module to pack that no import tells of"
    )
    create.add_argument(
        "--tensors", action="append", default=[], metavar="FILE", help=".safetensors or .npz"
    )
    create.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="what the model reads by midstream_model.resource(NAME)",
    )
    create.add_argument(
        "--resource",
        action="append",
        default=[],
        metavar="PACKAGE:NAME=FILE",
        help="a file beside the modules of PACKAGE, for importlib.resources",
    )
    create.add_argument("--name", help="of the package; default: that of the file")
    create.add_argument(
        "--python", default="3.10", metavar="VERSION", help="the oldest that runs it"
    )
    create.add_argument(
        "--dependencies", action="store_true", help="print what is packed and why; write nothing"
    )
    create.set_defaults(run=_create)
    for name, run, text in (
        ("inspect", _inspect, "print what a package holds"),
        ("verify", _verify, "hold a package's entries to its manifest"),
    ):
        command = commands.add_parser(name, help=text, description=text.capitalize() + ".")
        command.add_argument("path")
        command.set_defaults(run=run)
        if name == "inspect":
            command.add_argument("--json", action="store_true", help="the manifest")
    return parser


def _create(given: argparse.Namespace) -> None:
    package = Packager(
        given.path,
        given.entry,
        name=given.name,
        inputs=given.input,
        outputs=given.output,
        batching=given.batching,
        python=given.python,
        source=given.source,
    )
    for kind, pattern in given.rules or []:
        getattr(package, kind)(pattern)
    for module in given.module:
        package.add_module(module)
    for file in given.tensors:
        package.add_tensors(file)
    for text in given.data:
        name, _, file = text.partition("=")
        package.add_data(name, file or name)
    for text in given.resource:
        name, _, file = text.partition("=")
        folder, colon, name = name.partition(":")
        if not (colon and name and file):
            raise ValueError(f"--resource {text}: expected PACKAGE:NAME=FILE")
        package.add_resource(folder, name, file)
    graph = package.dependencies()
    if given.dependencies:
        for name, module in graph.items():
            print(f"{module.kind:9} {name}")
            for chain in graph.why(name, limit=1):
                print("".join(f"            {edge}\n" for edge in chain), end="")
    else:
        package.close()
    for note in [*graph.notes, *map(_unmatched, graph.unmatched)]:
        print(note, file=sys.stderr)


def _unmatched(rule: Rule) -> str:
    text = f"--{rule.kind} {rule.patterns[0]} matches no module that is imported"
    declared = rule.kind == EXTERN and rule.plain_names()
    return f"{text}; it is declared all the same" if declared else text


def _inspect(given: argparse.Namespace) -> None:
    with PackageFile(given.path) as package:
        if given.json:
            print(json.dumps(package.manifest, indent=1))
            return
        python = f"Python {package.python} and later" if package.python else "any Python"
        print(f"{package.name}: {package.entry}, {python}")
        print(f"  batching  {'yes' if package.batching else 'no'}")
        print(f"  extern    {', '.join(package.extern) or 'nothing'}")
        for kind, declared in (("input", package.inputs), ("output", package.outputs)):
            for one in declared:
                print(f"  {kind:9} {one}")
        for name in package.modules:
            print(f"  module    {name}")
        for tensor in package.manifest["tensors"]:
            shape = ", ".join(map(str, tensor["shape"]))
            print(f"  tensor    {tensor['name']}: {tensor['dtype']}[{shape}]")
        shown = {tensor["file"] for tensor in package.manifest["tensors"]}
        shown.update(package.modules.values())
        for file in package.files:
            if file not in shown:
                print(f"  file      {file}")


def _verify(given: argparse.Namespace) -> None:
    with PackageFile(given.path) as package:
        package.verify()
        print(f"{given.path}: sound, {len(package.files)} entries")


def main(arguments: Sequence[str] | None = None) -> int:
    """0, or 1 with one message on stderr."""
    given = _parser().parse_args(arguments)
    try:
        given.run(given)
    except OSError as error:
        named = error.filename is not None
        print(f"{error.filename}: {error.strerror}" if named else error, file=sys.stderr)
        return 1
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
