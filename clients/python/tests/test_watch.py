"""Watches of the ledger: against a server that cuts them as the test says, and against a real one."""

from __future__ import annotations

import asyncio
import pathlib
import threading
from collections.abc import Callable

import pytest
from fake import PATIENCE, FakeServer, Frame, Handler, Peer, Request

from tallystick import AsyncClient, Client, _async_calls, _calls, _inbox, _wire, errors
from tallystick._generated import services
from tallystick.errors import Code
from tallystick.messages import (
    AlertRule,
    ErrorInfo,
    Event,
    Transaction,
    WatchEventsRequest,
    WatchEventsResponse,
    WatchTransactionsRequest,
    WatchTransactionsResponse,
)
from tallystick.testing import Server

Serve = Callable[[Handler], FakeServer]

ERROR_INFO = "type.googleapis.com/tallystick.v1.ErrorInfo"


def failure(code: Code, reason: str, **details: str) -> bytes:
    """A Status, encoded."""
    info = ErrorInfo(reason=reason, domain="tallystick", metadata=details).SerializeToString()
    detail = _wire._field(1, ERROR_INFO.encode()) + _wire._field(2, info)
    return bytes([0x08, code]) + _wire._field(2, b"cut") + _wire._field(3, detail)


def message(next_sequence: int, *sequences: int, description: str = "") -> bytes:
    return WatchTransactionsResponse(
        transactions=[Transaction(sequence=number, description=description) for number in sequences],
        next_sequence=next_sequence,
    ).SerializeToString()


class Cuts:
    """Answers each call with its messages and its end; a call more is refused."""

    def __init__(self, *answers: tuple[list[bytes], bytes]) -> None:
        self.answers = list(answers)
        self.asked: list[WatchTransactionsRequest] = []
        self.events_asked: list[WatchEventsRequest] = []

    def __call__(self, peer: Peer, frame: Frame) -> None:
        request = Request(frame)
        if request.method == "WatchTransactions":
            self.asked.append(WatchTransactionsRequest.FromString(request.payload))
        elif request.method == "WatchEvents":
            self.events_asked.append(WatchEventsRequest.FromString(request.payload))
        else:
            return
        messages, end = (
            self.answers.pop(0) if self.answers else ([], failure(Code.INVALID_ARGUMENT, "INVALID_FIELD"))
        )
        for payload in messages:
            peer.data(frame.stream_id, payload)
        if end == b"hang up":
            peer.hang_up()
        elif end == b"end":
            peer.end(frame.stream_id)
        elif end:
            peer.respond(frame.stream_id, status=end)


def connect(socket: str) -> Client:
    return Client(socket, timeout=PATIENCE, retry_seconds=PATIENCE)


ENDED = failure(Code.UNAVAILABLE, "STREAM_ENDED", limit_seconds="3600")
LAGGED = failure(Code.OUT_OF_RANGE, "LAGGED", resume_sequence="8")


def cuts() -> Cuts:
    return Cuts(
        ([message(5), message(7, 5, 6)], ENDED),
        ([], failure(Code.UNAVAILABLE, "SHUTTING_DOWN")),
        ([message(7), message(8, 7)], LAGGED),
        ([message(8), message(20, 9), message(20)], b"hang up"),
        ([message(20), message(21, 20)], b"end"),
        ([message(21), message(22, 21)], b""),
    )


def test_a_watch_goes_on_after_its_last_row_whatever_has_cut_it(serve: Serve, client: Client) -> None:
    answers = cuts()
    serve(answers)
    with client.watch(user_ids=["a"]) as watch:
        assert watch.next_sequence == 0
        seen = [(next(watch).sequence, watch.next_sequence) for _ in range(6)]
    assert seen == [(5, 6), (6, 7), (7, 8), (9, 20), (20, 21), (21, 22)]
    assert [request.from_sequence for request in answers.asked] == [0, 7, 7, 8, 20, 21]
    assert all(list(request.user_ids) == ["a"] for request in answers.asked)
    assert list(watch) == []


