"""Runs and holds that end with their block, against a real daemon and one that loses answers. Each test runs
both clients: the asyncio one through `Blocking`.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import pathlib
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from fake import PATIENCE, FakeServer, Frame, Handler, Peer, Request, wait_until_async

from tallystick import AsyncClient, Client, _wire, errors
from tallystick._generated.v1.errors_pb2 import ErrorInfo
from tallystick.messages import (
    HOLD_STATE_CAPTURED,
    HOLD_STATE_RELEASED,
    RUN_STATUS_CANCELLED,
    RUN_STATUS_FAILED,
    RUN_STATUS_RUNNING,
    RUN_STATUS_SUCCEEDED,
    UNIT_CLASS_CACHE_READ,
    BeginRunResponse,
    FinishRunRequest,
    FinishRunResponse,
    ReleaseRequest,
    ReserveRequest,
    ReserveResponse,
    Run,
    UnitCount,
)
from tallystick.messages import Hold as HeldCredit
from tallystick.testing import Server

Serve = Callable[[Handler], FakeServer]


class Blocking:
    """An `AsyncClient`'s runs and holds, driven from outside of the loop."""

    def __init__(self, socket: str, retry_seconds: float = PATIENCE, timeout: float = PATIENCE) -> None:
        self._client = AsyncClient(socket, timeout=timeout, retry_seconds=retry_seconds)
        self._loop = asyncio.new_event_loop()

    def run(self, *arguments: Any, **named: Any) -> Any:
        return self._block(self._client.run(*arguments, **named))

    def hold(self, *arguments: Any, **named: Any) -> Any:
        return self._block(self._client.hold(*arguments, **named))

    @contextlib.contextmanager
    def _block(self, block: Any) -> Iterator[Any]:
        drive = self._loop.run_until_complete

        class Driven:
            def __getattr__(self, name: str) -> Any:
                found = getattr(block, name)
                return (lambda *a, **n: drive(found(*a, **n))) if callable(found) else found

        drive(block.__aenter__())
        try:
            yield Driven()
        except BaseException as error:
            drive(block.__aexit__(type(error), error, None))
            raise
        drive(block.__aexit__(None, None, None))

    def close(self) -> None:
        self._loop.run_until_complete(self._client.aclose())
        self._loop.close()


Both = Any


@pytest.fixture(params=["threads", "asyncio"])
def blocks(request: pytest.FixtureRequest, tally: Client, tally_server: Server) -> Iterator[Both]:
    tally.credits.add_purchase(user_id="u", payment_id="p", amount_micros=Decimal(1))
    if request.param == "threads":
        yield tally
    else:
        blocking = Blocking(tally_server.socket)
        yield blocking
        blocking.close()


def balance(tally: Client) -> tuple[int, int]:
    found = tally.credits.get_balance(user_id="u").balance
    return found.posted_micros, found.held_micros


def state(tally: Client, run_id: str) -> Run:
    return tally.usage.get_run(run_id=run_id).run


def test_a_finished_run_is_charged(blocks: Both, tally: Client) -> None:
    with blocks.run("u", "gpt-x", Decimal("0.40")) as run:
        assert uuid.UUID(run.run_id).version == 7
        assert run.begun.hold.amount_micros == 400_000
        assert state(tally, run.run_id).status == RUN_STATUS_RUNNING
        done = run.finish(input_tokens=10, output_tokens=5, cost_micros=Decimal("0.25"))
        assert done.run.charged_micros == 250_000
        again = run.finish(input_tokens=10, output_tokens=5, cost_micros=Decimal("0.25"))
        assert again.replayed
    assert state(tally, run.run_id).status == RUN_STATUS_SUCCEEDED
    assert balance(tally) == (750_000, 0)


def test_a_run_names_its_spender_and_what_it_used(blocks: Both, tally: Client) -> None:
    cached = UnitCount(unit_class=UNIT_CLASS_CACHE_READ, count=30)
    with blocks.run("u", "m", spender="ann", tags={"feature": "chat"}) as run:
        run.finish(
            prompt_tokens=100,
            completion_tokens=7,
            units=[cached],
            cost_micros=0,
            provider_cost_micros=Decimal("0.000002"),
        )
    done = state(tally, run.run_id)
    assert (done.spender, dict(done.tags)) == ("ann", {"feature": "chat"})
    assert (done.input_tokens, done.output_tokens, done.provider_cost_micros) == (70, 7, 2)
    assert done.units[-1] == cached


