"""Streams of all kinds by asyncio, against a server that does as the test says."""

from __future__ import annotations

import asyncio
import pathlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from fake import PATIENCE, SOON, FakeServer, Frame, Handler, Peer, Request, echo

from tallystick import AsyncClient, _inbox, _wire, errors
from tallystick._generated.testing.v1.conformance_pb2 import EchoRequest, EchoResponse, SumResponse
from tallystick.messages import VerifyResponse
from tallystick.testing import AsyncConformance

Serve = Callable[[Handler], FakeServer]


def connect(path: pathlib.Path) -> AsyncClient:
    return AsyncClient(path, timeout=PATIENCE, retry_seconds=PATIENCE)


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
        async with AsyncClient(socket_path, timeout=PATIENCE, retry_seconds=0) as client:
            with pytest.raises(errors.DeadlineExceeded) as caught:
                await client.admin.verify(timeout=SOON).__anext__()
            assert not caught.value.maybe_applied
            with pytest.raises(errors.DeadlineExceeded) as caught:
                await AsyncConformance(client.caller).chat(timeout=SOON).__anext__()
            assert caught.value.maybe_applied
            stream = client.admin.verify()
            with pytest.raises(errors.ConnectionLost):
                await AsyncConformance(client.caller).echo()
            with pytest.raises(errors.ConnectionLost):
                await stream.__anext__()

    asyncio.run(main())


def test_a_stream_that_nobody_reads_holds_up_nobody_and_has_a_limit(
    serve: Serve, socket_path: pathlib.Path
) -> None:
    overhead = _inbox.MESSAGE_OVERHEAD_BYTES
    message = EchoResponse(body=bytes((4 << 20) - 5 - overhead)).SerializeToString()
    most = 4
    assert most * (len(message) + overhead) == _inbox.LONGEST_BACKLOG_BYTES

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


def test_a_client_stream_that_breaks_may_have_been_applied_in_part(
    serve: Serve, socket_path: pathlib.Path
) -> None:
    def late(peer: Peer, frame: Frame) -> None:
        if frame.type == _wire.DATA:
            peer.respond(frame.stream_id, status=b"\x08\x04")

    async def main() -> None:
        async with AsyncClient(socket_path, timeout=PATIENCE, retry_seconds=0) as client:
            conformance = AsyncConformance(client.caller)
            with pytest.raises(errors.ConnectionLost) as unsent:
                await conformance.sum([EchoRequest(number=1)])
            assert not unsent.value.maybe_applied
            serve(late)
            with pytest.raises(errors.DeadlineExceeded) as caught:
                await conformance.sum([EchoRequest(number=1)])
            assert caught.value.maybe_applied

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
                    await conformance.sum(requests, timeout=SOON)
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
