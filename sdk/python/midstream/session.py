"""Session: a model compiled for some inputs and outputs. Result: what one run gave."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _engine
from ._closing import Closing
from .errors import InvalidArgumentError
from .pin import Pin
from .tensors import TensorSpec, arrays, both_names, converter, named_inputs, plain

if TYPE_CHECKING:
    from .model import Model

_FOREVER = 2**64 - 1  # nanoseconds
_LONGEST = 1e9  # seconds; more is for ever
_OPTIONS = frozenset({"timeout", "priority", "caller", "version"})


class Result(Mapping[str, np.ndarray]):
    """The outputs of one run by name, with or without ":0": numpy arrays over the engine's memory.

    They are yours to keep and to write to, and outlive the session. version: of the weights that
    made all of them.
    """

    def __init__(self, specs: list[TensorSpec], answer: _engine.Answer) -> None:
        self.version: int = answer[0]
        self._arrays = arrays(specs, answer[1])

    def __getitem__(self, name: str) -> np.ndarray:
        found = self._arrays.get(name)
        if found is None:
            found = next((a for n, a in self._arrays.items() if plain(n) == plain(name)), None)
        if found is None:
            raise KeyError(f"no output '{name}'; there are {', '.join(self._arrays)}")
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        outputs = ", ".join(f"{n}: {a.dtype}{list(a.shape)}" for n, a in self._arrays.items())
        return f"Result(version={self.version}, {outputs})"


class Response(concurrent.futures.Future[Result]):
    """A request under way: a concurrent.futures.Future of its Result.

    cancel() is true when the request had not begun to execute. Callbacks run on the thread that
    completes the request, which is one of the engine's: they must not wait for other requests.
    When its own timeout passes while the session has no free worker, it is done as soon as one is,
    or somebody asks for result() or exception().
    """

    _request: Any = None
    _deadline: float | None = None

    def cancel(self) -> bool:
        """Whether the request waited; it is done then. One that executes runs to its end."""
        _engine.check_process()
        request = self._request
        if request is not None:
            _engine.request_cancel(request)
        return self.cancelled()

    def result(self, timeout: float | None = None) -> Result:
        """Waits, at most `timeout` seconds (TimeoutError; the request goes on)."""
        timeout = self._wait_past_deadline(timeout)
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Waits in the same way; the error of the request, or None."""
        timeout = self._wait_past_deadline(timeout)
        return super().exception(timeout)

    def _wait_past_deadline(self, timeout: float | None) -> float | None:
        """A request that waits in a queue expires when somebody looks at it. Returns how long is
        to be waited for it, None: for ever."""
        _engine.check_process()  # in a forked one nobody ever completes it
        if timeout is not None and timeout > _LONGEST:
            timeout = None
        if self._deadline is None or self.done():
            return timeout
        left = max(0.0, self._deadline - time.monotonic())
        if timeout is not None and timeout < left:
            return timeout
        try:
            super().exception(left)
        except (concurrent.futures.TimeoutError, concurrent.futures.CancelledError):
            _expire(self._request)
        return timeout if timeout is None else timeout - left

    def _under_way(self, request: Any, timeout: float | None) -> None:
        """What submitting it gave. It may be done already."""
        if timeout is not None:
            self._deadline = time.monotonic() + timeout
        self._request = request
        if self.done():
            self._request = None

    def _complete(self, result: Result | None, error: BaseException | None) -> None:
        if isinstance(error, concurrent.futures.CancelledError):
            super().cancel()
            self.set_running_or_notify_cancel()
        elif error is not None:
            self.set_exception(error)
        elif result is not None:
            self.set_result(result)
        self._request = None  # it holds the session


def _expire(request: Any) -> None:
    if request is not None:
        _engine.request_wait(request, 1)


