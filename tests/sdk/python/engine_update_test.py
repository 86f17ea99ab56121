"""Updates, versions and pins."""

from __future__ import annotations

import asyncio
import gc
import threading
import unittest
import weakref

import midstream
import numpy as np
from engine_testing import CLASSES, IMAGES, LOGITS, EngineTest, checkpoint

try:
    import torch
except ImportError:
    torch = None


class Updates(EngineTest):
    def accuracy(self, session: midstream.Session) -> float:
        return float((session.run(self.images)[CLASSES] == self.labels).mean())

    def test_a_block_commits(self) -> None:
        session = self.session(CLASSES)
        before = self.accuracy(session)
        with self.model.update() as update:
            update.assign_all(self.trained())
            self.assertIsNone(update.version)
        self.assertEqual((update.version, self.model.version), (2, 2))
        self.assertLess(before, 0.5)
        self.assertGreater(self.accuracy(session), 0.95)

    def test_an_exception_in_the_block_discards(self) -> None:
        name, value = next(iter(self.trained().items()))
        with self.assertRaises(ZeroDivisionError), self.model.update() as update:
            update.assign(name, value)
            raise ZeroDivisionError
        self.assertEqual((update.version, self.model.version), (None, 1))

    def test_a_bad_value_changes_nothing_and_all_are_told(self) -> None:
        good = self.trained()
        with self.assertRaises(midstream.InvalidArgumentError) as caught:
            with self.model.update() as update:
                update.assign_all(good)
                update.assign("no/such", np.zeros(3, np.float32))
                update.assign("conv1/Variable", np.zeros(3, np.float32))
        for part in ["no/such", "conv1/Variable", "[3]"]:
            self.assertIn(part, str(caught.exception))
        self.assertEqual(self.model.version, 1)

    def test_the_engine_knows_its_only_model(self) -> None:
        with self.engine.update() as update:
            update.assign("conv1/Variable_1:0", np.zeros(8, np.float32))
        self.assertEqual(self.model.version, 2)
        other = self.engine.load(checkpoint(0))
        with self.assertRaisesRegex(midstream.FailedPreconditionError, "2 models loaded"):
            self.engine.update()
        other.unload()
        self.engine.update()

    def test_values_of_any_layout_and_kind(self) -> None:
        value = np.arange(8, dtype=np.float32)
        for given in (
            np.arange(16, dtype=np.float32)[::2] / 2,
            value.astype(np.float16),
            list(range(8)) and [float(i) for i in range(8)],
            memoryview(value),
        ):
            with self.model.update() as update:
                update.assign("conv1/Variable_1", given)
            np.testing.assert_array_equal(self.model.read("conv1/Variable_1"), value)

    @unittest.skipUnless(torch, "needs torch")
    def test_torch(self) -> None:
        value = torch.arange(8, dtype=torch.float32)
        for given in (value, value.bfloat16(), torch.nn.Parameter(value)):
            with self.model.update() as update:
                update.assign("conv1/Variable_1", given)
                del given
            np.testing.assert_array_equal(self.model.read("conv1/Variable_1"), value.numpy())

    def test_assign_keeps_the_memory_until_the_commit(self) -> None:
        value = np.full(8, 3, np.float32)
        kept = weakref.ref(value)
        update = self.model.update()
        update.assign("conv1/Variable_1", value)
        del value
        self.assertIsNotNone(kept())
        update.commit()
        self.assertIsNone(kept())
        np.testing.assert_array_equal(self.model.read("conv1/Variable_1"), np.full(8, 3))

    def test_discard_lets_go(self) -> None:
        value = np.full(8, 3, np.float32)
        kept = weakref.ref(value)
        update = self.model.update()
        update.assign("conv1/Variable_1", value)
        del value
        update.discard()
        self.assertIsNone(kept())

    def test_adopted_memory_is_let_go_when_no_version_needs_it(self) -> None:
        self.session().run(self.images[:1])
        names = ["conv1/Variable_1", "fc1/Variable"]
        shapes = {spec.name: spec.shape for spec in self.model.weights}
        kept = []
        for step in range(6):
            with self.model.update() as update:
                for name in names:
                    value = np.full(shapes[name], step, np.float32)
                    kept.append(weakref.ref(value))
                    update.adopt(name, value)
                    del value
        np.testing.assert_array_equal(self.model.read(names[0]), np.full(8, 5))
        self.model.unload()
        other = self.engine.load(checkpoint(0))
        other.update().discard()  # what the engine gave back is dropped here at the latest
        gc.collect()
        self.assertEqual([ref() is None for ref in kept], [True] * 12)

    def test_rows(self) -> None:
        before = self.model.read("fc1/Variable")
        rows = np.full((2, *before.shape[1:]), 5, np.float32)
        with self.model.update() as update:
            update.assign_rows("fc1/Variable", 3, rows)
        before[3:5] = 5
        np.testing.assert_array_equal(self.model.read("fc1/Variable"), before)

    def test_stage_and_a_version_between(self) -> None:
        first, second = self.model.update(), self.model.update()
        first.assign("conv1/Variable_1", np.zeros(8, np.float32))
        first.stage()
        second.assign("conv1/Variable_1", np.ones(8, np.float32))
        self.assertEqual(second.commit(), 2)
        with self.assertRaises(midstream.AbortedError):
            first.commit()
        self.assertEqual(self.model.version, 2)

    def test_options(self) -> None:
        values = self.trained()
        with self.assertRaisesRegex(midstream.InvalidArgumentError, "conv1/Variable_1"):
            with self.model.update(check="exact") as update:
                update.assign("conv1/Variable", values["conv1/Variable"])
        with self.assertRaises(midstream.AbortedError), self.model.update(base=9) as update:
            update.assign("conv1/Variable", values["conv1/Variable"])
        infinite = np.full(8, np.inf, np.float32)
        with self.assertRaises(midstream.Error), self.model.update(finite=True) as update:
            update.assign("conv1/Variable_1", infinite)
        with self.model.update(accept_float64=True, rename={"a/*": "conv1/*"}) as update:
            update.assign("a/Variable_1", np.arange(8.0))
        np.testing.assert_array_equal(self.model.read("conv1/Variable_1"), np.arange(8))
        with self.assertRaisesRegex(midstream.InvalidArgumentError, "check"):
            self.model.update(check="whatever")
        self.assertEqual(self.model.version, 2)

    def test_lists_and_masks(self) -> None:
        for given in (list(range(8)), [np.float64(i) for i in range(8)]):
            with self.model.update(rename={"a/*": "conv1/*"}) as update:
                update.assign("a/Variable_1:0", given)
            self.assertEqual(self.model.read("conv1/Variable_1").tolist(), list(range(8)))
        rows = np.full((2, *self.model.read("fc1/Variable").shape[1:]), 5)
        with self.model.update() as update:
            update.assign_rows("fc1/Variable", 3, rows.tolist())
            update.adopt("conv1/Variable_1", [True] * 8)
        self.assertEqual(self.model.read("fc1/Variable")[3:5].tolist(), rows.tolist())
        self.assertEqual(self.model.read("conv1/Variable_1").tolist(), [1] * 8)
        update = self.model.update()
        for value, reason in (
            ([0, "1", 2], "'conv1/Variable_1': '1' is no float32"),
            ([1e300], "'conv1/Variable_1': 1e\\+300 is no float32"),
            (np.ma.masked_array(np.zeros(8), [1] * 8), "'conv1/Variable_1' is a masked array"),
        ):
            for add in (update.assign, update.adopt, lambda n, v: update.assign_rows(n, 0, v)):
                with self.assertRaisesRegex(midstream.InvalidArgumentError, reason):
                    add("conv1/Variable_1", value)

    def test_update_from_a_file_that_is_not_there(self) -> None:
        with self.assertRaisesRegex(midstream.NotFoundError, "gone"):
            self.model.update_from("gone.npz")


