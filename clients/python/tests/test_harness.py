"""What a test may do to the daemon: fixtures, snapshots, failures, the clock."""

from __future__ import annotations

import json
import pathlib
import time
from datetime import timedelta
from decimal import Decimal

import pytest
from fake import PATIENCE, SOON

from tallystick import Client, errors
from tallystick.testing import Clock, Failures, Fixtures, Server, Snapshots

DATA = {
    "users": [{"user_id": "u1", "email": "u1@example.com", "role": "USER_ROLE_USER"}],
    "purchases": [{"user_id": "u1", "payment_id": "p1", "amount_micros": "1000000"}],
    "calls": [
        {"method": "CreditService/Consume", "request": {"user_id": "u1", "amount_micros": "250000"}},
    ],
}


def available(tally: Client, user_id: str = "u1") -> int:
    return tally.credits.get_balance(user_id=user_id).balance.available_micros


def test_fixtures_come_from_a_file_and_from_a_dict_and_replay(
    tally: Client, tally_fixtures: Fixtures, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "data.json"
    path.write_text(json.dumps(DATA))
    assert tally_fixtures.load(path) == 3
    assert tally_fixtures.load(str(path)) == 3
    assert tally_fixtures.load(DATA) == 3
    assert available(tally) == 750_000
    assert tally.admin.get_user_settings(user_id="u1").settings.email == "u1@example.com"


def test_a_refused_fixture_raises_its_own_error(tally: Client, tally_fixtures: Fixtures) -> None:
    with pytest.raises(errors.InsufficientCredits):
        tally_fixtures.load({"calls": DATA["calls"]})


def test_a_snapshot_brings_everything_back(
    tally: Client, tally_clock: Clock, tally_snapshots: Snapshots
) -> None:
    tally.credits.add_purchase(user_id="u1", payment_id="p1", amount_micros=Decimal(1))
    tally_clock.set(tally_clock.now())
    then = tally_clock.now()
    tally_snapshots.save("rich")
    tally.credits.consume(user_id="u1", amount_micros=Decimal(1))
    tally_clock.advance(days=30)
    for _ in range(2):
        tally_snapshots.restore("rich")
        assert available(tally) == 1_000_000
        assert tally_clock.now() == then
        tally.credits.consume(user_id="u1", amount_micros=1)


def test_a_refused_call_has_the_reason_and_its_details(tally: Client, tally_failures: Failures) -> None:
    failure = tally_failures.refuse("CreditService/GetBalance", reason="QUOTA_EXCEEDED", skip=1, count=2)
    assert available(tally) == 0
    for _ in range(2):
        with pytest.raises(errors.QuotaExceeded):
            available(tally)
    assert available(tally) == 0
    assert tally_failures.happened(failure) == 2
    tally_failures.refuse(code=errors.Code.DATA_LOSS, message="gone")
    with pytest.raises(errors.TallyError, match="gone") as caught:
        available(tally)
    assert caught.value.code == errors.Code.DATA_LOSS
    with pytest.raises(ValueError, match="FULL_MOON"):
        tally_failures.refuse(reason="FULL_MOON")


def test_what_is_unavailable_or_dropped_is_tried_again_and_applied_once(
    tally: Client, tally_failures: Failures
) -> None:
    tally.credits.add_purchase(user_id="u1", payment_id="p1", amount_micros=100)
    injected = [
        tally_failures.refuse("CreditService/Consume", count=2),
        tally_failures.drop_before("CreditService/Consume"),
        tally_failures.drop_after("CreditService/Consume"),
        tally_failures.refuse_connection(),
    ]
    with Client(tally.socket, timeout=PATIENCE, retry_seconds=PATIENCE) as patient:
        reply = patient.credits.consume(user_id="u1", amount_micros=1)
    assert reply.replayed
    assert [tally_failures.happened(failure) for failure in injected] == [2, 1, 1, 1]
    assert available(tally) == 99


def test_a_full_disk_and_a_slow_one(tally: Client, tally_failures: Failures) -> None:
    tally_failures.store_full()
    with pytest.raises(errors.DiskFull):
        tally.credits.add_purchase(user_id="u1", payment_id="p1", amount_micros=1)
    assert tally_failures.clear() == 0
    tally_failures.store_delay(by=timedelta(milliseconds=50))
    start = time.monotonic()
    tally.credits.add_purchase(user_id="u1", payment_id="p2", amount_micros=1)
    assert time.monotonic() - start >= 0.05


def test_a_delayed_call_outlives_its_deadline_and_is_asked_about_by_its_key(
    tally: Client, tally_failures: Failures
) -> None:
    tally.credits.add_purchase(user_id="u1", payment_id="p1", amount_micros=1)
    tally_failures.delay("CreditService/Consume", by=timedelta(seconds=60))
    with pytest.raises(errors.DeadlineExceeded):
        tally.credits.consume(user_id="u1", amount_micros=1, idempotency_key="k", timeout=SOON)
    assert [failure.failure.delay_millis for failure in tally_failures.list()] == [60_000]
    tally_failures.clear()
    assert tally_failures.list() == []
    tally.credits.consume(user_id="u1", amount_micros=1, idempotency_key="k")
    assert available(tally) == 0


def test_the_next_test_has_a_daemon_even_when_the_store_failed(
    tally: Client, tally_failures: Failures, tally_server: Server
) -> None:
    tally_failures.store_unknown()
    once = Client(tally.socket, timeout=PATIENCE, retry_seconds=0)
    with once, pytest.raises(errors.TallyError) as caught:
        once.credits.add_purchase(user_id="u1", payment_id="p1", amount_micros=1)
    assert caught.value.maybe_applied
    assert tally_server.wait() != 0
    assert not tally_server.is_running


def test_and_that_daemon_is_another_one(tally: Client, tally_server: Server) -> None:
    assert tally.socket == tally_server.socket
    assert available(tally) == 0
