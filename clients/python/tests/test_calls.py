"""Deadlines, retries and streams, against a server that does as the test says."""

from __future__ import annotations

import os
import pathlib
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from fake import FakeServer, Handler, Peer, Request

from tallystick import Client, _stream, _wire, default_socket, errors
from tallystick._generated import services
from tallystick._generated.services import Conformance
from tallystick._generated.testing.v1.conformance_pb2 import EchoRequest, EchoResponse, SumResponse
from tallystick.messages import ConsumeRequest, ConsumeResponse, VerifyResponse

Serve = Callable[[Handler], FakeServer]


@pytest.fixture
def client(socket_path: pathlib.Path) -> Iterator[Client]:
    with Client(socket_path, timeout=20) as client:
        yield client


def echo(peer: Peer, frame: _wire.Frame) -> None:
    request = EchoRequest.FromString(Request(frame).payload)
    peer.respond(frame.stream_id, EchoResponse(text=request.text, number=request.number).SerializeToString())


def test_calls_of_many_threads_share_one_connection(serve: Serve, client: Client) -> None:
    server = serve(echo)
    conformance = Conformance(client.caller)
    wrong: list[int] = []

    def call(start: int) -> None:
        wrong.extend(n for n in range(start, start + 200) if conformance.echo(number=n).number != n)

    threads = [threading.Thread(target=call, args=(1000 * n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert server.connections == 1
    ids = [frame.stream_id for frame in server.frames]
    assert len(set(ids)) == 1600
    assert all(number % 2 == 1 for number in ids)


def test_answers_may_come_in_any_order(serve: Serve, client: Client) -> None:
    held: list[_wire.Frame] = []

    def backwards(peer: Peer, frame: _wire.Frame) -> None:
        held.append(frame)
        if len(held) == 3:
            for waiting in reversed(held):
                echo(peer, waiting)

    serve(backwards)
    conformance = Conformance(client.caller)
    answers: dict[int, int] = {}

    def call(number: int) -> None:
        answers[number] = conformance.echo(number=number).number

    threads = [threading.Thread(target=call, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {0: 0, 1: 1, 2: 2}


def test_a_call_carries_its_deadline_its_metadata_and_the_acting_user(serve: Serve, client: Client) -> None:
    server = serve(echo)
    acting = client.with_metadata({"X-Trace": "1"}).acting_as("u1")
    Conformance(acting.caller).echo(text="hi", timeout=5)
    Conformance(acting.acting_as("u2").caller).echo()
    first, second = (Request(frame) for frame in server.frames)
    assert (first.service, first.method) == ("tallystick.testing.v1.Conformance", "Echo")
    assert 4_000_000_000 < first.timeout_nanos <= 5_000_000_000
    assert first.metadata == [("x-trace", "1"), ("tally-acting-user", "u1")]
    assert second.metadata == [("x-trace", "1"), ("tally-acting-user", "u2")]
    assert server.frames[0].flags == 0


def test_a_lost_connection_is_made_again_and_the_call_repeated_with_its_key(
    serve: Serve, client: Client
) -> None:
    def lose_two(peer: Peer, frame: _wire.Frame) -> None:
        if peer.number < 2:
            peer.hang_up()
        else:
            peer.respond(frame.stream_id, ConsumeResponse(commit_sequence=7).SerializeToString())

    server = serve(lose_two)
    assert client.credits.consume(user_id="u", amount_micros=1).commit_sequence == 7
    requests = [ConsumeRequest.FromString(Request(frame).payload) for frame in server.frames]
    assert len(requests) == 3
    assert requests[0].idempotency_key
    assert requests[0] == requests[1] == requests[2]


def test_what_is_not_repeatable_is_not_sent_twice(serve: Serve, client: Client) -> None:
    server = serve(lambda peer, frame: peer.hang_up())
    with pytest.raises(errors.ConnectionLost) as caught:
        services.TestControl(client.caller).advance_clock(millis=1)
    assert caught.value.maybe_applied
    assert len(server.frames) == 1
    # By the time of a retry somebody else may have meant the opposite.
    for call in (client.pages.publish, client.pages.unpublish, client.pages.delete_page):
        server.frames.clear()
        with pytest.raises(errors.ConnectionLost) as caught:
            call(page_id="p")
        assert caught.value.maybe_applied
        assert len(server.frames) == 1


def test_unavailable_is_tried_again_and_other_errors_are_not(serve: Serve, client: Client) -> None:
    statuses = [14, 14, 0, 9]

    def fail(peer: Peer, frame: _wire.Frame) -> None:
        code = statuses.pop(0)
        peer.respond(frame.stream_id, status=bytes([0x08, code]) if code else b"")

    server = serve(fail)
    services.TestControl(client.caller).advance_clock(millis=1)
    assert len(server.frames) == 3
    with pytest.raises(errors.TallyError) as caught:
        client.credits.get_balance(user_id="u")
    assert caught.value.code == 9
    assert len(server.frames) == 4


def test_a_server_that_starts_late_is_waited_for(serve: Serve, client: Client) -> None:
    servers: list[FakeServer] = []
    starter = threading.Timer(0.1, lambda: servers.append(serve(echo)))
    starter.start()
    assert Conformance(client.caller).echo(number=3).number == 3
    starter.join()


def test_without_a_server_a_call_ends_when_its_retries_are_over(socket_path: pathlib.Path) -> None:
    with Client(socket_path, retry_seconds=0.05) as client, pytest.raises(errors.ConnectionLost) as caught:
        client.credits.get_balance(user_id="u")
    assert not caught.value.maybe_applied
    assert str(socket_path) in caught.value.message


def test_a_deadline_ends_the_call_and_its_late_answer_is_dropped(serve: Serve, client: Client) -> None:
    late: list[tuple[Peer, _wire.Frame]] = []

    def first_is_late(peer: Peer, frame: _wire.Frame) -> None:
        if not late:
            late.append((peer, frame))
        else:
            echo(*late[0])
            echo(peer, frame)

    server = serve(first_is_late)
    conformance = Conformance(client.caller)
    with pytest.raises(errors.DeadlineExceeded) as caught:
        conformance.echo(number=1, timeout=0.05)
    assert caught.value.maybe_applied
    assert conformance.echo(number=2).number == 2
    assert server.connections == 1


def test_a_stream_is_read_in_order_to_its_end(serve: Serve, client: Client) -> None:
    def stream(peer: Peer, frame: _wire.Frame) -> None:
        for number in range(100):
            peer.data(frame.stream_id, VerifyResponse(check=number).SerializeToString())
        # An empty message is one.
        peer.data(frame.stream_id, b"")
        peer.end(frame.stream_id)

    server = serve(stream)
    assert [message.check for message in client.admin.verify()] == [*range(100), 0]
    assert server.frames[0].flags == _wire.REMOTE_CLOSED


def test_a_stream_ends_with_its_error_after_what_came_before(serve: Serve, client: Client) -> None:
    def fail(peer: Peer, frame: _wire.Frame) -> None:
        peer.data(frame.stream_id, VerifyResponse(check=1).SerializeToString())
        peer.respond(frame.stream_id, status=bytes([0x08, 15]))

    serve(fail)
    stream = client.admin.verify()
    assert next(stream).check == 1
    for _ in range(2):
        with pytest.raises(errors.TallyError) as caught:
            next(stream)
        assert caught.value.code == 15


def test_a_lost_connection_ends_a_stream(serve: Serve, client: Client) -> None:
    def lose(peer: Peer, frame: _wire.Frame) -> None:
        peer.data(frame.stream_id, b"")
        peer.hang_up()

    serve(lose)
    stream = client.admin.verify()
    next(stream)
    with pytest.raises(errors.ConnectionLost):
        next(stream)


def test_a_stream_that_is_left_early_is_cancelled(serve: Serve, client: Client) -> None:
    cancelled = threading.Event()

    def endless(peer: Peer, frame: _wire.Frame) -> None:
        request = Request(frame)
        if request.method == "Cancel":
            cancelled.set()
        elif request.method == "Verify":
            peer.data(frame.stream_id, b"")
        else:
            echo(peer, frame)

    server = serve(endless)
    with client.admin.verify() as stream:
        next(stream)
    assert cancelled.wait(20)
    [(key, token)] = Request(server.frames[0]).metadata
    assert key == "tally-cancel-token"
    assert Request(server.frames[1]).payload == b"\x0a\x20" + token.encode()
    assert list(stream) == []


def test_a_streams_deadline_is_kept(serve: Serve, client: Client) -> None:
    serve(lambda peer, frame: None)
    with pytest.raises(errors.DeadlineExceeded):
        next(client.admin.verify(timeout=0.05))


def test_a_stream_that_nobody_reads_holds_up_nobody_and_has_a_limit(serve: Serve, client: Client) -> None:
    message = bytes(4 << 20)

    def flood(peer: Peer, frame: _wire.Frame) -> None:
        method = Request(frame).method
        if method == "Verify":
            for _ in range(_stream.LONGEST_BACKLOG_BYTES // len(message) + 1):
                peer.data(frame.stream_id, message)
        elif method == "Echo":
            echo(peer, frame)

    serve(flood)
    stream = client.admin.verify()
    assert Conformance(client.caller).echo(number=5).number == 5
    backlog = list(stream._waiting)
    assert len(backlog) == _stream.LONGEST_BACKLOG_BYTES // len(message)
    assert stream._error is not None
    assert type(stream._error) is errors.StreamOverflow


def test_a_peer_that_does_not_speak_ttrpc_loses_the_connection(serve: Serve, client: Client) -> None:
    def talk(peer: Peer, frame: _wire.Frame) -> None:
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n" if peer.number == 0 else b"")
        if peer.number:
            echo(peer, frame)

    server = serve(talk)
    assert Conformance(client.caller).echo(number=9).number == 9
    assert server.connections == 2


def sum_of(frames: list[_wire.Frame]) -> int:
    return sum(EchoRequest.FromString(frame.payload).number for frame in frames)


def test_a_client_stream_sends_its_messages_and_waits_for_the_one_answer(
    serve: Serve, client: Client
) -> None:
    def add(peer: Peer, frame: _wire.Frame) -> None:
        if frame.flags & _wire.REMOTE_CLOSED:
            answer = SumResponse(sum=sum_of(server.frames[1:-1]))
            peer.respond(frame.stream_id, answer.SerializeToString())

    server = serve(add)
    # An empty message is one.
    numbers = [0, 1, 2, 39]
    assert Conformance(client.caller).sum(EchoRequest(number=n) for n in numbers).sum == 42
    begin, *messages, end = server.frames
    assert (begin.type, begin.flags, Request(begin).payload) == (_wire.REQUEST, _wire.REMOTE_OPEN, b"")
    assert [frame.type for frame in messages] == [_wire.DATA] * 4
    assert (end.type, end.flags) == (_wire.DATA, _wire.REMOTE_CLOSED | _wire.NO_DATA)
    assert len({frame.stream_id for frame in server.frames}) == 1


def test_a_client_stream_ends_when_the_server_has_answered(serve: Serve, client: Client) -> None:
    sent = 0

    def refuse(peer: Peer, frame: _wire.Frame) -> None:
        if frame.type == _wire.REQUEST:
            peer.respond(frame.stream_id, status=bytes([0x08, 8]))

    def endless() -> Iterator[EchoRequest]:
        nonlocal sent
        while True:
            sent += 1
            yield EchoRequest(number=sent)

    serve(refuse)
    with pytest.raises(errors.TallyError) as caught:
        Conformance(client.caller).sum(endless())
    assert caught.value.code == 8


def test_a_client_stream_that_is_given_up_is_cancelled(serve: Serve, client: Client) -> None:
    cancelled = threading.Event()

    def listen(peer: Peer, frame: _wire.Frame) -> None:
        if frame.type == _wire.REQUEST and Request(frame).method == "Cancel":
            cancelled.set()

    def broken() -> Iterator[EchoRequest]:
        yield EchoRequest(number=1)
        raise KeyError("no more")

    server = serve(listen)
    with pytest.raises(KeyError):
        Conformance(client.caller).sum(broken())
    assert cancelled.wait(20)
    with pytest.raises(errors.DeadlineExceeded) as caught:
        Conformance(client.caller).sum([EchoRequest()], timeout=0.05)
    assert caught.value.maybe_applied
    assert not any(frame.flags & _wire.REMOTE_CLOSED for frame in server.frames[:2])


def test_a_lost_connection_ends_a_client_stream_and_is_not_tried_again(serve: Serve, client: Client) -> None:
    def lose(peer: Peer, frame: _wire.Frame) -> None:
        if frame.type == _wire.DATA:
            peer.hang_up()

    server = serve(lose)
    with pytest.raises(errors.ConnectionLost) as caught:
        Conformance(client.caller).sum([EchoRequest(number=1)])
    assert caught.value.maybe_applied
    assert server.connections == 1


def test_a_stream_both_ways_is_sent_and_read_in_turn(serve: Serve, client: Client) -> None:
    def answer(peer: Peer, frame: _wire.Frame) -> None:
        if frame.flags & _wire.REMOTE_CLOSED:
            peer.end(frame.stream_id)
        elif frame.type == _wire.DATA:
            peer.data(frame.stream_id, frame.payload)

    serve(answer)
    with Conformance(client.caller).chat() as chat:
        for text in ("a", "b"):
            chat.send(EchoRequest(text=text))
            assert next(chat).text == text
        chat.finish()
        assert list(chat) == []
        with pytest.raises(ValueError, match="finished"):
            chat.send(EchoRequest())


def test_a_request_beyond_what_the_protocol_carries_is_refused_here(serve: Serve, client: Client) -> None:
    server = serve(echo)
    with pytest.raises(errors.MessageTooLarge):
        Conformance(client.caller).echo(body=bytes(_wire.LONGEST_PAYLOAD))
    assert server.connections == 0


def test_floats_are_no_amounts_in_calls_either(client: Client) -> None:
    with pytest.raises(TypeError, match="float"):
        client.credits.consume(user_id="u", amount_micros=0.25)  # type: ignore[arg-type]


def test_a_closed_client_says_so_and_ends_its_thread(serve: Serve, socket_path: pathlib.Path) -> None:
    serve(echo)
    before = threading.active_count()
    client = Client(socket_path)
    Conformance(client.caller).echo()
    client.close()
    client.close()
    names = [thread.name for thread in threading.enumerate()]
    assert "tallystick-reader" not in names
    assert threading.active_count() <= before + 1
    with pytest.raises(ValueError, match="closed"):
        Conformance(client.caller).echo()


def test_a_client_that_is_dropped_ends_its_connection(serve: Serve, socket_path: pathlib.Path) -> None:
    serve(echo)
    client = Client(socket_path)
    Conformance(client.caller).echo()
    [reader] = [thread for thread in threading.enumerate() if thread.name == "tallystick-reader"]
    del client
    reader.join(20)
    assert not reader.is_alive()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_a_connection_of_its_own(serve: Serve, client: Client) -> None:
    server = serve(echo)
    conformance = Conformance(client.caller)
    conformance.echo()
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if conformance.echo(number=4).number == 4 else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert conformance.echo(number=5).number == 5
    assert server.connections == 2


def test_ids_wrap_around_and_pass_over_live_ones(serve: Serve, client: Client) -> None:
    waiting: list[tuple[Peer, _wire.Frame]] = []

    def hold_first(peer: Peer, frame: _wire.Frame) -> None:
        if not waiting:
            waiting.append((peer, frame))
        else:
            echo(peer, frame)

    server = serve(hold_first)
    conformance = Conformance(client.caller)
    first = threading.Thread(target=conformance.echo)
    first.start()
    while not waiting:
        time.sleep(0.001)
    client.caller._channel.connection(1)._next_id = _wire.LAST_STREAM_ID
    conformance.echo()
    conformance.echo()
    assert [frame.stream_id for frame in server.frames] == [1, _wire.LAST_STREAM_ID, 3]
    echo(*waiting[0])
    first.join()


def test_the_default_socket(socket_path: pathlib.Path) -> None:
    assert default_socket({"TALLY_SOCKET": "/x", "XDG_RUNTIME_DIR": "/y"}) == "/x"
    assert default_socket({"XDG_RUNTIME_DIR": "/y"}) in (
        "/y/tallystick/tally.sock",
        "/run/tallystick/tally.sock",
    )
    assert default_socket({}) == "/run/tallystick/tally.sock"
    directory = socket_path.parent / "tallystick"
    directory.mkdir()
    (directory / "tally.sock").touch()
    assert default_socket({"XDG_RUNTIME_DIR": str(socket_path.parent)}) == str(directory / "tally.sock")
    with pytest.raises(ValueError, match="107 bytes"):
        Client("/" + "x" * 107)
