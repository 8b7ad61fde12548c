"""Amounts, times and keys."""

from __future__ import annotations

import json
import time
import uuid
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from tallystick import dollars, new_key, to_datetime, to_dollars, to_micros, to_timestamp
from tallystick._keys import fill
from tallystick.messages import BatchConsumeRequest, ConsumeRequest
from tallystick.money import LEAST, MOST


@pytest.mark.parametrize(
    ("amount", "micros"),
    [
        (250_000, 250_000),
        (-1, -1),
        (Decimal("0.25"), 250_000),
        (Decimal("-0.000001"), -1),
        (Decimal("1E+3"), 1_000_000_000),
        (Decimal("0.2500000000"), 250_000),
        (Decimal("9223372036854.775807"), MOST),
        (Decimal("-9223372036854.775808"), LEAST),
    ],
)
def test_amounts_are_exact(amount: int | Decimal, micros: int) -> None:
    assert to_micros(amount) == micros
    assert to_micros(to_dollars(micros)) == micros


def test_an_amount_of_dollars_is_what_every_client_and_the_program_make_of_it() -> None:
    vectors = Path(__file__).parents[3] / "proto" / "vectors" / "amounts.txt"
    lines = [line for line in vectors.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    assert len(lines) > 30
    for line in lines:
        quoted, _, result = line.rpartition(" ")
        if result == "refused":
            with pytest.raises(ValueError, match="amount"):
                dollars(json.loads(quoted))
        else:
            assert dollars(json.loads(quoted)) == int(result), line


@pytest.mark.parametrize("amount", [0.25, 1.0, "0.25", True, None])
def test_floats_and_others_are_no_amounts(amount: object) -> None:
    with pytest.raises(TypeError, match="amount"):
        to_micros(amount)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "amount",
    [
        Decimal("0.0000001"),
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("1E+1000000"),
        Decimal("9223372036854.775808"),
        Decimal("0.12345678901234567890123456789012345"),
        MOST + 1,
        LEAST - 1,
    ],
)
def test_amounts_that_cannot_be_exact_are_refused(amount: int | Decimal) -> None:
    with pytest.raises(ValueError, match="amount"):
        to_micros(amount)


def test_times_are_exact_to_the_microsecond() -> None:
    moment = datetime(2026, 1, 1, 0, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert to_timestamp(moment) == 1_767_218_400_999_999
    assert to_datetime(1_767_218_400_999_999) == moment
    assert to_timestamp(5) == 5
    with pytest.raises(ValueError, match="time zone"):
        to_timestamp(datetime(2026, 1, 1))
    for wrong in (1.5, True, "2026-01-01"):
        with pytest.raises(TypeError, match="time"):
            to_timestamp(wrong)  # type: ignore[arg-type]


def test_keys_are_version_7_of_now_and_only_grow() -> None:
    keys = [uuid.UUID(new_key()) for _ in range(10_000)]
    assert keys == sorted(set(keys))
    assert {key.version for key in keys} == {7}
    assert {key.variant for key in keys} == {uuid.RFC_4122}
    assert abs((keys[0].int >> 80) / 1000 - time.time()) < 60


def test_requests_get_a_key_where_they_have_none() -> None:
    request = ConsumeRequest(user_id="u")
    fill(request, "idempotency_key")
    assert uuid.UUID(request.idempotency_key)
    named = ConsumeRequest(idempotency_key="mine")
    fill(named, "idempotency_key")
    assert named.idempotency_key == "mine"
    batch = BatchConsumeRequest(
        items=[ConsumeRequest(), ConsumeRequest(idempotency_key="k"), ConsumeRequest()]
    )
    fill(batch, "items")
    assert batch.items[1].idempotency_key == "k"
    assert len({item.idempotency_key for item in batch.items}) == 3
