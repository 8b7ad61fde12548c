"""Deadlines, retries, connections and threads, against a server that does as the test says."""

from __future__ import annotations

import math
import os
import pathlib
import signal
import socket
import threading
from collections.abc import Callable

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

from tallystick import Client, _connection, _rules, _wire, default_socket, errors
from tallystick._generated import services
from tallystick._generated.testing.v1.conformance_pb2 import EchoRequest
from tallystick.messages import ConsumeRequest, ConsumeResponse
from tallystick.testing import Conformance

Serve = Callable[[Handler], FakeServer]


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
    held: list[Frame] = []

    def backwards(peer: Peer, frame: Frame) -> None:
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
    Conformance(acting.caller).echo(text="hi", timeout=PATIENCE)
    Conformance(acting.acting_as("u2").caller).echo()
    first, second = (Request(frame) for frame in server.frames)
    assert (first.service, first.method) == ("tallystick.testing.v1.Conformance", "Echo")
    assert 0 < first.timeout_nanos <= PATIENCE * 10**9
    assert first.metadata == [("x-trace", "1"), ("tally-acting-user", "u1")]
    assert second.metadata == [("x-trace", "1"), ("tally-acting-user", "u2")]
    assert server.frames[0].flags == 0


def test_metadata_are_text(client: Client) -> None:
    with pytest.raises(TypeError, match="tally-acting-user is a str, not int"):
        client.acting_as(7)  # type: ignore[arg-type]
    assert repr(client.acting_as("7")) == f"Client('{client.socket}')"


def test_a_lost_connection_is_made_again_and_the_call_repeated_with_its_key(
    serve: Serve, client: Client
) -> None:
    def lose_two(peer: Peer, frame: Frame) -> None:
        if peer.number < 2:
            peer.hang_up()
        else:
            peer.respond(frame.stream_id, ConsumeResponse(commit_sequence=7).SerializeToString())

    server = serve(lose_two)
    assert client.credits.consume(user_id="u", amount_micros=1).commit_sequence == 7
    timeouts = [Request(frame).timeout_nanos for frame in server.frames]
    assert timeouts[0] > timeouts[1] > timeouts[2] > 0
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

    def fail(peer: Peer, frame: Frame) -> None:
        code = statuses.pop(0)
        peer.respond(frame.stream_id, status=bytes([0x08, code]) if code else b"")

    server = serve(fail)
    services.TestControl(client.caller).advance_clock(millis=1)
    assert len(server.frames) == 3
    with pytest.raises(errors.TallyError) as caught:
        client.credits.get_balance(user_id="u")
    assert caught.value.code == 9
    assert len(server.frames) == 4


def test_a_server_that_starts_late_is_waited_for(
    serve: Serve, client: Client, socket_path: pathlib.Path
) -> None:
    answers: list[int] = []
    early = threading.Thread(target=lambda: answers.append(Conformance(client.caller).echo(number=3).number))
    early.start()
    hasty = Client(socket_path, timeout=PATIENCE, retry_seconds=0)
    with hasty, pytest.raises(errors.ConnectionLost):
        Conformance(hasty.caller).echo()
    serve(echo)
    early.join(PATIENCE)
    assert answers == [3]


def test_without_a_server_a_call_ends_when_its_retries_are_over(socket_path: pathlib.Path) -> None:
    with Client(socket_path, retry_seconds=SOON) as client, pytest.raises(errors.ConnectionLost) as caught:
        client.credits.get_balance(user_id="u")
    assert not caught.value.maybe_applied
    assert str(socket_path) in caught.value.message


def test_a_deadline_ends_the_call_and_its_late_answer_is_dropped(serve: Serve, client: Client) -> None:
    late: list[tuple[Peer, Frame]] = []

    def ones_are_late(peer: Peer, frame: Frame) -> None:
        if EchoRequest.FromString(Request(frame).payload).number == 1:
            late.append((peer, frame))
        else:
            for call in late:
                echo(*call)
            echo(peer, frame)

    server = serve(ones_are_late)
    conformance = Conformance(client.caller)
    for timeout in GROWING_DEADLINES:
        with pytest.raises(errors.DeadlineExceeded) as caught:
            conformance.echo(number=1, timeout=timeout)
        if caught.value.maybe_applied:
            break
    assert caught.value.maybe_applied
    assert conformance.echo(number=2).number == 2
    assert late
    assert server.connections == 1


