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
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
from fake import FakeServer, Frame, Handler, Peer, Request, echo

from tallystick import AsyncClient, _async_connection, _inbox, _wire, errors
from tallystick._generated.services import AsyncConformance, AsyncTestControl
from tallystick._generated.testing.v1.conformance_pb2 import EchoRequest, EchoResponse, SumResponse
from tallystick.messages import ConsumeRequest, ConsumeResponse, VerifyResponse

Serve = Callable[[Handler], FakeServer]
#: How long a thing may take to happen, in seconds.
PATIENCE = 20


def connect(path: pathlib.Path) -> AsyncClient:
    return AsyncClient(path, timeout=PATIENCE)


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
                await AsyncConformance(acting.caller).echo(text="hi", timeout=5)

    asyncio.run(main())
    first, second = (Request(frame) for frame in server.frames)
    assert 4_000_000_000 < first.timeout_nanos <= 5_000_000_000
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


def test_without_a_server_calls_end_when_their_retries_are_over(socket_path: pathlib.Path) -> None:
    async def main() -> None:
        async with AsyncClient(socket_path, retry_seconds=0.05) as client:
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

    def first_is_late(peer: Peer, frame: Frame) -> None:
        if not late:
            late.append((peer, frame))
        else:
            echo(*late[0])
            echo(peer, frame)

    server = serve(first_is_late)

    async def main() -> None:
        async with connect(socket_path) as client:
            conformance = AsyncConformance(client.caller)
            with pytest.raises(errors.DeadlineExceeded) as caught:
                await conformance.echo(number=1, timeout=0.05)
            assert caught.value.maybe_applied
            assert (await conformance.echo(number=2)).number == 2
            with pytest.raises(errors.DeadlineExceeded) as caught:
                await conformance.echo(timeout=0)
            assert not caught.value.maybe_applied

    asyncio.run(main())
    assert server.connections == 1


def test_a_stream_is_read_in_order_to_its_end_or_its_error(serve: Serve, socket_path: pathlib.Path) -> None:
    def stream(peer: Peer, frame: Frame) -> None:
        for number in range(100):
            peer.data(frame.stream_id, VerifyResponse(check=number).SerializeToString())
        # An empty message is one.
        peer.data(frame.stream_id, b"")
        if Request(frame).metadata[0] == ("end", "well"):
            peer.end(frame.stream_id)
        else:
            peer.respond(frame.stream_id, status=bytes([0x08, 15]))

    server = serve(stream)

    async def main() -> None:
        async with connect(socket_path) as client:
            well = client.with_metadata({"end": "well"}).admin.verify()
            assert [message.check async for message in well] == [*range(100), 0]
            badly = client.admin.verify()
            for number in range(100):
                assert (await badly.__anext__()).check == number
            await badly.__anext__()
            for _ in range(2):
                with pytest.raises(errors.TallyError) as caught:
                    await badly.__anext__()
                assert caught.value.code == 15

    asyncio.run(main())
    assert server.frames[0].flags == _wire.REMOTE_CLOSED


def test_a_stream_that_is_left_early_is_cancelled(serve: Serve, socket_path: pathlib.Path) -> None:
    cancelled = threading.Event()

    def endless(peer: Peer, frame: Frame) -> None:
        if Request(frame).method == "Cancel":
            cancelled.set()
        else:
            peer.data(frame.stream_id, b"")

    server = serve(endless)

    async def main() -> None:
        async with connect(socket_path) as client:
            async with client.admin.verify() as stream:
                async for _ in stream:
                    break
            assert await asyncio.to_thread(cancelled.wait, PATIENCE)
            assert [message async for message in stream] == []

    asyncio.run(main())
    [(_, token)] = Request(server.frames[0]).metadata
    assert Request(server.frames[1]).payload == b"\x0a\x20" + token.encode()