def test_an_async_watch_does_so_too(serve: Serve, socket_path: pathlib.Path) -> None:
    answers = cuts()
    serve(answers)

    async def main() -> None:
        async with AsyncClient(socket_path, timeout=PATIENCE, retry_seconds=PATIENCE) as client:
            async with client.watch(user_ids=["a"]) as watch:
                seen = [((await watch.__anext__()).sequence, watch.next_sequence) for _ in range(6)]
            assert seen == [(5, 6), (6, 7), (7, 8), (9, 20), (20, 21), (21, 22)]
            assert [row async for row in watch] == []

    asyncio.run(main())
    assert [request.from_sequence for request in answers.asked] == [0, 7, 7, 8, 20, 21]


def test_an_error_that_would_come_again_ends_a_watch(serve: Serve, client: Client) -> None:
    answers = Cuts(([message(5), message(6, 5)], failure(Code.CANCELLED, "CANCELLED")))
    serve(answers)
    watch = client.watch(5)
    assert next(watch).sequence == 5
    with pytest.raises(errors.TallyError) as caught:
        next(watch)
    assert caught.value.reason == "CANCELLED"
    assert watch.next_sequence == 6
    assert len(answers.asked) == 1


def test_a_watch_gives_up_when_no_server_comes_back(serve: Serve, socket_path: pathlib.Path) -> None:
    serve(Cuts(*[([], failure(Code.UNAVAILABLE, "SHUTTING_DOWN"))] * 100))
    with Client(socket_path, timeout=PATIENCE, retry_seconds=0) as client, pytest.raises(errors.ShuttingDown):
        next(client.watch())


def test_a_closed_watch_neither_begins_nor_has_rows(serve: Serve, client: Client) -> None:
    answers = Cuts(([message(5), message(7, 5, 6)], b""))
    serve(answers)
    unread = client.watch()
    unread.close()
    assert list(unread.begin()) == []
    watch = client.watch().begin()
    assert next(watch).sequence == 5
    watch.close()
    assert list(watch.begin()) == []
    assert watch.next_sequence == 6
    assert len(answers.asked) == 1


def test_a_closed_async_watch_neither_begins_nor_has_rows(serve: Serve, socket_path: pathlib.Path) -> None:
    answers = Cuts(([message(5), message(7, 5, 6)], b""))
    serve(answers)

    async def main() -> None:
        async with AsyncClient(socket_path, timeout=PATIENCE, retry_seconds=PATIENCE) as client:
            unread = client.watch()
            await unread.aclose()
            assert [row async for row in await unread.begin()] == []
            watch = await client.watch().begin()
            assert (await watch.__anext__()).sequence == 5
            await watch.aclose()
            assert [row async for row in await watch.begin()] == []
            assert watch.next_sequence == 6

    asyncio.run(main())
    assert len(answers.asked) == 1


