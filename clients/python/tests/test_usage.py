"""Runs, quotas and stats against a real daemon."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

from tallystick import Client, errors, to_timestamp
from tallystick._generated.testing.v1.conformance_pb2 import EchoRequest
from tallystick.messages import (
    GRANT_EXPIRY_PERIOD_END,
    QUOTA_KIND_GENERATIONS,
    RUN_STATUS_FAILED,
    RUN_STATUS_RUNNING,
    RUN_STATUS_SUCCEEDED,
    BeginRunResponse,
    ModelPrice,
    Plan,
    PlanLimits,
    RecordRunRequest,
    UserSettings,
)
from tallystick.testing import Clock, Conformance

NOON = datetime(2030, 1, 15, 12, tzinfo=timezone.utc)


@pytest.fixture(autouse=True)
def _noon(tally_clock: Clock) -> None:
    tally_clock.set(NOON)


def put_plan(tally: Client, limits: PlanLimits | None = None) -> None:
    """A plan for u1."""
    plan = Plan(
        plan_id="pro",
        monthly_credit_micros=20_000_000,
        grant_expiry=GRANT_EXPIRY_PERIOD_END,
        limits=limits,
        prices=[ModelPrice(model="m", input_micros_per_million=3_000_000, image_micros=40_000)],
    )
    tally.usage.put_plan(plan=plan)
    tally.admin.put_user_settings(settings=UserSettings(user_id="u1", plan_id="pro"))


def begin(tally: Client, run_id: str, estimate: Decimal | int = 0) -> BeginRunResponse:
    return tally.usage.begin_run(
        user_id="u1", run_id=run_id, model="m", type="text", estimate_micros=estimate
    )


def record(
    number: int, user_id: str = "u1", cost: int = 10, status: int = RUN_STATUS_SUCCEEDED
) -> RecordRunRequest:
    return RecordRunRequest(
        run_id=f"r{number}",
        user_id=user_id,
        model="m",
        type="text",
        status=status,  # type: ignore[arg-type]
        cost_micros=cost,
        started_at_micros=to_timestamp(NOON - timedelta(hours=1)),
    )


def test_a_run_holds_its_estimate_and_charges_its_cost(tally: Client) -> None:
    tally.credits.add_purchase(user_id="u1", payment_id="p1", amount_micros=Decimal(1))
    begun = begin(tally, "r1", Decimal("0.50"))
    assert begun.run.status == RUN_STATUS_RUNNING
    assert begun.balance.available_micros == 500_000
    assert begin(tally, "r1", 500_000).replayed
    done = tally.usage.finish_run(run_id="r1", status="RUN_STATUS_SUCCEEDED", cost_micros=Decimal("0.12"))
    assert (done.run.cost_micros, done.run.charged_micros) == (120_000, 120_000)
    assert done.balance.available_micros == 880_000
    again = tally.usage.finish_run(run_id="r1", status="RUN_STATUS_SUCCEEDED", cost_micros=120_000)
    assert again.replayed
    assert again.commit_sequence == done.commit_sequence
    with pytest.raises(errors.RunConflict):
        tally.usage.finish_run(run_id="r1", status="RUN_STATUS_FAILED")
    assert tally.usage.get_run(run_id="r1").run == done.run
    [listed] = tally.usage.list_runs(user_id="u1", from_micros=NOON).runs
    assert listed == done.run


def test_a_quotas_refusal_says_what_is_used_up_and_until_when(tally: Client, tally_clock: Clock) -> None:
    put_plan(tally, PlanLimits(monthly_generations=1))
    assert tally.usage.check_quota(user_id="u1", kind=QUOTA_KIND_GENERATIONS).allowed
    begin(tally, "r1")
    with pytest.raises(errors.QuotaExceeded) as caught:
        begin(tally, "r2")
    month_end = to_timestamp(datetime(2030, 2, 1, tzinfo=timezone.utc))
    assert (caught.value.quota, caught.value.limit, caught.value.used) == ("GENERATIONS", 1, 1)
    assert caught.value.resets_at_micros == month_end
    assert not caught.value.maybe_applied
    usage = tally.usage.get_usage(user_id="u1").usage
    assert (usage.running, usage.generations, usage.limits.monthly_generations) == (1, 0, 1)
    tally.usage.finish_run(run_id="r1", status="RUN_STATUS_FAILED")
    begin(tally, "r2")
    tally.usage.finish_run(run_id="r2", status="RUN_STATUS_SUCCEEDED", input_tokens=1_000)
    tally_clock.advance(days=17)
    begin(tally, "r3")
    usages = tally.usage.batch_get_usage(user_ids=["u1", "nobody"], month="2030-01").usages
    assert [usage.generations for usage in usages] == [1, 0]


def test_a_runs_cost_comes_from_its_plan(tally: Client) -> None:
    put_plan(tally)
    tally.credits.add_purchase(user_id="u1", payment_id="p1", amount_micros=Decimal(1))
    begin(tally, "r1")
    done = tally.usage.finish_run(run_id="r1", status="RUN_STATUS_SUCCEEDED", input_tokens=1, images=2)
    # Three micro-dollars a token, rounded up, and two images.
    assert done.run.cost_micros == 3 + 80_000


def test_runs_are_recorded_in_batches_each_decided_on_its_own(tally: Client) -> None:
    first = tally.usage.record_runs(runs=[record(1), record(2)])
    assert [result.replayed for result in first.results] == [False, False]
    second = tally.usage.record_runs(runs=[record(2), record(1, cost=11), record(3)])
    replayed, conflict, new = second.results
    assert replayed.replayed
    assert not new.replayed
    assert not new.HasField("error")
    error = errors.from_info(errors.Code(conflict.error.code), conflict.error.message, conflict.error.info)
    assert isinstance(error, errors.RunConflict)
    with pytest.raises(errors.EventTooOld) as caught:
        tally.usage.record_run(
            user_id="u1",
            run_id="old",
            model="m",
            type="text",
            status="RUN_STATUS_FAILED",
            started_at_micros=NOON - timedelta(days=36),
        )
    assert caught.value.oldest_micros == to_timestamp(NOON - timedelta(days=35))


def test_a_stream_of_runs_is_counted_and_a_second_one_replays(tally: Client) -> None:
    def runs() -> Iterator[RecordRunRequest]:
        for number in range(2_500):
            yield record(number, user_id=f"u{number % 7}")
        yield record(7, cost=999)

    first = tally.usage.stream_runs(runs())
    assert (first.received, first.recorded, first.replayed, first.failed) == (2_501, 2_500, 0, 1)
    [failure] = first.failures
    assert failure.index == 2_500
    assert failure.error.info.reason == "RUN_CONFLICT"
    assert first.commit_sequence > 0
    second = tally.usage.stream_runs(runs(), timeout=30)
    assert (second.received, second.recorded, second.replayed) == (2_501, 0, 2_500)
    assert tally.usage.stream_runs([]).received == 0


def test_stats_are_of_one_user_or_all_with_empty_days(tally: Client) -> None:
    tally.usage.record_runs(
        runs=[
            record(1, cost=250_000),
            record(2, user_id="u2", cost=500_000),
            record(3, cost=0, status=RUN_STATUS_FAILED),
        ]
    )
    stats = tally.usage.get_stats(days=3, recent_limit=2)
    assert (stats.totals.count, stats.totals.failed, stats.totals.cost_micros) == (3, 1, 750_000)
    assert stats.totals.error_rate_ppm == 333_333
    assert [(day.date, day.totals.count) for day in stats.days] == [
        ("2030-01-13", 0),
        ("2030-01-14", 0),
        ("2030-01-15", 3),
    ]
    assert {group.name: group.totals.count for group in stats.by_status} == {"SUCCEEDED": 2, "FAILED": 1}
    assert len(stats.recent) == 2
    assert tally.usage.get_stats(user_id="u1").totals.count == 2
    with pytest.raises(errors.ActingUser):
        tally.acting_as("u1").usage.get_stats()


def test_streams_of_messages_reach_the_daemon(tally: Client) -> None:
    conformance = Conformance(tally.caller)
    total = conformance.sum(EchoRequest(number=n) for n in range(1_000))
    assert (total.count, total.sum) == (1_000, 499_500)
    with conformance.chat() as chat:
        for number in range(10):
            chat.send(EchoRequest(number=number))
            assert next(chat).number == number
        chat.finish()
        assert list(chat) == []
