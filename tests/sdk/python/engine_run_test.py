"""Engine, Model and Session: what runs take, give and refuse."""

from __future__ import annotations

import gc
import threading
import unittest
import weakref

import midstream
import numpy as np
from engine_testing import CLASSES, IMAGES, LOGITS, EngineTest, checkpoint, run_script
from midstream import Code

try:
    import torch
except ImportError:
    torch = None


class Running(EngineTest):
    def test_specs(self) -> None:
        session = self.session()
        self.assertEqual(session.inputs, [midstream.TensorSpec(IMAGES, "float32", (-1, 784))])
        self.assertEqual(session.outputs, [midstream.TensorSpec(LOGITS, "float32", (-1, 10))])
        self.assertIn(
            midstream.TensorSpec("conv1/Variable", "float32", (5, 5, 1, 8)), self.model.weights
        )

    def test_answers_are_those_of_tensorflow(self) -> None:
        self.assertEqual(self.model.update_from(checkpoint(4000)), 2)
        result = self.session().run({IMAGES: self.images})
        self.assertEqual(result.version, 2)
        expected = self.logits(4000)
        got = result[LOGITS][: len(expected)]
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)

    def test_ways_to_give_inputs(self) -> None:
        session = self.session()
        expected = session.run({IMAGES: self.images})[LOGITS]
        for given in (
            session.run({IMAGES + ":0": self.images}),
            session.run(Placeholder=self.images),
            session.run(self.images),
            session.run(self.images.tolist()),
            session.run(memoryview(self.images)),
        ):
            np.testing.assert_array_equal(given[LOGITS], expected)

    def test_layouts_that_are_copied(self) -> None:
        session = self.session()
        expected = session.run(self.images)[LOGITS]
        columns = np.asfortranarray(self.images)
        twice = np.repeat(self.images, 2, axis=0)[::2]
        self.assertFalse(columns.flags.c_contiguous or twice.flags.c_contiguous)
        np.testing.assert_array_equal(session.run(columns)[LOGITS], expected)
        np.testing.assert_array_equal(session.run(twice)[LOGITS], expected)
        np.testing.assert_array_equal(session.run(self.images[::-1])[LOGITS], expected[::-1])

    def test_what_a_result_is(self) -> None:
        result = self.session(CLASSES).run(self.images)
        self.assertEqual(list(result), [CLASSES])
        self.assertEqual(result[CLASSES].dtype, np.int64)
        self.assertIs(result[CLASSES + ":0"], result[CLASSES])
        with self.assertRaisesRegex(KeyError, "no output 'other'; there are accuracy/ArgMax"):
            result["other"]
        self.assertIn("version=1", repr(result))

    def test_results_outlive_everything(self) -> None:
        session = self.session()
        expected = session.run(self.images)[LOGITS].copy()
        array = session.run(self.images)[LOGITS]
        session.close()
        self.engine.close()
        del session, self.model
        gc.collect()
        np.testing.assert_array_equal(array, expected)
        array[:] = 7  # nobody else's
        self.assertEqual(array.sum(), 7 * array.size)

    def test_results_are_not_copied(self) -> None:
        array = self.session().run(self.images)[LOGITS]
        self.assertFalse(array.flags.owndata)
        self.assertTrue(array.flags.writeable)
        self.assertEqual(memoryview(array.base).nbytes, array.nbytes)

    def test_out(self) -> None:
        session = self.session()
        expected = session.run(self.images)[LOGITS]
        out = np.full_like(expected, 7)
        self.assertIs(session.run(self.images, out={LOGITS + ":0": out})[LOGITS], out)
        np.testing.assert_array_equal(out, expected)
        for wrong, reason in [
            (out[:1], r"out 'fc2/add' is float32\[1, 10\], the output is float32\[297, 10\]"),
            (out.astype(np.float64), "is float64"),
            (out.tolist(), "no array that can be written to"),
        ]:
            with self.assertRaisesRegex(midstream.InvalidArgumentError, reason):
                session.run(self.images, out={LOGITS: wrong})

    def test_bound_placeholders(self) -> None:
        outputs = ["fc2/add"]
        value = np.array(1.0, np.float32)
        session = self.model.session([IMAGES], outputs, bound={"dropout/Placeholder": value})
        value[...] = 0.5  # it was copied
        self.assertEqual([spec.name for spec in session.inputs], [IMAGES])
        np.testing.assert_array_equal(
            session.run(self.images)[LOGITS], self.session().run(self.images)[LOGITS]
        )

    def test_many_threads(self) -> None:
        session = self.session()
        expected = session.run(self.images[:8])[LOGITS]
        wrong: list[object] = []

        def work() -> None:
            for _ in range(50):
                if not np.array_equal(session.run(self.images[:8])[LOGITS], expected):
                    wrong.append(1)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        self.assertEqual(session.stats()["completed"], 401)

    def test_the_lock_is_free_while_the_engine_works(self) -> None:
        session = self.session()
        many = np.repeat(self.images, 20, axis=0)
        counted = 0
        thread = threading.Thread(target=session.run, args=(many,))
        thread.start()
        while thread.is_alive():
            counted += 1
        self.assertGreater(counted, 100)