def test_a_streams_deadline_is_kept_and_a_lost_connection_ends_it(
    serve: Serve, socket_path: pathlib.Path
) -> None:
    def lose(peer: Peer, frame: Frame) -> None:
        if Request(frame).method == "Echo":
            peer.hang_up()

    serve(lose)

    async def main() -> None:
        async with AsyncClient(socket_path, retry_seconds=0) as client:
            with pytest.raises(errors.DeadlineExceeded):
                await client.admin.verify(timeout=0.05).__anext__()
            stream = client.admin.verify()
            with pytest.raises(errors.ConnectionLost):
                await AsyncConformance(client.caller).echo()
            with pytest.raises(errors.ConnectionLost):
                await stream.__anext__()

    asyncio.run(main())


def test_a_stream_that_nobody_reads_holds_up_nobody_and_has_a_limit(
    serve: Serve, socket_path: pathlib.Path
) -> None:
    message = EchoResponse(body=bytes((4 << 20) - 5)).SerializeToString()
    most = _inbox.LONGEST_BACKLOG_BYTES // len(message)
    assert most * len(message) == _inbox.LONGEST_BACKLOG_BYTES

    def flood(peer: Peer, frame: Frame) -> None:
        method = Request(frame).method
        if method == "Count":
            for _ in range(most + 1):
                peer.data(frame.stream_id, message)
        elif method == "Echo":
            echo(peer, frame)

    serve(flood)

    async def main() -> None:
        async with connect(socket_path) as client:
            conformance = AsyncConformance(client.caller)
            stream = conformance.count(count=1)
            assert (await conformance.echo(number=5)).number == 5
            for _ in range(most):
                await stream.__anext__()
            with pytest.raises(errors.StreamOverflow):
                await stream.__anext__()

    asyncio.run(main())


def test_one_task_reads_a_stream_at_a_time(serve: Serve, socket_path: pathlib.Path) -> None:
    serve(lambda peer, frame: None)

    async def main() -> None:
        async with connect(socket_path) as client:
            stream = client.admin.verify()
            first = asyncio.ensure_future(stream.__anext__())
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="another task"):
                await stream.__anext__()
            await stream.aclose()
            with pytest.raises(StopAsyncIteration):
                await first

    asyncio.run(main())


def add(server: list[FakeServer]) -> Handler:
    def handle(peer: Peer, frame: Frame) -> None:
        if frame.type == _wire.DATA and frame.flags & _wire.REMOTE_CLOSED:
            data = [seen for seen in server[0].frames if seen.stream_id == frame.stream_id][1:-1]
            total = sum(EchoRequest.FromString(seen.payload).number for seen in data)
            peer.respond(frame.stream_id, SumResponse(sum=total).SerializeToString())

    return handle


@pytest.mark.parametrize("asynchronous", [True, False])
def test_a_client_stream_takes_iterables_of_both_kinds(
    serve: Serve, socket_path: pathlib.Path, asynchronous: bool
) -> None:
    servers: list[FakeServer] = []
    servers.append(serve(add(servers)))

    async def requests() -> AsyncIterator[EchoRequest]:
        for number in (0, 1, 2, 39):
            await asyncio.sleep(0)
            yield EchoRequest(number=number)

    async def main() -> int:
        async with connect(socket_path) as client:
            source = requests() if asynchronous else (EchoRequest(number=n) for n in (0, 1, 2, 39))
            return (await AsyncConformance(client.caller).sum(source)).sum

    assert asyncio.run(main()) == 42
    begin, *messages, end = servers[0].frames
    assert (begin.type, begin.flags, Request(begin).payload) == (_wire.REQUEST, _wire.REMOTE_OPEN, b"")
    assert [frame.type for frame in messages] == [_wire.DATA] * 4
    assert (end.type, end.flags) == (_wire.DATA, _wire.REMOTE_CLOSED | _wire.NO_DATA)