def test_a_run_left_by_an_exception_has_failed_and_costs_nothing(blocks: Both, tally: Client) -> None:
    with pytest.raises(KeyError, match="the model is gone"), blocks.run("u", "gpt-x", 400_000) as run:
        raise KeyError("the model is gone" + "\0" + "é" * 1000)
    ended = state(tally, run.run_id)
    assert ended.status == RUN_STATUS_FAILED
    assert ended.error.startswith("KeyError: 'the model is gone")
    assert len(ended.error.encode()) in (1023, 1024)
    assert balance(tally) == (1_000_000, 0)


@pytest.mark.parametrize("error", [None, KeyboardInterrupt(), asyncio.CancelledError()])
def test_a_run_left_otherwise_is_cancelled(blocks: Both, tally: Client, error: BaseException | None) -> None:
    with contextlib.suppress(type(error) if error else KeyError), blocks.run("u", "gpt-x", 400_000) as run:
        if error is not None:
            raise error
    assert state(tally, run.run_id).status == RUN_STATUS_CANCELLED
    assert balance(tally) == (1_000_000, 0)


def test_a_refused_finish_ends_the_run_as_failed(blocks: Both, tally: Client) -> None:
    with pytest.raises(errors.TallyError) as caught, blocks.run("u", "gpt-x", 400_000) as run:
        run.finish(input_tokens=-1)
    assert caught.value.code == errors.Code.INVALID_ARGUMENT
    assert state(tally, run.run_id).status == RUN_STATUS_FAILED
    assert balance(tally) == (1_000_000, 0)


def test_a_run_that_is_not_begun_is_not_ended(blocks: Both, tally: Client) -> None:
    with pytest.raises(errors.InsufficientCredits), blocks.run("u", "gpt-x", Decimal(2), run_id="r"):
        raise AssertionError("inside")
    with pytest.raises(errors.RunNotFound):
        state(tally, "r")


def test_a_job_that_is_done_again_is_charged_once(blocks: Both, tally: Client) -> None:
    for _ in range(2):
        with blocks.run("u", "gpt-x", 400_000, run_id="job-1") as run:
            run.finish(cost_micros=100_000)
    # Nor is a run that has succeeded made to fail by what comes after.
    with pytest.raises(KeyError), blocks.run("u", "gpt-x", 400_000, run_id="job-1") as run:
        raise KeyError
    assert run.begun.replayed
    assert state(tally, "job-1").status == RUN_STATUS_SUCCEEDED
    assert balance(tally) == (900_000, 0)


def test_a_run_that_somebody_else_ended_is_left_alone(blocks: Both, tally: Client) -> None:
    with blocks.run("u", "gpt-x", 400_000) as run:
        tally.usage.finish_run(run_id=run.run_id, status=RUN_STATUS_SUCCEEDED, cost_micros=1)
    assert balance(tally) == (999_999, 0)


def test_a_captured_hold_is_charged_and_the_rest_is_free(blocks: Both, tally: Client) -> None:
    with blocks.hold("u", Decimal("0.40"), 60_000, description="a page") as hold:
        assert balance(tally) == (1_000_000, 400_000)
        hold.extend(120_000)
        assert hold.capture(250_000).hold.state == HOLD_STATE_CAPTURED
        assert hold.capture(250_000).replayed
    assert balance(tally) == (750_000, 0)


@pytest.mark.parametrize("fails", [False, True])
def test_a_hold_that_is_not_captured_is_released(blocks: Both, tally: Client, fails: bool) -> None:
    with contextlib.suppress(KeyError), blocks.hold("u", 400_000) as hold:
        if fails:
            raise KeyError
    assert balance(tally) == (1_000_000, 0)
    with pytest.raises(errors.HoldSettled):
        tally.credits.release(hold_id=hold.hold_id)


def test_a_refused_capture_releases_the_hold(blocks: Both, tally: Client) -> None:
    with pytest.raises(errors.CaptureExceedsHold), blocks.hold("u", 400_000) as hold:
        hold.capture(400_001)
    assert balance(tally) == (1_000_000, 0)


