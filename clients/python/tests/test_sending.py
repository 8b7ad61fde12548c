"""What leaves, and when: a server that takes nothing for a while, and many threads at once."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import pathlib
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from fake import (
    GROWING_DEADLINES,
    PATIENCE,
    SOON,
    FakeServer,
    Frame,
    Handler,
    Peer,
    Request,
    echo,
    wait_until,
)

from tallystick import AsyncClient, Client, _wire, errors
from tallystick._generated.testing.v1.conformance_pb2 import EchoRequest
from tallystick._rules import LONGEST_UNSENT_BYTES
from tallystick.testing import AsyncConformance, Conformance

Serve = Callable[[Handler], FakeServer]

#: More than the socket and the server's thread take.
STUCK = bytes(1 << 20)


class Stuck:
    """A handler that takes its first frame, and then nothing until it is told to."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def __call__(self, peer: Peer, frame: Frame) -> None:
        self.go_on.wait(PATIENCE)
        if frame.type == _wire.REQUEST and Request(frame).method == "Echo":
            with contextlib.suppress(OSError):
                echo(peer, frame)


@pytest.fixture
def stuck(serve: Serve) -> Iterator[Stuck]:
    handler = Stuck()
    serve(handler)
    yield handler
    handler.go_on.set()


def late(call: Callable[[], object]) -> errors.DeadlineExceeded:
    """The call's own deadline. A send that waited for the server would end as a lost connection."""
    with pytest.raises(errors.DeadlineExceeded) as caught:
        call()
    return caught.value


def sent_and_late(call: Callable[[float], object]) -> None:
    """The deadline passes after something was sent."""
    assert any(late(functools.partial(call, seconds)).maybe_applied for seconds in GROWING_DEADLINES)


def fill(conformance: Conformance) -> None:
    """Sends more than the server takes."""
    sent_and_late(lambda seconds: conformance.echo(timeout=seconds))
    sent_and_late(lambda seconds: conformance.echo(body=STUCK, timeout=seconds))


def test_a_deadline_bounds_a_call_that_the_socket_does_not_take(stuck: Stuck, client: Client) -> None:
    conformance = Conformance(client.caller)
    fill(conformance)
    # There is no room: nothing of it was sent.
    assert not late(lambda: conformance.echo(timeout=SOON)).maybe_applied
    assert not late(lambda: conformance.echo(body=STUCK, timeout=SOON)).maybe_applied
    stuck.go_on.set()
    assert conformance.echo(number=7, timeout=PATIENCE).number == 7