class Versions(EngineTest):
    def test_rollback(self) -> None:
        session = self.session()
        before = session.run(self.images)[LOGITS]
        self.model.update_from(checkpoint(4000))
        self.assertEqual([v["version"] for v in self.model.versions()], [1, 2])
        self.model.rollback(1)
        result = session.run(self.images)
        self.assertEqual(result.version, 1)
        np.testing.assert_array_equal(result[LOGITS], before)
        with self.assertRaisesRegex(midstream.NotFoundError, "77"):
            self.model.rollback(77)
        pin = self.model.pin()
        for wrong in (-1, 2**64, 1.5, None, pin):
            for call in (self.model.rollback, self.model.pin, lambda v: self.model.update(base=v)):
                if wrong is None and call not in (self.model.rollback, self.model.pin):
                    continue  # no base
                with self.assertRaisesRegex(midstream.InvalidArgumentError, "version is .*number"):
                    call(wrong)

    def test_requests_run_on_a_pinned_version(self) -> None:
        session = self.session()
        before = session.run(self.images)[LOGITS]
        bias = self.model.read("conv1/Variable_1")
        with self.model.pin() as pin:
            for _ in range(5):
                self.model.update_from(checkpoint(4000))
            result = session.submit(self.images, version=pin).result()
            self.assertEqual((pin.version, result.version, self.model.version), (1, 1, 6))
            np.testing.assert_array_equal(result[LOGITS], before)
            np.testing.assert_array_equal(self.model.read("conv1/Variable_1", pin), bias)
            self.assertNotEqual(self.model.digest(pin), self.model.digest())
        with self.assertRaisesRegex(
            midstream.FailedPreconditionError, "pin of version 1 is closed"
        ):
            session.submit(self.images, version=pin)
        with self.assertRaises(midstream.NotFoundError):
            self.model.pin(77)

    def test_a_number_is_no_pin(self) -> None:
        session = self.session()
        for call in (
            lambda: session.submit(self.images, version=1),
            lambda: asyncio.run(session.infer(self.images, version=1)),
            lambda: self.model.read("conv1/Variable_1", 1),
            lambda: self.model.digest(1),
        ):
            with self.assertRaisesRegex(midstream.InvalidArgumentError, "is 1, expected a Pin"):
                call()
        for options in ({"version": self.model.pin()}, {"timeout": 1.0}):
            with self.assertRaisesRegex(midstream.InvalidArgumentError, "run takes no (ver|tim)"):
                session.run(self.images, **options)
            with self.assertRaisesRegex(midstream.InvalidArgumentError, "run takes no (ver|tim)"):
                session.run(Placeholder=self.images, **options)

    def test_several_models_together(self) -> None:
        other = self.engine.load(checkpoint(0))
        updates = [self.model.update(), other.update()]
        for update in updates:
            update.assign("conv1/Variable_1", np.zeros(8, np.float32))
        self.assertEqual(midstream.commit_together(updates), [2, 2])
        self.assertEqual([update.version for update in updates], [2, 2])
        self.assertEqual([p.version for p in midstream.pin_together([self.model, other])], [2, 2])
        updates[0].assign("conv1/Variable_1", np.zeros(8, np.float32))
        updates[1].assign("no/such", np.zeros(8, np.float32))
        with self.assertRaises(midstream.InvalidArgumentError):
            midstream.commit_together(updates)
        self.assertEqual([self.model.version, other.version], [2, 2])

    def test_two_updates_of_one_model_together(self) -> None:
        update = self.model.update()
        for pair in ([update, update], [update, self.model.update()]):
            for each in set(pair):
                each.assign("conv1/Variable_1", np.zeros(8, np.float32))
            with self.assertRaisesRegex(midstream.InvalidArgumentError, "two updates of one model"):
                midstream.commit_together(pair)
        self.assertEqual(self.model.version, 1)
        update.assign("conv1/Variable_1", np.zeros(8, np.float32))
        self.assertEqual(midstream.commit_together(iter([update])), [2])

    def test_stats(self) -> None:
        self.model.update_from(checkpoint(4000))
        stats = self.model.stats()
        self.assertEqual((stats["version"], stats["commits"]), (2, 1))
        self.assertEqual(len(self.model.digest()), 64)