def test_a_peer_that_does_not_speak_ttrpc_loses_the_connection(serve: Serve, client: Client) -> None:
    def talk(peer: Peer, frame: Frame) -> None:
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n" if peer.number == 0 else b"")
        if peer.number:
            echo(peer, frame)

    server = serve(talk)
    assert Conformance(client.caller).echo(number=9).number == 9
    assert server.connections == 2


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
    client = Client(socket_path, timeout=PATIENCE, retry_seconds=PATIENCE)
    Conformance(client.caller).echo()
    with client.admin.verify():
        assert readers() != []
    client.close()
    client.close()
    assert readers() == []
    assert threading.active_count() <= before + 1
    with pytest.raises(ValueError, match="closed"):
        Conformance(client.caller).echo()


def test_a_client_that_is_closed_between_attempts_tells_what_is_known(
    serve: Serve, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(lambda peer, frame: peer.hang_up())
    monkeypatch.setattr("tallystick._calls.time.sleep", lambda seconds: client.close())
    with pytest.raises(errors.ConnectionLost, match="closed") as caught:
        client.credits.consume(user_id="u", amount_micros=1)
    assert caught.value.maybe_applied


@pytest.mark.parametrize("seconds", [_rules.LONGEST_TIMEOUT_SECONDS + 1, math.inf, math.nan, 1e300])
def test_a_timeout_beyond_the_limit_is_refused_before_anything_is_sent(
    serve: Serve, client: Client, seconds: float
) -> None:
    server = serve(echo)
    for call in (Conformance(client.caller).echo, client.admin.verify):
        with pytest.raises(ValueError, match="timeout is at most 2073600 seconds"):
            call(timeout=seconds)
    with pytest.raises(ValueError, match="timeout"):
        Client(client.socket, timeout=seconds)
    assert Conformance(client.caller).echo(timeout=_rules.LONGEST_TIMEOUT_SECONDS) is not None
    assert len(server.frames) == 1


def test_details_that_do_not_parse_end_their_own_call_only(serve: Serve, client: Client) -> None:
    detail = _wire._field(1, errors.ERROR_INFO.encode()) + _wire._field(2, b"\xff")
    status = b"\x08\x09" + _wire._field(3, detail)

    server = serve(lambda peer, frame: peer.respond(frame.stream_id, status=status))
    with client.admin.verify() as stream, pytest.raises(errors.TallyError, match="does not parse"):
        next(stream)
    with pytest.raises(errors.TallyError, match="does not parse") as caught:
        Conformance(client.caller).echo()
    assert caught.value.maybe_applied
    assert server.connections == 1


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "tallystick-reader"]


def test_a_client_that_is_dropped_ends_its_connection(serve: Serve, socket_path: pathlib.Path) -> None:
    serve(lambda peer, frame: None)
    client = Client(socket_path, timeout=PATIENCE, retry_seconds=PATIENCE)
    client.admin.verify()
    [reader] = readers()
    del client
    reader.join(PATIENCE)
    assert not reader.is_alive()


def test_a_lone_caller_reads_for_itself_and_a_second_one_gets_a_reader(serve: Serve, client: Client) -> None:
    both = threading.Barrier(2)
    waiting: list[tuple[Peer, Frame]] = []

    def pair(peer: Peer, frame: Frame) -> None:
        if Request(frame).method == "Inspect":
            waiting.append((peer, frame))
            if len(waiting) == 2:
                for held in waiting:
                    echo(*held)
        else:
            echo(peer, frame)

    serve(pair)
    conformance = Conformance(client.caller)
    conformance.echo()
    assert readers() == []

    def call() -> None:
        both.wait(PATIENCE)
        conformance.inspect()

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert conformance.echo(number=3).number == 3


class Interrupt(BaseException):
    pass