def test_a_client_stream_ends_when_the_server_has_answered(serve: Serve, socket_path: pathlib.Path) -> None:
    def refuse(peer: Peer, frame: Frame) -> None:
        if frame.type == _wire.REQUEST:
            peer.respond(frame.stream_id, status=bytes([0x08, 8]))

    def endless() -> Iterator[EchoRequest]:
        while True:
            yield EchoRequest(number=1)

    serve(refuse)

    async def main() -> None:
        async with connect(socket_path) as client:
            with pytest.raises(errors.TallyError) as caught:
                await AsyncConformance(client.caller).sum(endless())
            assert caught.value.code == 8

    asyncio.run(main())


def test_a_client_stream_that_is_given_up_is_cancelled(serve: Serve, socket_path: pathlib.Path) -> None:
    cancelled = threading.Semaphore(0)

    def listen(peer: Peer, frame: Frame) -> None:
        if frame.type == _wire.REQUEST and Request(frame).method == "Cancel":
            cancelled.release()

    async def broken() -> AsyncIterator[EchoRequest]:
        yield EchoRequest(number=1)
        raise KeyError("no more")

    async def hanging() -> AsyncIterator[EchoRequest]:
        yield EchoRequest(number=1)
        await asyncio.Event().wait()

    async def failing() -> AsyncIterator[EchoRequest]:
        yield EchoRequest(number=1)
        raise asyncio.TimeoutError

    serve(listen)

    async def main() -> None:
        async with connect(socket_path) as client:
            conformance = AsyncConformance(client.caller)
            with pytest.raises(KeyError):
                await conformance.sum(broken())
            for requests in (hanging(), [EchoRequest()]):
                with pytest.raises(errors.DeadlineExceeded) as caught:
                    await conformance.sum(requests, timeout=0.05)
                assert caught.value.maybe_applied
            # A time-out of its own is not the call's.
            with pytest.raises(asyncio.TimeoutError):
                await conformance.sum(failing(), timeout=PATIENCE)
            for _ in range(4):
                assert await asyncio.to_thread(cancelled.acquire, timeout=PATIENCE)

    asyncio.run(main())


def test_a_stream_both_ways_is_sent_and_read_in_turn(serve: Serve, socket_path: pathlib.Path) -> None:
    def answer(peer: Peer, frame: Frame) -> None:
        if frame.flags & _wire.REMOTE_CLOSED:
            peer.end(frame.stream_id)
        elif frame.type == _wire.DATA:
            peer.data(frame.stream_id, frame.payload)

    serve(answer)

    async def main() -> None:
        async with connect(socket_path) as client, AsyncConformance(client.caller).chat() as chat:
            for text in ("a", "b"):
                await chat.send(EchoRequest(text=text))
                assert (await chat.__anext__()).text == text
            with pytest.raises(TypeError, match="EchoRequest"):
                await chat.send(EchoResponse())  # type: ignore[arg-type]
            await chat.finish()
            assert [message async for message in chat] == []
            with pytest.raises(ValueError, match="finished"):
                await chat.send(EchoRequest())

    asyncio.run(main())


def test_calls_wait_when_too_much_is_unsent(serve: Serve, socket_path: pathlib.Path) -> None:
    go_on = threading.Event()

    def slow(peer: Peer, frame: Frame) -> None:
        go_on.wait(PATIENCE)
        echo(peer, frame)

    server = serve(slow)

    async def main() -> None:
        async with connect(socket_path) as client:
            conformance = AsyncConformance(client.caller)
            body = bytes(3 * _async_connection.LONGEST_UNSENT_BYTES)
            calls = [asyncio.create_task(conformance.echo(number=n, body=body)) for n in range(8)]
            await asyncio.sleep(0)
            connection = client.caller._channel.connection(asyncio.get_running_loop())
            assert connection.is_full
            # One frame over the limit at most, whatever the number of callers.
            assert len(connection._unsent) < _async_connection.LONGEST_UNSENT_BYTES + len(body) + 1000
            with pytest.raises(errors.DeadlineExceeded) as caught:
                await conformance.echo(timeout=0.05)
            assert not caught.value.maybe_applied
            go_on.set()
            assert [reply.number for reply in await asyncio.gather(*calls)] == list(range(8))

    asyncio.run(main())
    assert len(server.frames) == 8


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