class Torn(EngineTest):
    def test_no_answer_mixes_two_versions(self) -> None:
        """Threads run while others commit; every answer is that of its version, bit for bit."""
        session = self.session()
        images = self.images[:4]
        sets = [self.trained(step) for step in (0, 100, 4000)]
        committed: dict[int, int] = {1: 0}  # version -> index into sets
        lock = threading.Lock()
        running = threading.Event()
        running.set()
        answers: list[tuple[int, bytes]] = []
        failed: list[BaseException] = []

        def guarded(work: object) -> threading.Thread:
            def body() -> None:
                try:
                    work()
                except BaseException as error:
                    failed.append(error)

            return threading.Thread(target=body)

        def run() -> None:
            seen = 0
            while running.is_set():
                result = session.run({IMAGES: images})
                answers.append((result.version, result[LOGITS].tobytes()))
                self.assertGreaterEqual(result.version, seen)
                seen = result.version

        def push(first: int) -> None:
            step = 0
            while len({version for version, _ in answers[:]}) < 20 and not failed:
                step += 1
                which = (first + step) % len(sets)
                with lock, self.model.update() as update:  # so that it is known which is which
                    update.assign_all(sets[which])
                committed[update.version] = which

        runners = [guarded(run) for _ in range(4)]
        pushers = [guarded(lambda first=i: push(first)) for i in range(2)]
        for thread in [*runners, *pushers]:
            thread.start()
        for thread in pushers:
            thread.join()
        running.clear()
        for thread in runners:
            thread.join()
        self.assertEqual(failed, [])
        expected = []
        for weights in sets:
            with self.model.update() as update:
                update.assign_all(weights)
            expected.append(session.run({IMAGES: images})[LOGITS].tobytes())
        self.assertEqual(len(set(expected)), 3)
        torn = [version for version, answer in answers if answer != expected[committed[version]]]
        self.assertEqual(torn, [])


if __name__ == "__main__":
    unittest.main()
