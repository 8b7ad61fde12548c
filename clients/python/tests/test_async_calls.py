"""The asyncio client's own: pipelining, cancellation, loops, limits, against a server that does as the test
says.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import pathlib
import socket
import threading
from collections.abc import Awaitable, Callable

import pytest
from fake import GROWING_DEADLINES, PATIENCE, SOON, FakeServer, Frame, Handler, Peer, Request, echo

from tallystick import AsyncClient, _async_connection, errors
from tallystick._generated.testing.v1.conformance_pb2 import EchoRequest
from tallystick._rules import LONGEST_UNSENT_BYTES
from tallystick.messages import ConsumeRequest, ConsumeResponse, VerifyResponse
from tallystick.testing import AsyncConformance, AsyncTestControl

Serve = Callable[[Handler], FakeServer]


def connect(path: pathlib.Path) -> AsyncClient:
    return AsyncClient(path, timeout=PATIENCE, retry_seconds=PATIENCE)


def test_calls_of_many_tasks_share_one_connection(serve: Serve, socket_path: pathlib.Path) -> None:
    server = serve(echo)

    async def main() -> list[int]:
        async with connect(socket_path) as client:
            conformance = AsyncConformance(client.caller)
            replies = await asyncio.gather(*(conformance.echo(number=n) for n in range(500)))
            return [reply.number for reply in replies]

    assert asyncio.run(main()) == list(range(500))
    assert server.connections == 1
    assert len({frame.stream_id for frame in server.frames}) == 500


def test_answers_may_come_in_any_order(serve: Serve, socket_path: pathlib.Path) -> None:
    held: list[Frame] = []

    def backwards(peer: Peer, frame: Frame) -> None:
        held.append(frame)
        if len(held) == 3:
            for waiting in reversed(held):
                echo(peer, waiting)

    serve(backwards)

    async def main() -> list[int]:
        async with connect(socket_path) as client:
            conformance = AsyncConformance(client.caller)
            replies = await asyncio.gather(*(conformance.echo(number=n) for n in range(3)))
            return [reply.number for reply in replies]

    assert asyncio.run(main()) == [0, 1, 2]


def test_a_call_carries_its_deadline_its_metadata_and_a_token(
    serve: Serve, socket_path: pathlib.Path
) -> None:
    server = serve(echo)

    async def main() -> None:
        async with connect(socket_path) as client:
            acting = client.with_metadata({"X-Trace": "1"}).acting_as("u1")
            for _ in range(2):
                await AsyncConformance(acting.caller).echo(text="hi", timeout=PATIENCE)

    asyncio.run(main())
    first, second = (Request(frame) for frame in server.frames)
    assert 0 < first.timeout_nanos <= PATIENCE * 10**9
    assert first.metadata[:2] == [("x-trace", "1"), ("tally-acting-user", "u1")]
    [(key, token)], [(_, other)] = first.metadata[2:], second.metadata[2:]
    assert key == "tally-cancel-token"
    assert token != other


def test_a_cancelled_task_cancels_its_call(serve: Serve, socket_path: pathlib.Path) -> None:
    began, cancelled = threading.Event(), threading.Event()

    def listen(peer: Peer, frame: Frame) -> None:
        method = Request(frame).method
        if method == "Cancel":
            cancelled.set()
        elif method == "Sleep":
            began.set()
        else:
            echo(peer, frame)

    server = serve(listen)

    async def main() -> None:
        async with connect(socket_path) as client:
            conformance = AsyncConformance(client.caller)
            call = asyncio.create_task(conformance.sleep(millis=1))
            await asyncio.to_thread(began.wait, PATIENCE)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert await asyncio.to_thread(cancelled.wait, PATIENCE)
            # The connection goes on.
            assert (await conformance.echo(number=2)).number == 2

    asyncio.run(main())
    [(_, token)] = Request(server.frames[0]).metadata
    assert Request(server.frames[1]).payload == b"\x0a\x20" + token.encode()
    assert server.connections == 1


def test_a_lost_connection_is_made_again_and_the_call_repeated_with_its_key(
    serve: Serve, socket_path: pathlib.Path
) -> None:
    def lose_two(peer: Peer, frame: Frame) -> None:
        if peer.number < 2:
            peer.hang_up()
        else:
            peer.respond(frame.stream_id, ConsumeResponse(commit_sequence=7).SerializeToString())

    server = serve(lose_two)

    async def main() -> int:
        async with connect(socket_path) as client:
            return (await client.credits.consume(user_id="u", amount_micros=1)).commit_sequence

    assert asyncio.run(main()) == 7
    timeouts = [Request(frame).timeout_nanos for frame in server.frames]
    assert timeouts[0] > timeouts[1] > timeouts[2] > 0
    requests = [ConsumeRequest.FromString(Request(frame).payload) for frame in server.frames]
    assert requests[0].idempotency_key
    assert requests == [requests[0]] * 3


def test_what_is_not_repeatable_is_not_sent_twice(serve: Serve, socket_path: pathlib.Path) -> None:
    server = serve(lambda peer, frame: peer.hang_up())

    async def main() -> None:
        async with connect(socket_path) as client:
            calls: list[Awaitable[object]] = [
                AsyncTestControl(client.caller).advance_clock(millis=1),
                client.pages.publish(page_id="p"),
                # Nor is what makes a page, unless it names it.
                client.pages.create_page(user_id="u"),
            ]
            for call in calls:
                server.frames.clear()
                with pytest.raises(errors.ConnectionLost) as caught:
                    await call
                assert caught.value.maybe_applied
                assert len(server.frames) == 1

    asyncio.run(main())


def test_a_server_that_starts_late_is_waited_for(serve: Serve, socket_path: pathlib.Path) -> None:
    def count(peer: Peer, frame: Frame) -> None:
        if Request(frame).method == "Verify":
            peer.data(frame.stream_id, VerifyResponse(check=4).SerializeToString())
            peer.end(frame.stream_id)
        else:
            echo(peer, frame)

    async def main() -> None:
        async with connect(socket_path) as client:
            asyncio.get_running_loop().call_later(0.05, serve, count)
            stream = client.admin.verify()
            assert (await AsyncConformance(client.caller).echo(number=3)).number == 3
            assert [message.check async for message in stream] == [4]

    asyncio.run(main())


def test_a_client_that_is_closed_between_attempts_tells_what_is_known(
    serve: Serve, socket_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(lambda peer, frame: peer.hang_up())

    async def main() -> None:
        client = connect(socket_path)

        async def close(seconds: float) -> None:
            client.close()

        monkeypatch.setattr("tallystick._async_calls.asyncio.sleep", close)
        with pytest.raises(errors.ConnectionLost, match="closed") as caught:
            await client.credits.consume(user_id="u", amount_micros=1)
        assert caught.value.maybe_applied

    asyncio.run(main())


def test_without_a_server_calls_end_when_their_retries_are_over(socket_path: pathlib.Path) -> None:
    async def main() -> None:
        async with AsyncClient(socket_path, retry_seconds=SOON) as client:
            conformance = AsyncConformance(client.caller)
            with pytest.raises(errors.ConnectionLost, match=str(socket_path)) as caught:
                await client.credits.get_balance(user_id="u")
            assert not caught.value.maybe_applied
            with pytest.raises(errors.ConnectionLost, match=str(socket_path)):
                await conformance.sum([EchoRequest()])
            async with conformance.chat() as chat:
                await chat.send(EchoRequest())
                with pytest.raises(errors.ConnectionLost, match=str(socket_path)):
                    await chat.__anext__()

    asyncio.run(main())


def test_a_deadline_ends_the_call_and_its_late_answer_is_dropped(
    serve: Serve, socket_path: pathlib.Path
) -> None:
    late: list[tuple[Peer, Frame]] = []

    def ones_are_late(peer: Peer, frame: Frame) -> None:
        if EchoRequest.FromString(Request(frame).payload).number == 1:
            late.append((peer, frame))
        else:
            for call in late:
                echo(*call)
            echo(peer, frame)

    server = serve(ones_are_late)

    async def main() -> None:
        async with connect(socket_path) as client:
            conformance = AsyncConformance(client.caller)
            for timeout in GROWING_DEADLINES:
                with pytest.raises(errors.DeadlineExceeded) as caught:
                    await conformance.echo(number=1, timeout=timeout)
                if caught.value.maybe_applied:
                    break
            assert caught.value.maybe_applied
            assert (await conformance.echo(number=2)).number == 2
            assert late
            with pytest.raises(errors.DeadlineExceeded) as caught:
                await conformance.echo(timeout=0)
            assert not caught.value.maybe_applied

    asyncio.run(main())
    assert server.connections == 1


def test_deadlines_of_many_calls_are_all_kept(serve: Serve, socket_path: pathlib.Path) -> None:
    serve(lambda peer, frame: None)

    async def main() -> None:
        async with connect(socket_path) as client:
            conformance = AsyncConformance(client.caller)
            timeouts = (0.1, 0.05, 0.15, 0.05)
            calls = [conformance.echo(timeout=timeout) for timeout in timeouts]
            results = await asyncio.gather(*calls, return_exceptions=True)
            assert [type(result) for result in results] == [errors.DeadlineExceeded] * 4

    asyncio.run(asyncio.wait_for(main(), PATIENCE))


def test_calls_wait_when_too_much_is_unsent(serve: Serve, socket_path: pathlib.Path) -> None:
    go_on = threading.Event()

    def slow(peer: Peer, frame: Frame) -> None:
        go_on.wait(PATIENCE)
        echo(peer, frame)

    server = serve(slow)

    async def main() -> None:
        async with connect(socket_path) as client:
            conformance = AsyncConformance(client.caller)
            body = bytes(3 * LONGEST_UNSENT_BYTES)
            calls = [asyncio.create_task(conformance.echo(number=n, body=body)) for n in range(8)]
            await asyncio.sleep(0)
            connection = client.caller._channel.connection(asyncio.get_running_loop())
            assert connection.is_full
            # One frame over the limit at most, whatever the number of callers.
            assert len(connection._unsent) < LONGEST_UNSENT_BYTES + len(body) + 1000
            with pytest.raises(errors.DeadlineExceeded) as caught:
                await conformance.echo(timeout=SOON)
            assert not caught.value.maybe_applied
            go_on.set()
            assert [reply.number for reply in await asyncio.gather(*calls)] == list(range(8))

    asyncio.run(main())
    assert len(server.frames) == 8


def test_a_server_that_takes_nothing_loses_the_connection(
    serve: Serve, socket_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    serve(lambda peer, frame: go_on.wait(PATIENCE))
    monkeypatch.setattr(_async_connection, "SEND_STALL_SECONDS", SOON)

    async def main() -> None:
        async with AsyncClient(socket_path, timeout=PATIENCE, retry_seconds=0) as client:
            conformance = AsyncConformance(client.caller)
            calls = [asyncio.create_task(conformance.echo(body=bytes(1 << 20))) for _ in range(2)]
            for call in calls:
                with pytest.raises(errors.ConnectionLost, match="no progress"):
                    await call

    asyncio.run(main())
    go_on.set()


def test_a_client_serves_one_loop_after_another(serve: Serve, socket_path: pathlib.Path) -> None:
    server = serve(echo)
    client = connect(socket_path)
    conformance = AsyncConformance(client.caller)

    async def call(number: int) -> int:
        return (await conformance.echo(number=number)).number

    assert [asyncio.run(call(n)) for n in range(3)] == [0, 1, 2]
    assert server.connections == 3
    asyncio.run(client.aclose())
    with pytest.raises(ValueError, match="closed"):
        asyncio.run(call(0))


def test_a_client_that_is_dropped_ends_its_connection(serve: Serve, socket_path: pathlib.Path) -> None:
    ended = threading.Event()

    class Watched(FakeServer):
        def _serve(self, peer: Peer) -> None:
            super()._serve(peer)
            ended.set()

    server = Watched(socket_path, echo)

    async def main() -> None:
        client = connect(socket_path)
        await AsyncConformance(client.caller).echo()
        del client
        gc.collect()
        assert await asyncio.to_thread(ended.wait, PATIENCE)

    asyncio.run(main())
    server.close()


def test_an_end_while_idle_is_noticed(serve: Serve, socket_path: pathlib.Path) -> None:
    peers: list[Peer] = []

    def answer(peer: Peer, frame: Frame) -> None:
        peers.append(peer)
        peer.respond(frame.stream_id)

    server = serve(answer)

    async def main() -> None:
        async with connect(socket_path) as client:
            control = AsyncTestControl(client.caller)
            # Not repeatable: it fails if it may have been sent.
            await control.advance_clock(millis=1)
            peers[0].connection.shutdown(socket.SHUT_RDWR)
            await control.advance_clock(millis=1)

    asyncio.run(main())
    assert server.connections == 2
    assert len(server.frames) == 2


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_a_connection_of_its_own(serve: Serve, socket_path: pathlib.Path) -> None:
    server = serve(echo)
    client = connect(socket_path)
    conformance = AsyncConformance(client.caller)

    async def call(number: int) -> int:
        return (await conformance.echo(number=number)).number

    async def main() -> None:
        await call(1)
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                asyncio._set_running_loop(None)
                os._exit(0 if asyncio.run(call(4)) == 4 else 1)
            os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        assert await call(5) == 5
        await client.aclose()

    asyncio.run(main())
    assert server.connections == 2
