"""The command `midstream` of the wheel: the program that lies in the package."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> None:
    """Becomes the program."""
    program = Path(__file__).parent / "bin" / "midstream"
    os.execv(program, ["midstream", *sys.argv[1:]])