class Session(Closing):
    """Made by Model.session(). Any thread may call any method; the GIL is released while the engine
    works.

    inputs, outputs: TensorSpecs of what runs take and give. Inputs are given by name, as a mapping
    or as keywords, with or without ":0"; the only input also without a name. Their memory is used
    where it lies when it is contiguous (numpy, anything with the buffer protocol, DLPack on the
    host) and must not change until the answer is there.

    Errors of every run: InvalidArgumentError with every input that is missing, unknown or of
    another dtype or shape; FailedPreconditionError when the session is closed; those of
    docs/requests.md.
    """

    _called = "the session"

    def __init__(self, model: Model, handle: Any) -> None:
        self._model = model
        self._handle = handle
        inputs, outputs = _engine.session_specs(handle)
        self.inputs = [TensorSpec.of(spec) for spec in inputs]
        self.outputs = [TensorSpec.of(spec) for spec in outputs]
        dtypes = {plain(spec.name): spec.dtype for spec in self.inputs}
        self._convert = converter(lambda name: dtypes.get(plain(name)))
        self._bits = both_names(s.name for s in self.inputs if s.dtype == "bfloat16")

    @property
    def model(self) -> Model:
        """The model that it was made of."""
        return self._model

    def run(
        self,
        inputs: Mapping[str, Any] | Any | None = None,
        /,
        *,
        out: Mapping[str, np.ndarray] | None = None,
        **named: Any,
    ) -> Result:
        """One run with the weights that are current when it starts. out: arrays to copy outputs to;
        they stand in the result then. A KeyboardInterrupt waits until it is done. Errors: also
        InvalidArgumentError for an array in `out` of another dtype or shape; then nothing was
        copied."""
        if not _OPTIONS.isdisjoint(named):
            self._refuse_options(named)
        given = named_inputs(inputs, named, self.inputs)
        answer = _engine.session_run(self._open(), given, self._convert, self._bits)
        result = Result(self.outputs, answer)
        return result if out is None else _copied(result, out)

    def submit(
        self,
        inputs: Mapping[str, Any] | Any | None = None,
        /,
        *,
        timeout: float | None = None,
        priority: int = 0,
        caller: int = 0,
        version: Pin | None = None,
        **named: Any,
    ) -> Response:
        """Queues a request and returns at once. timeout: seconds until the execution must have
        begun; None or infinite: any number. priority: larger ones first. caller: requests of one
        number complete in order. version: a pinned one. Errors: also ResourceExhaustedError when
        the queue is full."""
        response = Response()

        def done(answer: _engine.Answer | None, error: BaseException | None) -> None:
            response._complete(None if answer is None else Result(self.outputs, answer), error)

        given = named_inputs(inputs, named, self.inputs)
        timeout = _limit(timeout)
        request = self._submit(given, done, timeout, priority, caller, version)
        response._under_way(request, timeout)
        return response

    async def infer(
        self,
        inputs: Mapping[str, Any] | Any | None = None,
        /,
        *,
        timeout: float | None = None,
        priority: int = 0,
        caller: int = 0,
        version: Pin | None = None,
        **named: Any,
    ) -> Result:
        """As submit, and waits without blocking the event loop. Cancelling the task cancels the
        request; one that executes then runs to its end unseen."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()

        def settle(answer: _engine.Answer | None, error: BaseException | None) -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            elif answer is not None:
                future.set_result(Result(self.outputs, answer))

        def done(answer: _engine.Answer | None, error: BaseException | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle, answer, error)

        given = named_inputs(inputs, named, self.inputs)
        timeout = _limit(timeout)
        request = self._submit(given, done, timeout, priority, caller, version)
        timer = None if timeout is None else loop.call_later(timeout, _expire, request)
        try:
            return await future
        except asyncio.CancelledError:
            _engine.request_cancel(request)
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def stats(self) -> dict[str, Any]:
        """Counts, and histograms of waiting, execution and latency (docs/requests.md)."""
        return dict(json.loads(_engine.session_stats(self._open())))

    def drain(self, timeout: float | None = None) -> None:
        """Refuses new requests and waits for those that there are, at most `timeout` seconds."""
        limit = _limit(timeout)
        _engine.session_drain(self._open(), _FOREVER if limit is None else int(limit * 1e9))

    def close(self) -> None:
        """Drains, then frees memory and program. Results stay. A KeyboardInterrupt waits until it
        is done. Errors: FailedPreconditionError in a callback of the session."""
        handle = self._handle
        if handle is not None:
            _engine.session_close(handle)
            self._handle = None

    def _refuse_options(self, named: Mapping[str, Any]) -> None:
        """What is said to a run with submit's options, unless they are inputs."""
        inputs = {plain(spec.name) for spec in self.inputs}
        for option in sorted(_OPTIONS.intersection(named) - inputs):
            raise InvalidArgumentError(
                f"run takes no {option}: it has no such input, and options are for submit and infer"
            )

    def _submit(
        self,
        given: dict[str, Any],
        done: Callable[[_engine.Answer | None, BaseException | None], None],
        timeout: float | None,
        priority: int,
        caller: int,
        version: Pin | None,
    ) -> Any:
        if not 0 <= caller < 2**64:
            raise InvalidArgumentError(f"caller is {caller}, expected 0 to 2**64 - 1")
        if not -(2**31) <= priority < 2**31:
            raise InvalidArgumentError(f"priority is {priority}, expected 32 bits")
        pin = Pin._handle_of(version)
        wait = 0 if timeout is None else max(1, int(timeout * 1e9))
        return _engine.session_submit(
            self._open(), given, self._convert, self._bits, wait, caller, priority, pin, done
        )


def _limit(seconds: float | None) -> float | None:
    """A timeout, None for one that never passes. Errors: InvalidArgumentError for what is none."""
    if seconds is None:
        return None
    if not seconds >= 0:
        raise InvalidArgumentError(f"a timeout of {seconds} seconds, expected 0 or more")
    return None if seconds > _LONGEST else seconds


def _copied(result: Result, out: Mapping[str, np.ndarray]) -> Result:
    for name, array in out.items():
        made = result[name]
        if not isinstance(array, np.ndarray) or not array.flags.writeable:
            raise InvalidArgumentError(f"out '{name}' is no array that can be written to")
        if array.dtype != made.dtype or array.shape != made.shape:
            raise InvalidArgumentError(
                f"out '{name}' is {array.dtype}{list(array.shape)}, the output is "
                f"{made.dtype}{list(made.shape)}"
            )
    for name, array in out.items():
        key = next(n for n in result if plain(n) == plain(name))
        np.copyto(array, result[name])
        result._arrays[key] = array
    return result