def test_a_released_or_expired_hold_is_left_alone(blocks: Both, tally: Client, tally_clock: Any) -> None:
    with blocks.hold("u", 400_000) as hold:
        assert hold.release().hold.state == HOLD_STATE_RELEASED
    with blocks.hold("u", 400_000, 1_000):
        tally_clock.advance(seconds=2)
    assert balance(tally) == (1_000_000, 0)


def test_a_job_that_is_done_again_captures_once(blocks: Both, tally: Client) -> None:
    for _ in range(2):
        with blocks.hold("u", 400_000, idempotency_key="job-1") as hold:
            hold.capture(100_000)
    assert balance(tally) == (900_000, 0)


def test_floats_are_no_amounts(blocks: Both) -> None:
    with pytest.raises(TypeError, match="float"):
        blocks.run("u", "gpt-x", 0.25)
    with pytest.raises(TypeError, match="float"):
        blocks.hold("u", 0.25)


def test_what_could_not_be_sent_leaves_nothing_held(blocks: Both, tally: Client) -> None:
    with pytest.raises(TypeError, match="float"), blocks.run("u", "gpt-x", 400_000) as run:
        run.finish(cost_micros=0.25)
    assert state(tally, run.run_id).status == RUN_STATUS_FAILED
    with pytest.raises(ValueError, match="NOPE"), blocks.run("u", "gpt-x", 400_000) as run:
        run.finish(status="NOPE")
    assert state(tally, run.run_id).status == RUN_STATUS_FAILED
    with pytest.raises(TypeError, match="float"), blocks.hold("u", 400_000) as hold:
        hold.capture(0.25)
    assert balance(tally) == (1_000_000, 0)


def test_what_a_block_did_is_asked_for_inside_of_it(blocks: Both, tally: Client) -> None:
    with pytest.raises(RuntimeError, match="block"):
        tally.run("u", "gpt-x").begun  # noqa: B018
    with pytest.raises(RuntimeError, match="block"):
        tally.hold("u", 1).hold_id  # noqa: B018


class Losing:
    """Answers to begin a run, and loses the connection with the answers to finish it, `lost` times."""

    def __init__(self, lost: int) -> None:
        self.lost = lost
        self.finished: list[FinishRunRequest] = []

    def __call__(self, peer: Peer, frame: Frame) -> None:
        request = Request(frame)
        if request.method == "BeginRun":
            response = BeginRunResponse(run=Run(status=RUN_STATUS_RUNNING))
            peer.respond(frame.stream_id, response.SerializeToString())
            return
        self.finished.append(FinishRunRequest.FromString(request.payload))
        if len(self.finished) <= self.lost:
            peer.hang_up()
        else:
            peer.respond(frame.stream_id, FinishRunResponse().SerializeToString())


@pytest.fixture(params=["threads", "asyncio"])
def losing(
    request: pytest.FixtureRequest, serve: Serve, socket_path: pathlib.Path
) -> Iterator[tuple[Both, Losing]]:
    handler = Losing(1)
    serve(handler)
    kinds = {"threads": Client, "asyncio": Blocking}
    client = kinds[request.param](str(socket_path), timeout=PATIENCE, retry_seconds=0)
    yield client, handler
    client.close()


def test_a_finish_whose_answer_was_lost_is_asked_again(losing: tuple[Both, Losing]) -> None:
    client, handler = losing
    with pytest.raises(errors.ConnectionLost), client.run("u", "gpt-x") as run:
        run.finish(cost_micros=5)
    assert handler.finished == [handler.finished[0]] * 2
    assert handler.finished[0].cost_micros == 5


def test_what_fails_at_the_end_hides_no_exception(
    losing: tuple[Both, Losing], caplog: pytest.LogCaptureFixture
) -> None:
    client, handler = losing
    with pytest.raises(KeyError), client.run("u", "gpt-x") as run:
        raise KeyError("mine")
    assert run.run_id in caplog.text
    handler.lost = 2
    with pytest.raises(errors.ConnectionLost), client.run("u", "gpt-x"):
        pass


