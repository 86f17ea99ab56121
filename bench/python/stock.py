#!/usr/bin/env python3
"""Calls a model of bench/python in one ordinary interpreter, from one or more threads of it.

    stock_threads.py FILE ENTRY --input x.npy [--weights w.npz] [--threads N] [--seconds S]

Prints calls per second, and as a check the answer's sum. What `bench_python` sets beside the engine.
"""

import argparse
import importlib.util
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file")
    parser.add_argument("entry")
    parser.add_argument("--input", required=True)
    parser.add_argument("--weights")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2)
    args = parser.parse_args()
    weights = dict(numpy.load(args.weights)) if args.weights else {}
    x = numpy.load(args.input)
    calls = [0] * args.threads
    until = 0.0

    def work(index):
        model = load(args.file, args.entry, weights)
        model(x=x)
        start.wait()
        made = 0
        while time.monotonic() < until:
            model(x=x)
            made += 1
        calls[index] = made

    start = threading.Barrier(args.threads + 1)
    threads = [threading.Thread(target=work, args=(i,)) for i in range(args.threads)]
    for thread in threads:
        thread.start()
    until = time.monotonic() + args.seconds + 0.2
    start.wait()
    begin = time.monotonic()
    for thread in threads:
        thread.join()
    answer = load(args.file, args.entry, weights)(x=x)
    rate = sum(calls) / (time.monotonic() - begin)
    print(f"{rate:.1f} {float(numpy.asarray(answer, numpy.float64).sum()):.6g}")


if __name__ == "__main__":
    main()
