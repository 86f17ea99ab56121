"""Requests: futures, asyncio, cancellation, deadlines, priorities."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import unittest

import midstream
import numpy as np
from engine_testing import IMAGES, LOGITS, EngineTest, busy


class Futures(EngineTest):
    config = {"execution.instances": 1, "execution.streams": 1}

    def test_many_at_a_time(self) -> None:
        session = self.session()
        expected = session.run(self.images)[LOGITS]
        responses = [session.submit(self.images[i : i + 1]) for i in range(200)]
        for i, response in enumerate(responses):
            np.testing.assert_allclose(response.result()[LOGITS][0], expected[i], rtol=1e-5)
        self.assertTrue(all(response.done() for response in responses))

    def test_it_is_a_future(self) -> None:
        session = self.session()
        responses = [session.submit(self.images[:1]) for _ in range(10)]
        done, waiting = concurrent.futures.wait(responses)
        self.assertEqual((len(done), len(waiting)), (10, 0))
        called = threading.Event()
        session.submit(self.images[:1]).add_done_callback(lambda response: called.set())
        self.assertTrue(called.wait(60))

    def test_refused_at_once(self) -> None:
        session = self.session()
        with self.assertRaises(midstream.InvalidArgumentError):
            session.submit(other=self.images)
        for wrong in (
            {"timeout": -1.0},
            {"timeout": float("nan")},
            {"timeout": float("-inf")},
            {"caller": -1},
            {"priority": 2**31},
        ):
            with self.subTest(**wrong), self.assertRaises(midstream.InvalidArgumentError):
                session.submit(self.images, **wrong)

    def test_a_timeout_that_never_passes(self) -> None:
        session = self.session()
        for timeout in (float("inf"), 1e300, 2**70, 1e9):
            response = session.submit(self.images[:1], timeout=timeout)
            self.assertEqual(response.result(timeout=timeout).version, 1)
            self.assertIsNone(response.exception(timeout=timeout))
            asyncio.run(session.infer(self.images[:1], timeout=timeout))
        session.drain(timeout=float("inf"))
        for wrong in (-1.0, float("nan")):
            with self.assertRaises(midstream.InvalidArgumentError):
                session.drain(timeout=wrong)

    def test_a_response_that_is_done_does_not_hold_the_session(self) -> None:
        session = self.session()
        responses = [session.submit(self.images[:1]) for _ in range(20)]
        session.close()  # waits for callbacks
        self.assertEqual([response._request for response in responses], [None] * 20)

    def test_cancel(self) -> None:
        session = self.session()
        with busy(session, self.images):
            waiting = session.submit(self.images)
            self.assertFalse(waiting.done())
            with self.assertRaises(TimeoutError):
                waiting.result(timeout=0.01)
            self.assertTrue(waiting.cancel())
            self.assertTrue(waiting.cancelled())
            with self.assertRaises(concurrent.futures.CancelledError):
                waiting.result()
        finished = session.submit(self.images)
        finished.result()
        self.assertFalse(finished.cancel())
        self.assertEqual(session.stats()["cancelled"], 1)

    def test_a_deadline_passes_while_it_waits(self) -> None:
        session = self.session()
        with busy(session, self.images):
            for look in (lambda r: r.result(), lambda r: r.exception(5) and r.result()):
                waiting = session.submit(self.images, timeout=0.01)
                with self.assertRaises(midstream.DeadlineExceededError) as caught:
                    look(waiting)
                self.assertIsInstance(caught.exception, TimeoutError)
        self.assertEqual(session.stats()["expired"], 2)

    def test_priorities_and_callers(self) -> None:
        session = self.session()
        order: list[str] = []
        with busy(session, self.images):
            responses = []
            for name, options in [
                ("low", {"priority": -1}),
                ("first", {"caller": 7}),
                ("high", {"priority": 5}),
                ("second", {"caller": 7, "priority": 9}),
            ]:
                response = session.submit(self.images[:1], **options)
                response.add_done_callback(lambda _, name=name: order.append(name))
                responses.append(response)
        concurrent.futures.wait(responses)
        self.assertLess(order.index("first"), order.index("second"))
        self.assertLess(order.index("high"), order.index("low"))

    def test_a_queue_has_an_end(self) -> None:
        engine = midstream.Engine(set={"backend": "cpu_blas", "queue.max_requests": 2})
        self.addCleanup(engine.close)
        session = engine.load(self.model.path).session([IMAGES], [LOGITS])
        with busy(session, self.images), self.assertRaises(midstream.ResourceExhaustedError):
            for _ in range(100):
                session.submit(self.images)

    def test_draining(self) -> None:
        session = self.session()
        with busy(session, self.images):
            waiting = session.submit(self.images)
            with self.assertRaises(midstream.DeadlineExceededError):
                session.drain(timeout=0.01)
            with self.assertRaises(midstream.UnavailableError):
                session.submit(self.images)
        session.close()
        self.assertEqual(waiting.result().version, 1)

    def test_close_within_a_callback_is_refused(self) -> None:
        session = self.session()
        told: list[object] = []

        def close(response: object) -> None:
            try:
                session.close()
            except midstream.FailedPreconditionError as error:
                told.append(error)

        with busy(session, self.images):
            waiting = session.submit(self.images[:1])
            waiting.add_done_callback(close)
        waiting.result()
        session.drain()
        self.assertEqual(len(told), 1)

    def test_the_session_may_go_first(self) -> None:
        session = self.session()
        with busy(session, self.images):
            responses = [session.submit(self.images[:1]) for _ in range(20)]
            del session
        for response in responses:  # a handle keeps the session, so they are answered
            self.assertEqual(response.result().version, 1)


class Asyncio(EngineTest):
    config = {"execution.instances": 1, "execution.streams": 1}

    def test_many_in_flight(self) -> None:
        session = self.session()
        expected = session.run(self.images)[LOGITS]

        async def all_of_them() -> list[midstream.Result]:
            return await asyncio.gather(
                *(session.infer(self.images[i : i + 1]) for i in range(297))
            )

        for i, result in enumerate(asyncio.run(all_of_them())):
            np.testing.assert_allclose(result[LOGITS][0], expected[i], rtol=1e-5)

    def test_updates_between(self) -> None:
        session = self.session()

        async def follow() -> list[int]:
            versions = []
            for _ in range(5):
                versions.append((await session.infer(Placeholder=self.images[:1])).version)
                with self.model.update() as update:
                    update.assign("conv1/Variable_1", np.zeros(8, np.float32))
            return versions

        self.assertEqual(asyncio.run(follow()), [1, 2, 3, 4, 5])

    def test_errors(self) -> None:
        session = self.session()
        with self.assertRaises(midstream.InvalidArgumentError):
            asyncio.run(session.infer(self.images.astype(np.float64)))
        session.close()
        with self.assertRaises(midstream.FailedPreconditionError):
            asyncio.run(session.infer(self.images))

    def test_cancelling_the_task_cancels_the_request(self) -> None:
        session = self.session()

        async def cancel() -> None:
            task = asyncio.create_task(session.infer(self.images))
            while session.stats()["queued"] == 0:
                await asyncio.sleep(0)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task

        with busy(session, self.images):
            asyncio.run(cancel())
            stats = session.stats()
            self.assertEqual((stats["cancelled"], stats["queued"]), (1, 0))

    def test_a_deadline_passes_while_it_waits(self) -> None:
        session = self.session()
        with busy(session, self.images), self.assertRaises(midstream.DeadlineExceededError):
            asyncio.run(session.infer(self.images, timeout=0.01))

    def test_wait_for_gives_up(self) -> None:
        session = self.session()

        async def impatient() -> None:
            await asyncio.wait_for(session.infer(self.images), 0.01)

        with busy(session, self.images):
            with self.assertRaises(asyncio.TimeoutError):
                asyncio.run(impatient())
            self.assertEqual(session.stats()["cancelled"], 1)

    def test_the_loop_may_be_gone(self) -> None:
        session = self.session()

        async def leave() -> None:
            asyncio.get_running_loop().create_task(session.infer(self.images))
            await asyncio.sleep(0)

        with busy(session, self.images):
            asyncio.run(leave())
        self.assertEqual(session.run(self.images).version, 1)


if __name__ == "__main__":
    unittest.main()
