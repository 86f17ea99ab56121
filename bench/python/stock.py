#!/usr/bin/env python3
"""Calls a model of bench/python in ordinary Python: from one or more threads of one interpreter, or
in several programs at once, each with one thread, which is what the machine can give.

    stock.py FILE ENTRY --input x.npy [--weights w.npz] [--threads N | --programs N] [--seconds S]

Prints calls per second, and as a check the answer's sum. What `bench_python` sets beside the
engine.
"""

import argparse
import importlib.util
import multiprocessing
import threading
import time

import numpy


def load(path, entry, weights):
    """The model as the engine makes it: a class is given the weights, a function is called."""
    spec = importlib.util.spec_from_file_location("model", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = getattr(module, entry)
    return made(weights) if isinstance(made, type) else made


def call(model, x, until):
    """How often the model answers until then."""
    calls = 0
    while time.monotonic() < until:
        model(x=x)
        calls += 1
    return calls


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file")
    parser.add_argument("entry")
    parser.add_argument("--input", required=True)
    parser.add_argument("--weights")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--programs", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2)
    return parser.parse_args()


def main():
    args = parse()
    weights = dict(numpy.load(args.weights)) if args.weights else {}
    x = numpy.load(args.input)
    models = [load(args.file, args.entry, weights) for _ in range(args.threads)]
    answer = [model(x=x) for model in models][0]

    begin = time.monotonic() + 0.1  # when all have started
    context = multiprocessing.get_context("fork")
    counts = context.SimpleQueue()

    def work(model):
        call(model, x, begin)
        counts.put(call(model, x, begin + args.seconds))

    if args.programs > 1:
        workers = [context.Process(target=work, args=(models[0],)) for _ in range(args.programs)]
    else:
        workers = [threading.Thread(target=work, args=(model,)) for model in models]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    rate = sum(counts.get() for _ in workers) / args.seconds
    print(f"{rate:.1f} {float(numpy.asarray(answer, numpy.float64).sum()):.6g}")


if __name__ == "__main__":
    main()
