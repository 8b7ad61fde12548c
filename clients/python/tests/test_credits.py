"""The client against a real daemon."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from fake import PATIENCE, SOON

from tallystick import Client, errors, new_key, to_datetime
from tallystick.messages import (
    BATCH_MODE_ATOMIC,
    GRANT_EXPIRY_PERIOD_END,
    TRANSACTION_TYPE_API_USAGE,
    ConsumeRequest,
    Plan,
)
from tallystick.testing import Clock, Conformance, Server


def fund(tally: Client, user_id: str = "u1", amount: int | Decimal = 1_000_000) -> None:
    tally.credits.add_purchase(user_id=user_id, payment_id=new_key(), amount_micros=amount)


def available(tally: Client, user_id: str = "u1") -> int:
    return tally.credits.get_balance(user_id=user_id).balance.available_micros


def test_a_consume_takes_credit_and_its_retry_takes_none(tally: Client) -> None:
    fund(tally, amount=Decimal("1.00"))
    first = tally.credits.consume(
        user_id="u1", amount_micros=Decimal("0.25"), idempotency_key="k1", metadata={"model": "m"}
    )
    again = tally.credits.consume(
        user_id="u1", amount_micros=250_000, idempotency_key="k1", metadata={"model": "m"}
    )
    assert (first.replayed, again.replayed) == (False, True)
    assert first.transaction == again.transaction
    assert first.transaction.amount_micros == -250_000
    assert dict(first.transaction.metadata) == {"model": "m"}
    assert available(tally) == 750_000


def test_a_refusal_has_its_reason_and_its_details(tally: Client) -> None:
    fund(tally, amount=1_000)
    with pytest.raises(errors.InsufficientCredits) as caught:
        tally.credits.consume(user_id="u1", amount_micros=1_001)
    assert caught.value.available_micros == 1_000
    assert caught.value.required_micros == 1_001
    assert not caught.value.maybe_applied
    with pytest.raises(errors.InvalidAmount) as amount:
        tally.credits.consume(user_id="u1", amount_micros=0)
    assert amount.value.field == "amount_micros"
    with pytest.raises(errors.InvalidField) as invalid:
        tally.credits.consume(amount_micros=1)
    assert invalid.value.field == "user_id"
    tally.credits.consume(user_id="u1", amount_micros=1, idempotency_key="k")
    with pytest.raises(errors.IdempotencyMismatch):
        tally.credits.consume(user_id="u1", amount_micros=2, idempotency_key="k")
    assert available(tally) == 999


def test_a_batch_tells_each_items_outcome(tally: Client) -> None:
    fund(tally, amount=10)
    items = [ConsumeRequest(user_id="u1", amount_micros=6) for _ in range(2)]
    results = tally.credits.batch_consume(items=items).results
    assert results[0].applied.balance.available_micros == 4
    failed = results[1].error
    error = errors.from_info(errors.Code(failed.code), failed.message, failed.info)
    assert isinstance(error, errors.InsufficientCredits)
    assert error.available_micros == 4


def test_an_atomic_batch_names_the_item_that_was_refused(tally: Client) -> None:
    fund(tally, amount=10)
    items = [ConsumeRequest(user_id="u1", amount_micros=amount) for amount in (6, 6, 1)]
    for mode in (BATCH_MODE_ATOMIC, "BATCH_MODE_ATOMIC"):
        failed = [result.error for result in tally.credits.batch_consume(items=items, mode=mode).results]
        failures = [errors.from_info(errors.Code(one.code), one.message, one.info) for one in failed]
        assert isinstance(failures[1], errors.InsufficientCredits)
        for aborted in (failures[0], failures[2]):
            assert isinstance(aborted, errors.BatchAborted)
            assert aborted.refused_index == 1
    assert available(tally) == 10
    tally.credits.batch_consume(items=[items[0], items[2]], mode=BATCH_MODE_ATOMIC)
    assert available(tally) == 3


def test_holds_are_captured_and_released(tally: Client) -> None:
    fund(tally)
    hold = tally.credits.reserve(user_id="u1", amount_micros=600_000, ttl_millis=60_000).hold
    assert available(tally) == 400_000
    captured = tally.credits.capture(hold_id=hold.hold_id, amount_micros=Decimal("0.1"))
    assert captured.hold.released_micros == 500_000
    assert available(tally) == 900_000
    with pytest.raises(errors.HoldSettled):
        tally.credits.release(hold_id=hold.hold_id)


def test_hundreds_of_callers_get_exactly_what_is_there(tally: Client) -> None:
    fund(tally, amount=100)
    outcomes: list[bool] = []

    def spend() -> None:
        for _ in range(10):
            try:
                tally.credits.consume(user_id="u1", amount_micros=1)
                outcomes.append(True)
            except errors.InsufficientCredits:
                outcomes.append(False)

    threads = [threading.Thread(target=spend) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (outcomes.count(True), outcomes.count(False)) == (100, 100)
    assert available(tally) == 0


def test_plans_are_put_listed_and_granted_once(tally: Client) -> None:
    plan = Plan(plan_id="pro", monthly_credit_micros=5_000_000, grant_expiry=GRANT_EXPIRY_PERIOD_END)
    assert not tally.usage.put_plan(plan=plan).unchanged
    assert [found.plan_id for found in tally.usage.list_plans().plans] == ["pro"]
    tally.credits.grant_plan(user_id="u1", plan_id="pro")
    assert tally.credits.grant_plan(user_id="u1", plan_id="pro").replayed
    with pytest.raises(errors.GrantConflict):
        tally.credits.grant_plan(user_id="u1", plan_id="pro", amount_micros=1)
    assert available(tally) == 5_000_000


def test_the_clock_stands_and_moves_as_told(tally: Client, tally_clock: Clock) -> None:
    start = datetime(2030, 1, 31, tzinfo=timezone.utc)
    assert to_datetime(tally_clock.set(start)) == start
    tally.credits.grant_promo(user_id="u1", amount_micros=5, expires_at_micros=start + timedelta(days=1))
    tally_clock.advance(hours=23)
    assert available(tally) == 5
    tally_clock.advance(timedelta(hours=1))
    assert available(tally) == 0
    assert to_datetime(tally_clock.now()) == start + timedelta(days=1)


def test_a_past_balance_is_asked_for_by_a_datetime(tally: Client, tally_clock: Clock) -> None:
    start = datetime(2030, 1, 31, tzinfo=timezone.utc)
    tally_clock.set(start)
    fund(tally, amount=10)
    tally_clock.advance(hours=2)
    tally.credits.consume(user_id="u1", amount_micros=3)
    for at in (start + timedelta(hours=1), int(start.timestamp()) * 1_000_000):
        assert tally.credits.get_balance(user_id="u1", at_micros=at).balance.available_micros == 10
    before = tally.credits.get_balance(user_id="u1", at_micros=start - timedelta(hours=1)).balance
    assert before.available_micros == 0
    assert available(tally) == 7


def test_each_test_begins_empty(tally: Client) -> None:
    assert available(tally) == 0
    assert tally.credits.list_transactions(user_id="u1").transactions == []


def test_listing_filters_and_pages(tally: Client) -> None:
    fund(tally)
    for number in range(5):
        tally.credits.consume(user_id="u1", amount_micros=1 + number)
    amounts, cursor = [], ""
    while True:
        page = tally.credits.list_transactions(
            user_id="u1", types=[TRANSACTION_TYPE_API_USAGE], limit=2, cursor=cursor
        )
        amounts += [-row.amount_micros for row in page.transactions]
        cursor = page.next_cursor
        if not cursor:
            break
    assert amounts == [5, 4, 3, 2, 1]


def test_an_acting_user_sees_no_other(tally: Client) -> None:
    fund(tally, "u1")
    acting = tally.acting_as("u2")
    assert available(acting, "u2") == 0
    with pytest.raises(errors.ActingUser):
        acting.credits.get_balance(user_id="u1")


def test_the_server_tells_what_it_is(tally: Client, tally_server: Server) -> None:
    info = tally.admin.get_server_info()
    assert info.version == tally_server.version
    assert info.pid == tally_server.pid
    assert info.testing
    assert info.ephemeral


def test_verify_streams_its_checks(tally: Client) -> None:
    fund(tally)
    checks = [message for message in tally.admin.verify() if message.done]
    assert checks
    assert all(check.violations == 0 for check in checks)


def test_streams_and_statuses_of_the_conformance_service(tally: Client) -> None:
    conformance = Conformance(tally.caller)
    assert [message.number for message in conformance.count(count=1_000)] == list(range(1_000))
    assert list(conformance.count(count=0)) == []
    once = Conformance(Client(tally.socket, timeout=PATIENCE, retry_seconds=0).caller)
    for code in range(1, 17):
        with pytest.raises(errors.TallyError) as caught:
            once.fail(code=code, message="ünïcode ☃")
        assert caught.value.code == code
        assert caught.value.message == "ünïcode ☃"
    with pytest.raises(errors.DeadlineExceeded):
        conformance.sleep(millis=60_000, timeout=SOON)
    body = bytes(range(256)) * 4096
    assert conformance.echo(body=body).body == body


def test_a_stream_left_early_leaves_the_connection_usable(tally: Client) -> None:
    conformance = Conformance(tally.caller)
    with conformance.count(count=1_000_000, body_size=100) as stream:
        assert next(stream).number == 0
    assert conformance.echo(text="still here").text == "still here"