def test_a_reader_that_is_interrupted_leaves_nobody_waiting(serve: Serve, client: Client) -> None:
    """A signal's handler may raise between the reading of an answer and its handing out."""
    inside = threading.Event()

    def hold(peer: Peer, frame: Frame) -> None:
        if peer.number:
            echo(peer, frame)
        else:
            inside.set()

    def interrupt(number: int, stack: object) -> None:
        raise Interrupt

    serve(hold)
    conformance = Conformance(client.caller)
    answers: list[int] = []
    other = threading.Thread(target=lambda: answers.append(conformance.echo(number=7).number))
    main = threading.main_thread().ident
    assert main is not None

    def later() -> None:
        inside.wait(PATIENCE)
        other.start()
        wait_until(lambda: len(client.caller._channel.connection(1)._streams.waiting) >= 2)
        signal.pthread_kill(main, signal.SIGUSR1)

    helper = threading.Thread(target=later)
    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        helper.start()
        with pytest.raises(Interrupt):
            conformance.echo()
    finally:
        signal.signal(signal.SIGUSR1, before)
    helper.join(PATIENCE)
    other.join(PATIENCE)
    assert answers == [7]


def test_a_call_behind_one_that_cannot_be_sent_keeps_its_deadline(serve: Serve, client: Client) -> None:
    began, go_on = threading.Event(), threading.Event()

    def slow(peer: Peer, frame: Frame) -> None:
        began.set()
        go_on.wait(PATIENCE)
        echo(peer, frame)

    server = serve(slow)
    conformance = Conformance(client.caller)
    answers: list[int] = []

    def call(number: int, body: bytes) -> None:
        answers.append(conformance.echo(number=number, body=body).number)

    threads = [threading.Thread(target=call, args=(n, bytes(n << 20))) for n in range(3)]
    threads[0].start()
    assert began.wait(PATIENCE)
    for thread in threads[1:]:
        thread.start()
    wait_until(client.caller._channel.connection(1)._sending.locked)
    with pytest.raises(errors.DeadlineExceeded):
        conformance.echo(timeout=SOON)
    go_on.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(answers) == [0, 1, 2]
    assert server.connections == 1


def test_a_server_that_takes_nothing_loses_the_connection(
    serve: Serve, socket_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    serve(lambda peer, frame: go_on.wait(PATIENCE))
    monkeypatch.setattr(_connection, "SEND_STALL_SECONDS", SOON)
    with Client(socket_path, timeout=PATIENCE, retry_seconds=0) as client, client.admin.verify():
        with pytest.raises(errors.ConnectionLost, match="while sending") as caught:
            Conformance(client.caller).echo(body=bytes(1 << 20))
        assert caught.value.maybe_applied
    go_on.set()


def test_a_connection_that_ended_while_idle_is_made_again_for_any_call(serve: Serve, client: Client) -> None:
    peers: list[Peer] = []

    def answer(peer: Peer, frame: Frame) -> None:
        peers.append(peer)
        peer.respond(frame.stream_id)

    server = serve(answer)
    control = services.TestControl(client.caller)
    # Not repeatable: it fails if it may have been sent.
    control.advance_clock(millis=1)
    peers[0].connection.shutdown(socket.SHUT_RDWR)
    control.advance_clock(millis=1)
    assert server.connections == 2
    assert len(server.frames) == 2


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
    waiting: list[tuple[Peer, Frame]] = []

    def hold_first(peer: Peer, frame: Frame) -> None:
        if not waiting:
            waiting.append((peer, frame))
        else:
            echo(peer, frame)

    server = serve(hold_first)
    conformance = Conformance(client.caller)
    first = threading.Thread(target=conformance.echo)
    first.start()
    wait_until(lambda: waiting)
    client.caller._channel.connection(1)._streams._next_id = _wire.LAST_STREAM_ID
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


def test_a_value_of_the_wrong_type_is_named(client: Client) -> None:
    with pytest.raises(TypeError, match="user_id of Consume is of the wrong type, int"):
        client.credits.consume(user_id=7, amount_micros=1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="ttl_millis of Reserve is of the wrong type, str"):
        client.credits.reserve(user_id="u1", amount_micros=1, ttl_millis="9")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"ttl_millis of Reserve: .*range"):
        client.credits.reserve(user_id="u1", amount_micros=1, ttl_millis=1 << 64)
    with pytest.raises(ValueError, match=r"status of RecordRun: .*DONE"):
        client.usage.record_run(status="DONE")
    with pytest.raises(UnicodeEncodeError):
        client.credits.get_balance(user_id="\ud800")
    # One text is an iterable of its characters.
    with pytest.raises(TypeError, match="a list of texts was expected, not one text: 'u1'"):
        client.credits.batch_get_balances(user_ids="u1")
