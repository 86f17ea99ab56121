"""Midstream beside TensorFlow's own Session on one checkpoint of mnist_deep at full size.

    build/compare/venv/bin/python bench/compare/tensorflow_session.py [--build DIR] [--rounds N]

Each contender is a process that waits for requests; one at a time is asked, in turn, so that both
see the same minutes of the machine and never each other. TensorFlow runs in several settings, and
the best one of each row is what Midstream is compared with. Answers are compared before anything
is timed. Writes DIR/compare/tensorflow_session.json.
"""
import argparse
import array
import json
import os
import pathlib
import platform
import random
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
BATCHES = [1, 16, 128]
THREADS = [1, 2]
# inter_op_parallelism_threads, TF_ENABLE_ONEDNN_OPTS. -1: operators run on the calling thread.
TENSORFLOW_SETTINGS = [("-1", "1"), ("-1", "0"), ("1", "1")]
RTOL = 1e-4
SLICE_SECONDS = 0.15  # one contender's turn
PAUSE_SECONDS = 0.08  # until the last one's threads are asleep


class Contender:
    """A process that answers a line with a line."""

    def __init__(self, name, threads, command, environment=None):
        self.name, self.threads = name, threads
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env={**os.environ, **(environment or {})})
        if self.process.stdout.readline().strip() != "ready":
            sys.exit(f"{name} did not start")

    def ask(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"{self.name} ended at the request {words}")
        return [float(word) for word in answer.split()]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def make_inputs(directory):
    """The checkpoint and the images, made once."""
    prefix, images = directory / "mnist_deep" / "model.ckpt", directory / "mnist_deep" / "images.f32"
    if not images.exists():
        prefix.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, HERE / "mnist_deep_checkpoint.py", prefix], check=True)
        generator = random.Random(1)
        array.array("f", (generator.random() for _ in range(max(BATCHES) * 784))).tofile(images.open("wb"))
    return prefix, images


def start(build, prefix, images, settings):
    contenders = []
    for threads in THREADS:
        contenders.append(Contender("midstream", threads,
                                    [build / "bin" / "midstream_session", prefix, images, threads, *settings]))
        for inter_op, onednn in TENSORFLOW_SETTINGS:
            command = [sys.executable, HERE / "tensorflow_worker.py", prefix, images, threads, inter_op]
            contenders.append(Contender(f"tensorflow inter_op={inter_op} onednn={onednn}", threads, command,
                                        {"TF_ENABLE_ONEDNN_OPTS": onednn}))
    return contenders


def check_answers(contenders, rtol):
    """All contenders agree on every batch, to rtol of the largest logit."""
    worst = 0.0
    for batch in BATCHES:
        want = next(c for c in contenders if c.name != "midstream").ask("output", batch)
        largest = max(map(abs, want))
        for contender in contenders:
            got = contender.ask("output", batch)
            difference = max(abs(a - b) for a, b in zip(got, want, strict=True)) / largest
            worst = max(worst, difference)
            if not difference <= rtol:
                sys.exit(f"{contender.name} on {contender.threads} threads differs by {difference:g} at batch {batch}")
    return worst


def measure(contenders, rounds):
    """{(batch, threads): {name: samples in microseconds}}, from interleaved rounds."""
    samples = {(b, t): {c.name: [] for c in contenders if c.threads == t} for b in BATCHES for t in THREADS}
    calls = {}
    for _ in range(rounds):
        for batch in BATCHES:
            for contender in random.sample(contenders, len(contenders)):
                key = (batch, contender.name, contender.threads)
                if key not in calls:
                    calls[key] = max(3, int(SLICE_SECONDS * 1e6 / statistics.median(contender.ask("run", batch, 3))))
                time.sleep(PAUSE_SECONDS)
                samples[batch, contender.threads][contender.name] += contender.ask("run", batch, calls[key])
    return samples


def quantiles(by_name, q):
    return {name: sorted(values)[int(len(values) * q)] for name, values in by_name.items()}


def summarise(samples):
    """A row for each batch and thread count. p10 tells what a busy machine would hide."""
    rows = []
    for (batch, threads), by_name in samples.items():
        median, p10 = quantiles(by_name, 0.5), quantiles(by_name, 0.1)
        peers = [name for name in median if name != "midstream"]
        best = min(peers, key=median.get)
        rows.append({"batch": batch, "threads": threads, "best_peer": best, "ratio": median["midstream"] / median[best],
                     "ratio_p10": p10["midstream"] / min(p10[name] for name in peers),
                     "median_us": median, "p10_us": p10, "p95_us": quantiles(by_name, 0.95)})
    return rows


def machine():
    """The processor as the kernel names it."""
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def show(rows):
    print("batch threads  midstream us  tensorflow us  ratio  ratio p10  best setting of TensorFlow")
    for row in rows:
        ours, theirs = row["median_us"]["midstream"], row["median_us"][row["best_peer"]]
        print(f"{row['batch']:5} {row['threads']:7} {ours:13.1f} {theirs:14.1f} {row['ratio']:6.2f} {row['ratio_p10']:10.2f}  "
              + row["best_peer"].removeprefix("tensorflow "))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent.parent / "build")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--rtol", type=float, default=RTOL)
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE of Midstream's configuration")
    arguments = parser.parse_args()
    directory = arguments.build / "compare"
    prefix, images = make_inputs(directory)
    contenders = start(arguments.build, prefix, images, arguments.set)
    worst = check_answers(contenders, arguments.rtol)
    rows = summarise(measure(contenders, arguments.rounds))
    for contender in contenders:
        contender.close()
    show(rows)
    report = {"machine": f"{machine()}, {os.cpu_count()} cores", "settings": arguments.set,
              "largest_difference": worst, "rows": rows}
    (directory / "tensorflow_session.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