@pytest.mark.parametrize("kind", [Client, Blocking])
@pytest.mark.parametrize("was_held", [True, False])
def test_a_hold_whose_answer_was_lost_is_found_and_given_back(
    serve: Serve, socket_path: pathlib.Path, caplog: pytest.LogCaptureFixture, kind: Any, was_held: bool
) -> None:
    asked: list[ReserveRequest] = []
    released: list[str] = []

    def lose_one(peer: Peer, frame: Frame) -> None:
        request = Request(frame)
        if request.method == "Release":
            released.append(ReleaseRequest.FromString(request.payload).hold_id)
            peer.respond(frame.stream_id)
            return
        asked.append(ReserveRequest.FromString(request.payload))
        if len(asked) == 1:
            peer.hang_up()
        elif was_held:
            held = ReserveResponse(hold=HeldCredit(hold_id="h"))
            peer.respond(frame.stream_id, held.SerializeToString())
        else:
            info = ErrorInfo(reason="INSUFFICIENT_CREDITS").SerializeToString()
            detail = _wire._field(1, errors.ERROR_INFO.encode()) + _wire._field(2, info)
            peer.respond(frame.stream_id, status=b"\x08\x09" + _wire._field(3, detail))

    serve(lose_one)
    client = kind(str(socket_path), timeout=PATIENCE, retry_seconds=0)
    with pytest.raises(errors.ConnectionLost), client.hold("u", 5):
        raise AssertionError("it was not begun")
    client.close()
    assert asked == [asked[0]] * 2
    assert released == (["h"] if was_held else [])
    assert caplog.text == ""


def test_a_cancelled_task_ends_its_run(serve: Serve, tally: Client, tally_server: Server) -> None:
    tally.credits.add_purchase(user_id="u", payment_id="p", amount_micros=Decimal(1))

    async def main() -> None:
        async with AsyncClient(tally_server.socket, timeout=PATIENCE) as client:
            began = asyncio.Event()

            async def work() -> None:
                async with client.run("u", "gpt-x", 400_000, run_id="r"):
                    began.set()
                    await asyncio.Event().wait()

            task = asyncio.create_task(work())
            await began.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert state(tally, "r").status == RUN_STATUS_CANCELLED
    assert balance(tally) == (1_000_000, 0)


def test_a_task_that_is_cancelled_twice_ends_its_run_all_the_same(
    serve: Serve, socket_path: pathlib.Path
) -> None:
    methods: list[str] = []
    held: list[tuple[Peer, Frame]] = []

    def hold_the_finish(peer: Peer, frame: Frame) -> None:
        methods.append(Request(frame).method)
        if methods[-1] == "BeginRun":
            peer.respond(frame.stream_id, BeginRunResponse().SerializeToString())
        else:
            held.append((peer, frame))

    serve(hold_the_finish)

    async def main() -> None:
        async with AsyncClient(socket_path, timeout=PATIENCE, retry_seconds=PATIENCE) as client:

            async def work() -> None:
                async with client.run("u", "gpt-x"):
                    await asyncio.Event().wait()

            def has_come(method: str) -> bool:
                return methods[-1:] == [method]

            task = asyncio.create_task(work())
            for method in ("BeginRun", "FinishRun"):
                await wait_until_async(functools.partial(has_come, method))
                await asyncio.sleep(0)
                task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            # In the same order as a Cancel, if there had been one.
            peer, frame = held[0]
            peer.respond(frame.stream_id)
            probe = asyncio.create_task(client.usage.list_plans())
            await wait_until_async(lambda: len(held) == 2)
            peer.respond(held[1][1].stream_id)
            await probe

    asyncio.run(main())
    assert methods == ["BeginRun", "FinishRun", "ListPlans"]


def test_a_run_whose_beginning_was_cancelled_is_ended(serve: Serve, socket_path: pathlib.Path) -> None:
    began: list[Frame] = []
    finished: list[FinishRunRequest] = []

    def hold_back(peer: Peer, frame: Frame) -> None:
        request = Request(frame)
        if request.method == "BeginRun":
            began.append(frame)
        elif request.method == "FinishRun":
            finished.append(FinishRunRequest.FromString(request.payload))
            peer.respond(frame.stream_id)

    server: FakeServer = serve(hold_back)

    async def main() -> None:
        async with AsyncClient(socket_path, timeout=PATIENCE, retry_seconds=PATIENCE) as client:

            async def work() -> None:
                async with client.run("u", "gpt-x", run_id="r"):
                    raise AssertionError("inside")

            task = asyncio.create_task(work())
            await wait_until_async(lambda: began)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert [(done.run_id, done.status) for done in finished] == [("r", RUN_STATUS_CANCELLED)]
    assert server.connections == 1