class Dlpack(EngineTest):
    class Holder:
        """An array that can only be had by DLPack."""

        def __init__(self, array: np.ndarray, device: tuple[int, int] = (1, 0)) -> None:
            self.array = array
            self.device = device

        def __dlpack__(self) -> object:
            return self.array.__dlpack__()

        def __dlpack_device__(self) -> tuple[int, int]:
            return self.device

    def test_on_the_host(self) -> None:
        session = self.session()
        expected = session.run(self.images)[LOGITS]
        for array in (self.images, np.asfortranarray(self.images)):
            result = session.run(self.Holder(array))
            np.testing.assert_array_equal(result[LOGITS], expected)

    def test_on_a_device(self) -> None:
        with self.assertRaisesRegex(midstream.InvalidArgumentError, "'Placeholder' is on a device"):
            self.session().run(self.Holder(self.images, (2, 0)))

    def test_memory_is_let_go(self) -> None:
        array = self.images.copy()
        holder = weakref.ref(array)
        session = self.session()
        session.run(self.Holder(array))
        session.run(array)
        session.submit(array).result()
        del array
        gc.collect()
        session.close()  # waits for callbacks
        self.assertIsNone(holder())

    @unittest.skipUnless(torch, "needs torch")
    def test_torch(self) -> None:
        session = self.session()
        images = torch.from_numpy(self.images)
        expected = session.run(self.images)[LOGITS]
        np.testing.assert_array_equal(session.run(images)[LOGITS], expected)
        recorded = images.clone().requires_grad_()
        np.testing.assert_array_equal(session.run(recorded)[LOGITS], expected)
        turned = images.T.contiguous().T
        np.testing.assert_array_equal(session.run(turned)[LOGITS], expected)
        self.assertEqual(torch.from_numpy(session.run(images)[LOGITS]).shape, (297, 10))


class Refusals(EngineTest):
    def refused(self, kind: type[Exception], pattern: str, call: object) -> midstream.Error:
        with self.assertRaisesRegex(kind, pattern) as caught:
            call()
        self.assertIsInstance(caught.exception, midstream.Error)
        return caught.exception

    def test_inputs(self) -> None:
        run = self.session().run
        x = self.images
        error = self.refused(ValueError, "float32.*got float64", lambda: run(x.astype(np.float64)))
        self.assertEqual(error.code, Code.INVALID_ARGUMENT)
        self.refused(ValueError, r"got float32\[297\]", lambda: run(x[:, 0]))
        self.refused(ValueError, "no such input.*\n.*not given", lambda: run(other=x))
        self.refused(ValueError, "not given", lambda: run())
        self.refused(ValueError, "big|format '>f'", lambda: run(x.astype(">f4")))
        self.refused(ValueError, "format|dtype", lambda: run(np.array(["a"])))
        self.refused(ValueError, "'Placeholder': 'a' is no float32", lambda: run([["a"]]))
        self.refused(ValueError, "'Placeholder' is no array", lambda: run([[1.0], [1.0, 2.0]]))
        self.refused(ValueError, "format 'O'", lambda: run(np.array([None])))
        self.refused(ValueError, "beside named ones", lambda: run(x, Placeholder=x))
        self.refused(ValueError, "NUL", lambda: run({"a\0b": x}))
        masked = np.ma.masked_array(x, x > 0)
        self.refused(ValueError, "'Placeholder' is a masked array", lambda: run(masked))
        self.refused(ValueError, "'a' is a masked", lambda: self.model.session(bound={"a": masked}))
        with self.assertRaises(TypeError):
            run({3: x})

    def test_an_array_without_a_name_for_several_inputs(self) -> None:
        session = self.model.session(outputs=["fc2/add", "dropout/sub"])
        self.refused(ValueError, "the inputs are: Placeholder, dropout", lambda: session.run(3.0))

    def test_files_tensors_and_configurations(self) -> None:
        self.refused(KeyError, "nowhere", lambda: self.engine.load("nowhere"))
        error = self.refused(KeyError, "nowhere.toml", lambda: midstream.Engine("nowhere.toml"))
        self.assertEqual((error.code, str(error)[:1] == "'"), (Code.NOT_FOUND, False))
        self.refused(ValueError, "unknown.key", lambda: midstream.Engine(set=["unknown.key=1"]))
        self.refused(KeyError, "no_such", lambda: self.model.session(outputs=["no_such"]))
        self.refused(
            KeyError, "no_such", lambda: self.model.session([IMAGES], bound={"no_such": 1.0})
        )
        self.refused(KeyError, "no_such", lambda: self.model.read("no_such"))

    def test_what_is_closed(self) -> None:
        session = self.session()
        other = self.session()
        session.close()
        session.close()
        error = self.refused(RuntimeError, "session is closed", lambda: session.run(self.images))
        self.assertEqual(error.code, Code.FAILED_PRECONDITION)
        update, pin = self.model.update(), self.model.pin()
        self.model.unload()
        self.model.unload()
        self.refused(RuntimeError, "its model is unloaded", lambda: other.run(self.images))
        self.refused(RuntimeError, "its model is unloaded", lambda: update.assign("a", self.images))
        self.refused(RuntimeError, "its model is unloaded", update.commit)
        update.discard()
        model = self.model
        for call in (
            self.session,
            model.pin,
            model.update,
            model.stats,
            model.versions,
            model.digest,
            lambda: model.version,
            lambda: model.weights,
            lambda: model.read("conv1/Variable"),
            lambda: model.rollback(1),
            lambda: model.update_from(checkpoint(0)),
            lambda: midstream.pin_together([model]),
        ):
            self.refused(RuntimeError, "^the model is unloaded$", call)
        self.assertEqual(pin.version, 1)
        self.refused(RuntimeError, "0 models loaded", self.engine.update)
        self.engine.close()
        self.refused(RuntimeError, "engine is closed", lambda: self.engine.load(checkpoint(0)))

    def test_every_code_has_its_exception(self) -> None:
        from midstream.errors import make_error

        for code in Code:
            error = make_error(int(code), "text")
            self.assertEqual((error.code, str(error)), (code, "text"))
        self.assertIsInstance(make_error(999, "text"), midstream.UnknownError)

    def test_module(self) -> None:
        self.assertEqual(midstream.__version__.count("."), 2)
        for name in midstream.__all__:
            self.assertTrue(hasattr(midstream, name), name)
        with self.assertRaises(AttributeError):
            midstream.nothing  # noqa: B018
        self.assertGreater(midstream.process_stats()["compiles"], -1)


