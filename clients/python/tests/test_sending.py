"""What leaves, and when: a server that takes nothing for a while, and many threads at once."""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from fake import FakeServer, Frame, Handler, Peer, Request, echo, wait_until

from tallystick import AsyncClient, Client, _wire, errors
from tallystick._generated.testing.v1.conformance_pb2 import EchoRequest
from tallystick._rules import LONGEST_UNSENT_BYTES
from tallystick.testing import AsyncConformance, Conformance

Serve = Callable[[Handler], FakeServer]

#: More than the socket and the server's thread take.
STUCK = bytes(1 << 20)
#: Far below the time after which a send that makes no progress ends the connection, which is 30 s.
AT_ONCE_SECONDS = 15


class Stuck:
    """A handler that takes its first frame, and then nothing until it is told to."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, peer: Peer, frame: Frame) -> None:
        self.began.set()
        self.go_on.wait(60)
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
    """The call's own deadline, which it keeps."""
    start = time.monotonic()
    with pytest.raises(errors.DeadlineExceeded) as caught:
        call()
    assert time.monotonic() - start < AT_ONCE_SECONDS
    return caught.value


def test_a_deadline_bounds_a_call_that_the_socket_does_not_take(stuck: Stuck, client: Client) -> None:
    conformance = Conformance(client.caller)
    late(lambda: conformance.echo(timeout=0.1))
    assert late(lambda: conformance.echo(body=STUCK, timeout=0.3)).maybe_applied
    # There is no room: nothing of it was sent.
    assert not late(lambda: conformance.echo(timeout=0.1)).maybe_applied
    assert not late(lambda: conformance.echo(body=STUCK, timeout=0.1)).maybe_applied
    stuck.go_on.set()
    assert conformance.echo(number=7).number == 7


def test_no_thread_waits_in_a_send_for_the_others(stuck: Stuck, client: Client) -> None:
    conformance = Conformance(client.caller)
    slowest: list[float] = []

    def call(number: int) -> None:
        start = time.monotonic()
        for _ in range(3):
            with contextlib.suppress(errors.DeadlineExceeded):
                conformance.echo(number=number, body=bytes(number % 2 * 30_000), timeout=0.5)
        slowest.append(time.monotonic() - start)

    threads = [threading.Thread(target=call, args=(n,)) for n in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(slowest) == 200
    assert max(slowest) < AT_ONCE_SECONDS
    connection = client.caller._channel.connection(1)
    # One frame may go over it, and those whose threads come while it does.
    assert connection._unsent_bytes < LONGEST_UNSENT_BYTES + 40_000
    stuck.go_on.set()
    assert conformance.echo(number=7).number == 7
    wait_until(lambda: connection._unsent_bytes == 0)


def test_a_deadline_bounds_the_sending_half_of_a_stream(stuck: Stuck, client: Client) -> None:
    conformance = Conformance(client.caller)
    message = EchoRequest(body=bytes(100_000))
    with conformance.chat(timeout=0.5) as chat:

        def send() -> None:
            while True:
                chat.send(message)

        assert late(send).maybe_applied
    # There is no room for another stream's beginning either.
    assert not late(lambda: conformance.sum([message], timeout=0.1)).maybe_applied
    stuck.go_on.set()
    assert conformance.echo(number=7).number == 7


def test_a_deadline_bounds_a_stream_of_requests(stuck: Stuck, client: Client) -> None:
    conformance = Conformance(client.caller)
    requests = (EchoRequest(body=bytes(100_000)) for _ in range(1000))
    assert late(lambda: conformance.sum(requests, timeout=0.5)).maybe_applied
    stuck.go_on.set()
    assert conformance.echo(number=7).number == 7


def test_a_deadline_bounds_the_sending_half_of_a_stream_by_asyncio(
    stuck: Stuck, socket_path: pathlib.Path
) -> None:
    async def send() -> None:
        async with (
            AsyncClient(socket_path) as client,
            AsyncConformance(client.caller).chat(timeout=0.3) as chat,
        ):
            while True:
                await chat.send(EchoRequest(body=bytes(100_000)))

    assert late(lambda: asyncio.run(send())).maybe_applied
    stuck.go_on.set()


def test_closing_ends_who_waits_for_room(stuck: Stuck, client: Client) -> None:
    conformance = Conformance(client.caller)
    late(lambda: conformance.echo(timeout=0.1))
    late(lambda: conformance.echo(body=STUCK, timeout=0.3))
    failures: list[str] = []

    def call() -> None:
        try:
            conformance.echo()
        except ValueError as error:
            failures.append(str(error))

    thread = threading.Thread(target=call)
    thread.start()
    wait_until(lambda: client.caller._channel.connection(1)._waiting_for_room == 1)
    start = time.monotonic()
    client.close()
    thread.join()
    assert time.monotonic() - start < AT_ONCE_SECONDS
    # Nothing of it was sent.
    assert failures == ["the client is closed"]
    assert [thread for thread in threading.enumerate() if thread.name.startswith("tallystick-")] == []


def test_requests_of_many_threads_leave_in_the_order_of_their_ids(serve: Serve, client: Client) -> None:
    server = serve(echo)
    conformance = Conformance(client.caller)

    def call() -> None:
        for _ in range(400):
            conformance.echo()

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
                client.credits.get_balance(user_id="u", timeout=40)

        thread = threading.Thread(target=patient)
        thread.start()
        wait_until(client.caller._channel._lock.locked)
        start = time.monotonic()
        with pytest.raises(errors.ConnectionLost) as caught:
            client.credits.get_balance(user_id="u", timeout=0.2)
        assert time.monotonic() - start < AT_ONCE_SECONDS
        assert not caught.value.maybe_applied
        listener.close()
        thread.join()


def test_a_streams_deadline_bounds_its_connecting(socket_path: pathlib.Path) -> None:
    start = time.monotonic()
    with Client(socket_path, retry_seconds=60) as client, pytest.raises(errors.ConnectionLost):
        client.admin.verify(timeout=0.1)
    assert time.monotonic() - start < AT_ONCE_SECONDS
