#!/usr/bin/env python3
"""Writes the models of bench/python as packages, their inputs and their weights into a folder.

    make_models.py FOLDER

Each NAME.mspkg has a NAME.npy beside it (its input x), and NAME.npz if it has weights, which
stock.py reads. Values are random and the same every time.
"""

import sys
from pathlib import Path

import numpy

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "sdk" / "python"))

from midstream.package import Packager  # noqa: E402  (found by the line above)

TEXT = b"pick up the red block and put it into box 2, then wait 20 seconds; open drawer 7. "


def layers(rng, widths):
    """Kernels and biases of a perceptron."""
    weights = {}
    for i, (rows, columns) in enumerate(zip(widths, widths[1:])):
        weights[f"kernel{i}"] = rng.standard_normal((rows, columns), numpy.float32) / rows**0.5
        weights[f"bias{i}"] = numpy.zeros(columns, numpy.float32)
    return {name: value.astype(numpy.float32) for name, value in weights.items()}


def models():
    """Name, file and entry, input, weights, output of each."""
    rng = numpy.random.default_rng(8)
    board = rng.random((9, 9), numpy.float32)
    yield "search", "search:act", board, {}, "y: float32[4]"
    text = numpy.frombuffer((TEXT * 16)[:1024], numpy.uint8)
    table = rng.standard_normal((1000, 32), numpy.float32)
    kernel = rng.standard_normal((32, 8), numpy.float32)
    yield "tokens", "tokens:Policy", text, {"table": table, "kernel": kernel}, "y: float32[8]"
    one = rng.standard_normal((1, 256), numpy.float32)
    yield "mlp", "mlp:Policy", one, layers(rng, [256, 128, 128, 10]), "y: float32[1, 10]"
    many = rng.standard_normal((64, 256), numpy.float32)
    yield "large", "mlp:Policy", many, layers(rng, [256, 2048, 2048, 10]), "y: float32[64, 10]"
    yield "nothing", "nothing:act", rng.random(8, numpy.float32), {}, "y: float32[8]"
    wide = {"kernel": numpy.zeros((8192, 4096), numpy.float32)}
    yield "weights", "weights:Policy", rng.random(8, numpy.float32), wide, "y: int64[3]"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, entry, x, weights, output in models():
        numpy.save(folder / f"{name}.npy", x)
        if weights:
            numpy.savez(folder / f"{name}.npz", **weights)
        path = folder / f"{name}.mspkg"
        with Packager(path, entry=entry, source=HERE / "models") as package:
            if name != "search":  # which is pure Python
                package.extern("numpy")
            package.add_tensors(weights)
            package.add_input(f"x: {x.dtype}{list(x.shape)}")
            package.add_output(output)


if __name__ == "__main__":
    main()