class Ending(unittest.TestCase):
    def test_python_may_end_with_requests_under_way(self) -> None:
        for body in (
            "kept = [session.submit(x) for _ in range(100)]",
            "[session.submit(x) for _ in range(100)]\ndel session, model, engine",
            "import sys; [session.submit(x) for _ in range(100)]; sys.exit(0)",
            "u = model.update(); u.adopt('conv1/Variable', x[:1, :200].reshape(5, 5, 1, 8))\n"
            "u.commit()",
        ):
            with self.subTest(body=body):
                self.assertEqual(run_script(body), (0, "", ""))

    def test_python_may_end_with_threads_in_calls(self) -> None:
        for call in (
            "session.run(x)",
            "session.run(x.tolist())",
            "session.submit(x).result()",
            "session.stats()",
            "model.read('conv1/Variable')",
            "model.pin()",
            "midstream.process_stats()",
            "model.update_from(model.path)",
            "model.session()",
            "engine.load(model.path)",
        ):
            body = (
                "import threading, time\n"
                "def work():\n"
                "    while True:\n"
                f"        {call}\n"
                "for _ in range(4):\n"
                "    threading.Thread(target=work, daemon=True).start()\n"
                "time.sleep(0.2)\n"
            )
            with self.subTest(call=call):
                self.assertEqual(run_script(body), (0, "", ""))

    def test_python_may_end_with_a_thread_in_a_conversion(self) -> None:
        body = (
            "import threading, time\n"
            "class Slow:\n"
            "    def detach(self):\n"
            "        for _ in range(100): time.sleep(0.001)\n"
            "        return x\n"
            "def work():\n"
            "    while True:\n"
            "        session.run(Slow())\n"
            "threading.Thread(target=work, daemon=True).start()\n"
            "time.sleep(0.2)\n"
        )
        self.assertEqual(run_script(body), (0, "", ""))

    def test_messages_go_to_logging(self) -> None:
        body = (
            "import logging; logging.basicConfig(level=1, format='%(name)s %(levelname)s')\n"
            "import midstream._engine as e; import midstream.engine\n"
            "e.set_log(midstream.engine._tell, 0)\n"
            "model.update_from(model.path); session.run(x)\n"
            "midstream.Engine().load(model.path).session()\n"
        )
        code, out, err = run_script(body)
        self.assertEqual((code, out), (0, ""))
        self.assertEqual({line.split()[0] for line in err.splitlines()} - {"midstream"}, set())


if __name__ == "__main__":
    unittest.main()
