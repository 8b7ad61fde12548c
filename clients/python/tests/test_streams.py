"""Streams of all kinds, against a server that does as the test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from fake import PATIENCE, SOON, FakeServer, Frame, Handler, Peer, Request, echo

from tallystick import Client, _inbox, _wire, errors
from tallystick._generated.testing.v1.conformance_pb2 import EchoRequest, EchoResponse, SumResponse
from tallystick.messages import VerifyResponse
from tallystick.testing import Conformance

Serve = Callable[[Handler], FakeServer]


def test_a_stream_is_read_in_order_to_its_end(serve: Serve, client: Client) -> None:
    def stream(peer: Peer, frame: Frame) -> None:
        for number in range(100):
            peer.data(frame.stream_id, VerifyResponse(check=number).SerializeToString())
        # An empty message is one.
        peer.data(frame.stream_id, b"")
        peer.end(frame.stream_id)

    server = serve(stream)
    assert [message.check for message in client.admin.verify()] == [*range(100), 0]
    assert server.frames[0].flags == _wire.REMOTE_CLOSED


def test_a_stream_ends_with_its_error_after_what_came_before(serve: Serve, client: Client) -> None:
    def fail(peer: Peer, frame: Frame) -> None:
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
    def lose(peer: Peer, frame: Frame) -> None:
        peer.data(frame.stream_id, b"")
        peer.hang_up()

    serve(lose)
    stream = client.admin.verify()
    next(stream)
    with pytest.raises(errors.ConnectionLost):
        next(stream)


def test_a_stream_that_is_left_early_is_cancelled(serve: Serve, client: Client) -> None:
    cancelled = threading.Event()

    def endless(peer: Peer, frame: Frame) -> None:
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
    assert cancelled.wait(PATIENCE)
    [(key, token)] = Request(server.frames[0]).metadata
    assert key == "tally-cancel-token"
    assert Request(server.frames[1]).payload == b"\x0a\x20" + token.encode()
    assert list(stream) == []


def test_a_streams_deadline_is_kept(serve: Serve, client: Client) -> None:
    serve(lambda peer, frame: None)
    with pytest.raises(errors.DeadlineExceeded) as caught:
        next(client.admin.verify(timeout=SOON))
    # It only reads; what a duplex has sent may have been applied.
    assert not caught.value.maybe_applied
    with pytest.raises(errors.DeadlineExceeded) as caught:
        next(Conformance(client.caller).chat(timeout=SOON))
    assert caught.value.maybe_applied


def test_a_stream_that_nobody_reads_holds_up_nobody_and_has_a_limit(serve: Serve, client: Client) -> None:
    message = bytes((4 << 20) - _inbox.MESSAGE_OVERHEAD_BYTES)

    def flood(peer: Peer, frame: Frame) -> None:
        method = Request(frame).method
        if method == "Verify":
            for _ in range(5):
                peer.data(frame.stream_id, message)
        elif method == "Echo":
            echo(peer, frame)

    serve(flood)
    stream = client.admin.verify()
    assert Conformance(client.caller).echo(number=5).number == 5
    backlog = list(stream._waiting)
    assert len(backlog) == 4
    assert stream._error is not None
    assert type(stream._error) is errors.StreamOverflow


def test_empty_messages_that_nobody_reads_have_a_limit_too(serve: Serve, client: Client) -> None:
    most = _inbox.LONGEST_BACKLOG_BYTES // _inbox.MESSAGE_OVERHEAD_BYTES
    empty = _wire.encode_frame(1, _wire.DATA, 0, b"")

    def flood(peer: Peer, frame: Frame) -> None:
        if Request(frame).method == "Verify":
            peer.send(empty * (most + 1))
        elif Request(frame).method == "Echo":
            echo(peer, frame)

    serve(flood)
    stream = client.admin.verify()
    assert Conformance(client.caller).echo(number=5).number == 5
    assert len(stream._waiting) == most
    assert type(stream._error) is errors.StreamOverflow


def test_a_message_as_long_as_a_frame_fits_alone(serve: Serve, client: Client) -> None:
    message = EchoResponse(body=bytes(_wire.LONGEST_PAYLOAD - 5)).SerializeToString()
    assert len(message) == _wire.LONGEST_PAYLOAD

    def answer(peer: Peer, frame: Frame) -> None:
        peer.data(frame.stream_id, message)
        peer.end(frame.stream_id)

    serve(answer)
    assert len(list(Conformance(client.caller).count(count=1))) == 1


def sum_of(frames: list[Frame]) -> int:
    return sum(EchoRequest.FromString(frame.payload).number for frame in frames)


def test_a_client_stream_sends_its_messages_and_waits_for_the_one_answer(
    serve: Serve, client: Client
) -> None:
    def add(peer: Peer, frame: Frame) -> None:
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

    def refuse(peer: Peer, frame: Frame) -> None:
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

    def listen(peer: Peer, frame: Frame) -> None:
        if frame.type == _wire.REQUEST and Request(frame).method == "Cancel":
            cancelled.set()

    def broken() -> Iterator[EchoRequest]:
        yield EchoRequest(number=1)
        raise KeyError("no more")

    server = serve(listen)
    with pytest.raises(KeyError):
        Conformance(client.caller).sum(broken())
    assert cancelled.wait(PATIENCE)
    with pytest.raises(errors.DeadlineExceeded) as caught:
        Conformance(client.caller).sum([EchoRequest()], timeout=SOON)
    assert caught.value.maybe_applied
    assert not any(frame.flags & _wire.REMOTE_CLOSED for frame in server.frames[:2])


def test_a_client_stream_that_breaks_may_have_been_applied_in_part(serve: Serve, client: Client) -> None:
    def late(peer: Peer, frame: Frame) -> None:
        if frame.type == _wire.DATA:
            peer.respond(frame.stream_id, status=b"\x08\x04")

    serve(late)
    with pytest.raises(errors.DeadlineExceeded) as caught:
        Conformance(client.caller).sum([EchoRequest(number=1)])
    assert caught.value.maybe_applied


def test_a_lost_connection_ends_a_client_stream_and_is_not_tried_again(serve: Serve, client: Client) -> None:
    def lose(peer: Peer, frame: Frame) -> None:
        if frame.type == _wire.DATA:
            peer.hang_up()

    server = serve(lose)
    with pytest.raises(errors.ConnectionLost) as caught:
        Conformance(client.caller).sum([EchoRequest(number=1)])
    assert caught.value.maybe_applied
    assert server.connections == 1


def test_a_stream_both_ways_is_sent_and_read_in_turn(serve: Serve, client: Client) -> None:
    def answer(peer: Peer, frame: Frame) -> None:
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


def test_a_stream_takes_messages_of_its_own_kind_only(serve: Serve, client: Client) -> None:
    serve(lambda peer, frame: None)
    for wrong in ({"run_id": "r1"}, VerifyResponse()):
        with pytest.raises(TypeError, match="StreamRuns takes RecordRunRequest, not"):
            client.usage.stream_runs([wrong])  # type: ignore[list-item]
