"""Users, limits and the server's own figures, against a real daemon."""

from __future__ import annotations

import pytest

from tallystick import Client, errors
from tallystick.messages import (
    USER_APPROVAL_APPROVED,
    USER_APPROVAL_PENDING,
    USER_ROLE_ADMIN,
    USER_ROLE_USER,
    USER_SORT_USER_ID,
    RateLimit,
    UserSettings,
)
from tallystick.testing import Clock


def put(tally: Client, user_id: str, role: int = USER_ROLE_USER) -> UserSettings:
    settings = UserSettings(
        user_id=user_id,
        email=f"{user_id}@example.com",
        role=role,  # type: ignore[arg-type]
        approval=USER_APPROVAL_APPROVED,
    )
    return tally.admin.put_user_settings(settings=settings).settings


def test_settings_are_put_once_and_read_back(tally: Client) -> None:
    stored = put(tally, "u1")
    assert stored.created_at_micros > 0
    assert tally.admin.get_user_settings(user_id="u1").settings == stored
    again = tally.admin.put_user_settings(settings=stored)
    assert again.unchanged
    with pytest.raises(errors.GrantNotFound):
        tally.admin.put_user_settings(settings=UserSettings(user_id="u1", plan_id="gold"))


def test_users_are_listed_with_balance_and_usage(tally: Client) -> None:
    for number in range(5):
        put(tally, f"u{number}")
    tally.credits.add_purchase(user_id="u3", payment_id="p1", amount_micros=2_000_000)
    tally.credits.add_purchase(user_id="x", payment_id="p2", amount_micros=1)
    tally.pages.create_page(user_id="u3", page_id="home")
    first = tally.admin.list_users(sort=USER_SORT_USER_ID, user_id_prefix="u", limit=3)
    rest = tally.admin.list_users(
        sort=USER_SORT_USER_ID, user_id_prefix="u", limit=3, cursor=first.next_cursor
    )
    users = [*first.users, *rest.users]
    assert [user.settings.user_id for user in users] == ["u0", "u1", "u2", "u3", "u4"]
    assert rest.next_cursor == ""
    assert users[3].balance.available_micros == 2_000_000
    assert users[3].usage.pages == 1
    [pending] = tally.admin.list_users(approval=USER_APPROVAL_PENDING).users
    assert pending.settings.user_id == "x"


def test_an_acting_user_is_an_admin_or_asks_in_vain(tally: Client) -> None:
    put(tally, "boss", USER_ROLE_ADMIN)
    put(tally, "u1")
    assert len(tally.acting_as("boss").admin.list_users().users) == 2
    with pytest.raises(errors.TallyError) as caught:
        tally.acting_as("u1").admin.list_users()
    assert caught.value.code == errors.Code.PERMISSION_DENIED


def test_a_rate_limit_refuses_with_when_to_come_again(tally: Client, tally_clock: Clock) -> None:
    tally_clock.set(tally_clock.now())
    limit = RateLimit(user_id="u1", per_second=1, burst=2)
    assert tally.admin.set_rate_limit(rate_limit=limit).rate_limit == limit
    assert list(tally.admin.list_rate_limits().rate_limits) == [limit]

    def spend(calls: int) -> None:
        for _ in range(calls):
            tally.credits.get_balance(user_id="u1")

    with pytest.raises(errors.RateLimited) as caught:
        spend(3)
    assert caught.value.retry_after_millis == 1_000
    tally.credits.get_balance(user_id="u2")
    tally.admin.set_rate_limit(rate_limit=RateLimit(user_id="u1"))
    spend(10)
    assert not tally.admin.list_rate_limits().rate_limits


def test_the_server_tells_what_it_did(tally: Client) -> None:
    tally.credits.get_balance(user_id="u1")
    names = {metric.name for metric in tally.admin.get_metrics().metrics}
    assert names
    assert all(name.startswith("tallystick_") for name in names)
    text = tally.admin.get_metrics(prometheus=True).prometheus_text
    assert text.startswith("# HELP tallystick_")
    queries = tally.admin.get_query_stats().queries
    assert any(query.latency.count > 0 for query in queries)
    assert {cache.name for cache in tally.admin.get_cache_stats().caches}
