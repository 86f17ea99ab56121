"""Processes that are forked from one that has an engine: everything is refused there at once,
nothing is disturbed in the parent, and the child ends as any other does."""

from __future__ import annotations

import tempfile
import textwrap
import unittest
from pathlib import Path

import numpy as np
from engine_testing import run_script
from midstream import _engine
from midstream.package import Packager

PLUGINS = Path(_engine.__file__).parents[2] / "lib/midstream"
REASON = "this process was forked from one that had opened an engine"
CHILD = """
import gc, os, sys, time, warnings
from midstream import Engine, FailedPreconditionError, commit_together, pin_together, process_stats

warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads, from 3.12 on
before = session.run(x)
response = session.submit(x)
response.result()
waiting = session.submit(x)
update, pin = model.update(), model.pin()
weight = model.weights[0].name

def answered():
    result = session.run(x)
    return all((result[name] == before[name]).all() for name in result)

def expect(call):
    try:
        call()
    except FailedPreconditionError as error:
        assert "REASON" in str(error), error
    else:
        raise AssertionError(f"no error of line {call.__code__.co_firstlineno}")

def wait(pid):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, 9)
    return "hangs"
""".replace("REASON", REASON)
EVERYTHING = """
import asyncio
pid = os.fork()
if pid == 0:
    expect(lambda: session.run(x))
    expect(lambda: session.submit(x))
    expect(lambda: asyncio.run(session.infer(x)))
    expect(lambda: session.stats())
    expect(lambda: session.drain())
    expect(lambda: response.result())
    expect(lambda: waiting.exception())
    expect(lambda: waiting.cancel())
    expect(lambda: model.session())
    expect(lambda: model.version)
    expect(lambda: model.weights)
    expect(lambda: model.read(weight))
    expect(lambda: model.digest(pin))
    expect(lambda: model.stats())
    expect(lambda: model.rollback(1))
    expect(lambda: model.pin())
    expect(lambda: model.update_from(model.path))
    expect(lambda: model.update())
    expect(lambda: pin_together([model]))
    expect(lambda: update.assign(weight, x))
    expect(lambda: update.assign_rows(weight, 0, x))
    expect(lambda: update.adopt(weight, x))
    expect(lambda: update.stage())
    expect(lambda: update.commit())
    expect(lambda: commit_together([update]))
    expect(lambda: engine.load(model.path))
    expect(lambda: engine.update())
    expect(lambda: Engine())
    expect(lambda: process_stats())
    update.discard()
    assert all((array == array).all() for array in before.values())
    for each in (session, pin, model, engine):
        each.close()
        each.close()
    del before, response, waiting, session, pin, model, engine, update
    gc.collect()
    sys.exit(3)
assert wait(pid) == 3
assert answered()
print("parent")
"""
ENDING = """
for end in (lambda: sys.exit(3), lambda: os._exit(3)):
    for busy in (False, True):
        kept = [session.submit(x) for _ in range(20)] if busy else []
        pid = os.fork()
        if pid == 0:
            end()
        assert wait(pid) == 3, busy
        assert [each.result().version for each in kept] == [1] * len(kept)
        assert answered()
print("parent")
"""
MULTIPROCESSING = """
import multiprocessing
assert answered()
context = multiprocessing.get_context("fork")
def body():
    sys.exit(5)
process = context.Process(target=body)
process.start()
process.join(60)
assert process.exitcode == 5, process.exitcode
with context.Pool(2) as pool:
    assert pool.map_async(abs, [-1, -2, 3]).get(60) == [1, 2, 3]
assert answered()
print("parent")
"""
THREADS = """
import threading
running, bad = True, []
def work():
    while running:
        if not answered():
            bad.append(1)
        with model.update() as update:
            update.assign(weight, model.read(weight))
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
for _ in range(20):
    pid = os.fork()
    if pid == 0:
        expect(lambda: session.run(x))
        expect(lambda: update.commit())
        update.discard()
        engine.close()
        sys.exit(3)
    assert wait(pid) == 3
running = False
for thread in threads:
    thread.join()
assert not bad
print("parent")
"""
BEFORE = """
import midstream, os, sys
pid = os.fork()
if pid == 0:
    engine = midstream.Engine(set=["backend=reference"])
    engine.close()
    sys.exit(3)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
engine = midstream.Engine(set=["backend=reference"])
print("parent")
"""
ECHO = """
import numpy as np
def run(x, weights):
    return x + 0
"""


class Forking(unittest.TestCase):
    prologue = ""

    def check(self, body: str) -> None:
        self.assertEqual(run_script(self.prologue + CHILD + body), (0, "parent\n", ""))

    def test_everything_is_refused_and_closes(self) -> None:
        self.check(EVERYTHING)

    def test_ending(self) -> None:
        self.check(ENDING)

    def test_multiprocessing(self) -> None:
        self.check(MULTIPROCESSING)

    def test_while_threads_are_in_calls(self) -> None:
        self.check(THREADS)


class ForkingBefore(unittest.TestCase):
    def test_an_engine_may_be_opened_that_the_parent_has_not(self) -> None:
        self.assertEqual(run_script(BEFORE, prologue=""), (0, "parent\n", ""))


@unittest.skipUnless((PLUGINS / "python.so").exists(), "the plugin python is not built")
class ForkingSharedIsolation(Forking):
    isolation = "shared"

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = Path(folder.name) / "echo.mspkg"
        with Packager(path, "echo:run") as package:
            package.add_source_text("echo", ECHO)
            package.extern("numpy")
            package.add_input("x: float32[n]")
            package.add_output("y: float32[n]")
            package.add_tensor("w", np.ones(2, np.float32))
        self.prologue = textwrap.dedent(f"""
            engine.close()
            options = {{"isolation": {self.isolation!r}, "interpreters": 2}}
            engine = midstream.Engine(
                set={{
                    "placement.order": ["python", "reference"],
                    **{{f"backends.python.{{key}}": value for key, value in options.items()}},
                }}
            )
            model = engine.load({str(path)!r})
            session = model.session()
            x = np.arange(6, dtype=np.float32)
        """)


class ForkingProcessIsolation(ForkingSharedIsolation):
    isolation = "process"


if __name__ == "__main__":
    unittest.main()