def test_no_thread_waits_in_a_send_for_the_others(stuck: Stuck, client: Client) -> None:
    conformance = Conformance(client.caller)
    outcomes: list[type[Exception]] = []

    def call(number: int) -> None:
        for _ in range(3):
            try:
                conformance.echo(number=number, body=bytes(number % 2 * 30_000), timeout=SOON)
            except errors.TallyError as error:
                outcomes.append(type(error))

    threads = [threading.Thread(target=call, args=(n,)) for n in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [errors.DeadlineExceeded] * 600
    connection = client.caller._channel.connection(1)
    # One frame may go over it, and those that were not counted while nothing was blocked.
    assert connection._unsent_bytes < 2 * LONGEST_UNSENT_BYTES
    stuck.go_on.set()
    assert conformance.echo(number=7, timeout=PATIENCE).number == 7
    wait_until(lambda: not connection._is_blocked)


def test_a_deadline_bounds_the_sending_half_of_a_stream(stuck: Stuck, client: Client) -> None:
    conformance = Conformance(client.caller)
    message = EchoRequest(body=bytes(100_000))

    def send(seconds: float) -> None:
        with conformance.chat(timeout=seconds) as chat:
            while True:
                chat.send(message)

    sent_and_late(send)
    # There is no room for another stream's beginning either.
    assert not late(lambda: conformance.sum([message], timeout=SOON)).maybe_applied
    stuck.go_on.set()
    assert conformance.echo(number=7, timeout=PATIENCE).number == 7


def test_a_deadline_bounds_a_stream_of_requests(stuck: Stuck, client: Client) -> None:
    conformance = Conformance(client.caller)
    message = EchoRequest(body=bytes(100_000))
    sent_and_late(lambda seconds: conformance.sum([message] * 1000, timeout=seconds))
    stuck.go_on.set()
    assert conformance.echo(number=7, timeout=PATIENCE).number == 7


def test_a_deadline_bounds_the_sending_half_of_a_stream_by_asyncio(
    stuck: Stuck, socket_path: pathlib.Path
) -> None:
    async def send() -> None:
        async with (
            AsyncClient(socket_path) as client,
            AsyncConformance(client.caller).chat(timeout=SOON) as chat,
        ):
            while True:
                await chat.send(EchoRequest(body=bytes(100_000)))

    assert late(lambda: asyncio.run(send())).maybe_applied


class Deaf(Stuck):
    """Takes the stream's beginning and no more, and ends the stream when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.end_stream = threading.Event()

    def __call__(self, peer: Peer, frame: Frame) -> None:
        self.end_stream.wait(PATIENCE)
        if frame.type == _wire.REQUEST:
            peer.end(frame.stream_id)
        self.go_on.wait(PATIENCE)


@pytest.fixture
def deaf(serve: Serve) -> Iterator[Deaf]:
    handler = Deaf()
    serve(handler)
    yield handler
    handler.end_stream.set()
    handler.go_on.set()


def test_a_sender_that_waits_for_room_is_let_go_when_the_server_ends_its_stream(
    deaf: Deaf, client: Client
) -> None:
    connection = client.caller._channel.connection(PATIENCE)
    with Conformance(client.caller).chat() as chat:

        def end() -> None:
            wait_until(lambda: connection._waiting_for_room == 1)
            deaf.end_stream.set()

        thread = threading.Thread(target=end)
        thread.start()
        while not chat._ended:
            chat.send(EchoRequest(body=bytes(100_000)))
        thread.join()
        assert list(chat) == []
        # It was not the end of all that woke the sender.
        assert not connection.closed


def test_a_sender_that_waits_for_room_is_let_go_when_the_server_ends_its_stream_by_asyncio(
    deaf: Deaf, socket_path: pathlib.Path
) -> None:
    async def send() -> None:
        async with (
            AsyncClient(socket_path) as client,
            AsyncConformance(client.caller).chat() as chat,
        ):
            connection = client.caller._channel.connection(asyncio.get_running_loop())

            async def fill() -> None:
                while not chat._ended:
                    await chat.send(EchoRequest(body=bytes(100_000)))

            sending = asyncio.create_task(fill())
            while connection._room is None:
                await asyncio.sleep(0)
            deaf.end_stream.set()
            await sending
            assert [message async for message in chat] == []
            assert not connection.closed

    asyncio.run(send())


def test_a_sender_that_waits_for_room_is_let_go_when_its_stream_is_left(
    stuck: Stuck, socket_path: pathlib.Path
) -> None:
    async def send() -> None:
        async with AsyncClient(socket_path) as client:
            chat = AsyncConformance(client.caller).chat()
            connection = client.caller._channel.connection(asyncio.get_running_loop())
            sending = asyncio.create_task(chat.send(EchoRequest(body=STUCK)))
            while connection._room is None:
                await asyncio.sleep(0)
            await chat.aclose()
            await sending
            assert not connection.closed

    asyncio.run(send())


def test_closing_ends_who_waits_for_room(stuck: Stuck, client: Client) -> None:
    conformance = Conformance(client.caller)
    fill(conformance)
    failures: list[str] = []

    def call() -> None:
        try:
            conformance.echo(timeout=PATIENCE)
        except ValueError as error:
            failures.append(str(error))

    thread = threading.Thread(target=call)
    thread.start()
    wait_until(lambda: client.caller._channel.connection(1)._waiting_for_room == 1)
    client.close()
    thread.join()
    # Nothing of it was sent.
    assert failures == ["the client is closed"]
    assert [thread for thread in threading.enumerate() if thread.name.startswith("tallystick-")] == []


def test_requests_of_many_threads_leave_in_the_order_of_their_ids(serve: Serve, client: Client) -> None:
    server = serve(echo)
    conformance = Conformance(client.caller)

    def call() -> None:
        for _ in range(400):
            conformance.echo(timeout=PATIENCE)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    ids = [frame.stream_id for frame in server.frames]
    assert len(ids) == 3200
    assert ids == sorted(ids)


def test_who_connects_in_vain_does_not_hold_others_beyond_their_deadlines(socket_path: pathlib.Path) -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        listener.bind(str(socket_path))
        listener.listen(0)
        # Nobody accepts: from some connection on, connecting waits.
        filler = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        filler.connect(str(socket_path))
        client = stack.enter_context(Client(socket_path, retry_seconds=0))

        def patient() -> None:
            with contextlib.suppress(errors.TallyError):
                client.credits.get_balance(user_id="u", timeout=PATIENCE)

        thread = threading.Thread(target=patient)
        thread.start()
        wait_until(client.caller._channel._lock.locked)
        with pytest.raises(errors.ConnectionLost, match="in time") as caught:
            client.credits.get_balance(user_id="u", timeout=SOON)
        assert not caught.value.maybe_applied
        listener.close()
        thread.join()


def test_a_streams_deadline_bounds_its_connecting(socket_path: pathlib.Path) -> None:
    start = time.monotonic()
    with Client(socket_path, retry_seconds=PATIENCE) as client, pytest.raises(errors.ConnectionLost):
        client.admin.verify(timeout=SOON)
    assert time.monotonic() - start < PATIENCE
