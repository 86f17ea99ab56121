"""TensorFlow's side of tensorflow_session.py: answers the same lines as midstream_session.

    tensorflow_worker.py CHECKPOINT IMAGES THREADS INTER_OP_THREADS

    run BATCH CALLS      -> microseconds of each call
    output BATCH         -> the logits, row by row

A process has one thread pool for all its sessions, so there is one process for each setting.
"""
import os
import sys
import time

import numpy
from tensorflow_quiet import tf1


def aligned(batch):
    """The batch at an address that TensorFlow takes over without a copy."""
    memory = numpy.empty(batch.nbytes + 64, numpy.uint8)
    start = -memory.ctypes.data % 64
    copy = memory[start:start + batch.nbytes].view(numpy.float32).reshape(batch.shape)
    copy[...] = batch
    return copy


def open_session(checkpoint, threads, inter_op):
    config = tf1.ConfigProto(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=inter_op)
    session = tf1.Session(config=config)
    tf1.train.import_meta_graph(checkpoint + ".meta").restore(session, checkpoint)
    return session.make_callable("fc2/add:0", ["Placeholder:0"])


def timed(call, batch, calls):
    call(batch)
    samples = []
    for _ in range(calls):
        begin = time.perf_counter_ns()
        call(batch)
        samples.append((time.perf_counter_ns() - begin) / 1000)
    return samples


def main():
    checkpoint, images_path, threads, inter_op = sys.argv[1:]
    images = numpy.fromfile(images_path, numpy.float32).reshape(-1, 784)
    call = open_session(checkpoint, int(threads), int(inter_op))
    batches = {}
    call(images[:1])  # every thread exists before this one is pinned
    if threads == "1":
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print("ready", flush=True)
    for line in sys.stdin:
        verb, size, *rest = line.split()
        batch = batches.setdefault(size, aligned(images[:int(size)]))
        values = timed(call, batch, int(rest[0])) if verb == "run" else call(batch).ravel().tolist()
        print(*values, flush=True)


if __name__ == "__main__":
    main()