def test_a_watch_that_is_closed_while_it_waits_ends(serve: Serve, client: Client) -> None:
    serve(Cuts(([message(5)], b"")))
    watch = client.watch().begin()
    seen: list[list[Transaction]] = []
    reader = threading.Thread(target=lambda: seen.append(list(watch)))
    reader.start()
    watch.close()
    reader.join(PATIENCE)
    assert seen == [[]]


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many streams were asked for, and how often it was tried to connect."""
    counts = {"streams": 0, "connections": 0}

    def counted(name: str, function: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **named: object) -> object:
            counts[name] += 1
            return function(*args, **named)

        return call

    for kind in (services.CreditService, services.AsyncCreditService):
        monkeypatch.setattr(kind, "watch_transactions", counted("streams", kind.watch_transactions))
    for module, name in ((_calls, "Connection"), (_async_calls, "AsyncConnection")):
        monkeypatch.setattr(module, name, counted("connections", getattr(module, name)))
    return counts


#: How long a watch is tried again without a server, in seconds.
TRIED_SECONDS = 0.5


def test_the_attempts_of_a_watch_are_no_attempts_of_its_streams(
    socket_path: pathlib.Path, tried: dict[str, int]
) -> None:
    with Client(socket_path, retry_seconds=TRIED_SECONDS) as client, pytest.raises(errors.ConnectionLost):
        next(client.watch())
    assert tried["connections"] == tried["streams"] > 0


def test_nor_are_those_of_an_async_watch(socket_path: pathlib.Path, tried: dict[str, int]) -> None:
    async def main() -> None:
        async with AsyncClient(socket_path, retry_seconds=TRIED_SECONDS) as client:
            with pytest.raises(errors.ConnectionLost):
                await client.watch().__anext__()

    asyncio.run(main())
    assert tried["connections"] == tried["streams"] > 0


def test_a_reader_that_takes_nothing_for_long_loses_no_row(
    serve: Serve, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_inbox, "LONGEST_BACKLOG_BYTES", 10_000)
    sent = threading.Event()
    begun: list[int] = []

    def send(peer: Peer, frame: Frame) -> None:
        request = Request(frame)
        if request.method != "WatchTransactions":
            return
        first = WatchTransactionsRequest.FromString(request.payload).from_sequence
        begun.append(first)
        for number in range(first, 101):
            peer.data(frame.stream_id, message(number + 1, number, description="x" * 1_000))
        sent.set()

    serve(send)
    with client.watch(1) as watch:
        assert next(watch).sequence == 1
        assert sent.wait(PATIENCE)
        assert [next(watch).sequence for _ in range(99)] == list(range(2, 101))
    assert len(begun) > 1


def test_a_closed_client_ends_its_watch(serve: Serve, client: Client) -> None:
    serve(Cuts(([message(5), message(6, 5)], b"")))
    watch = client.watch()
    next(watch)
    client.close()
    with pytest.raises(errors.ConnectionLost):
        next(watch)


def test_rows_come_from_a_real_server_across_its_restart() -> None:
    with Server(keep=True) as server, connect(server.socket) as client:
        client.credits.add_purchase(user_id="u1", payment_id="p1", amount_micros=100)
        with client.watch(1) as all_rows, client.watch(user_ids=["u2"]).begin() as some:
            assert next(all_rows).payment_id == "p1"
            client.credits.add_purchase(user_id="u2", payment_id="p2", amount_micros=100)
            server.kill()
            server.restart()
            for number in range(3):
                for user in ("u1", "u2"):
                    client.credits.consume(user_id=user, amount_micros=1, description=f"{user} {number}")
            rows = [next(all_rows) for _ in range(7)]
            assert [row.sequence for row in rows] == list(range(2, 9))
            theirs = [row for row in rows if row.user_id == "u2"]
            assert [next(some) for _ in range(4)] == theirs


def test_an_async_watch_follows_a_real_server(tally: Client, tally_server: Server) -> None:
    async def main() -> None:
        async with AsyncClient(tally_server.socket, timeout=PATIENCE) as client:
            watch = await client.watch(user_ids=["u1"]).begin()
            first = watch.next_sequence
            for number in range(20):
                await client.credits.add_purchase(
                    user_id=f"u{number % 2}", payment_id=f"p{number}", amount_micros=1
                )
            rows = [await watch.__anext__() for _ in range(10)]
            assert [row.sequence - first for row in rows] == list(range(1, 21, 2))
            await watch.aclose()

    asyncio.run(main())


def test_an_acting_user_watches_its_own_rows_only(tally: Client) -> None:
    tally.credits.add_purchase(user_id="u1", payment_id="p1", amount_micros=100)
    view = tally.acting_as("u1")
    assert next(view.watch(1, ["u1"])).payment_id == "p1"
    for users in ([], ["u2"]):
        with pytest.raises(errors.ActingUser):
            next(view.watch(1, users))
    with pytest.raises(errors.InvalidField) as caught:
        next(tally.watch(99))
    assert caught.value.field == "from_sequence"


def test_one_text_is_no_list_of_users(client: Client) -> None:
    with pytest.raises(TypeError):
        client.watch(1, "u1")


def events(next_event_id: int, *event_ids: int) -> bytes:
    return WatchEventsResponse(
        events=[Event(event_id=number) for number in event_ids], next_event_id=next_event_id
    ).SerializeToString()


def event_cuts() -> Cuts:
    return Cuts(
        ([events(5), events(7, 5, 6)], ENDED),
        ([], failure(Code.UNAVAILABLE, "SHUTTING_DOWN")),
        ([events(7), events(8, 7)], LAGGED),
        ([events(8), events(20, 9), events(20)], b"hang up"),
        ([events(20), events(21, 20)], b"end"),
        ([events(21), events(22, 21)], b""),
    )


SEEN_EVENTS = [(5, 6), (6, 7), (7, 8), (9, 20), (20, 21), (21, 22)]


def test_a_watch_of_events_goes_on_after_its_last_one_whatever_has_cut_it(
    serve: Serve, client: Client
) -> None:
    answers = event_cuts()
    serve(answers)
    with client.watch_events(user_ids=["a"]) as watch:
        assert watch.next_event_id == 0
        assert [(next(watch).event_id, watch.next_event_id) for _ in range(6)] == SEEN_EVENTS
    assert [request.from_event_id for request in answers.events_asked] == [0, 7, 7, 8, 20, 21]
    assert all(list(request.user_ids) == ["a"] for request in answers.events_asked)
    assert list(watch) == []


def test_an_async_watch_of_events_does_so_too(serve: Serve, socket_path: pathlib.Path) -> None:
    answers = event_cuts()
    serve(answers)

    async def main() -> None:
        async with AsyncClient(socket_path, timeout=PATIENCE, retry_seconds=PATIENCE) as client:
            async with client.watch_events(user_ids=["a"]) as watch:
                seen = [((await watch.__anext__()).event_id, watch.next_event_id) for _ in range(6)]
            assert seen == SEEN_EVENTS

    asyncio.run(main())
    assert [request.from_event_id for request in answers.events_asked] == [0, 7, 7, 8, 20, 21]


def test_events_come_from_a_real_server_across_its_restart() -> None:
    with Server(keep=True) as server, connect(server.socket) as client:
        client.usage.put_alert_rule(rule=AlertRule(rule_id="low", every_user=True, balance_below_micros=10))

        def cross(user: str, name: str) -> None:
            client.credits.add_purchase(user_id=user, payment_id=f"{user}-{name}", amount_micros=20)
            client.credits.consume(user_id=user, amount_micros=20)

        cross("u1", "1")
        with client.watch_events(1) as watch, client.watch_events(user_ids=["u2"]).begin() as some:
            assert next(watch).user_id == "u1"
            cross("u2", "1")
            server.kill()
            server.restart()
            cross("u1", "2")
            cross("u2", "2")
            rest = [next(watch) for _ in range(3)]
            assert [event.event_id for event in rest] == [2, 3, 4]
            assert [next(some) for _ in range(2)] == [rest[0], rest[2]]
            assert watch.next_event_id == 5


def test_changes_of_pages_come_from_a_real_server_across_its_restart() -> None:
    with Server(keep=True) as server, connect(server.socket) as client:

        def create(user: str, page: str) -> None:
            client.pages.create_page(user_id=user, page_id=page, title=page)

        create("u1", "a")
        with client.watch_pages(1) as watch, client.watch_pages(user_ids=["u2"]).begin() as some:
            assert next(watch).page_id == "a"
            create("u2", "b")
            server.kill()
            server.restart()
            client.pages.delete_page(page_id="a")
            create("u2", "c")
            rest = [next(watch) for _ in range(3)]
            assert [(row.update_number, row.page_id) for row in rest] == [(2, "b"), (3, "a"), (4, "c")]
            assert [next(some) for _ in range(2)] == [rest[0], rest[2]]
            assert watch.next_update == 5
        # Whoever comes later meets each page once, as it is.
        with client.watch_pages(1) as watch:
            assert [next(watch).page_id for _ in range(3)] == ["b", "a", "c"]


def test_an_async_watch_follows_pages_too() -> None:
    async def main(socket: str) -> None:
        async with (
            AsyncClient(socket, timeout=PATIENCE, retry_seconds=PATIENCE) as client,
            client.watch_pages(user_ids=["u1"]) as watch,
        ):
            await watch.begin()
            await client.pages.create_page(user_id="u2", page_id="other", title="")
            await client.pages.create_page(user_id="u1", page_id="own", title="")
            update = await watch.__anext__()
            assert (update.page_id, watch.next_update) == ("own", update.update_number + 1)

    with Server() as server:
        asyncio.run(main(server.socket))
