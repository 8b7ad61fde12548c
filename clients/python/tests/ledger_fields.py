"""What a ledger script can say by name, of balances, rows, holds, plans and settings in proto3 JSON.

Each field is a pair: how it is spelled in the script, and its value. `next_after` is not among a row's: no
reply carries it.
"""

from __future__ import annotations

from typing import Any, Optional

Fields = dict[str, tuple[str, Any]]


def _number(view: dict[str, Any], name: str) -> tuple[str, int]:
    return "number", int(view.get(name, 0))


def _text(view: dict[str, Any], name: str) -> tuple[str, str]:
    return "text", view.get(name, "")


def _time(view: dict[str, Any], name: str) -> tuple[str, Optional[int]]:
    """Absent and zero are no time."""
    return "time", int(view.get(name, 0)) or None


def _lots(view: dict[str, Any]) -> tuple[str, list[tuple[int, int]]]:
    return "lots", [(int(lot["lotId"]), int(lot["amountMicros"])) for lot in view.get("lots", [])]


def _sequence(view: dict[str, Any], name: str) -> tuple[str, int]:
    """The number in a transaction's id."""
    return "number", int(view.get(name, "txn-0").removeprefix("txn-"))


def _enum(view: dict[str, Any], name: str, prefix: str) -> tuple[str, str]:
    return "text", view.get(name, "").removeprefix(prefix)


def of_balance(view: dict[str, Any]) -> Fields:
    at = view.get("nextExpiryAtMicros")
    return {
        "posted": _number(view, "postedMicros"),
        "held": _number(view, "heldMicros"),
        "available": _number(view, "availableMicros"),
        "pending": _number(view, "pendingMicros"),
        "owed": _number(view, "owedMicros"),
        "version": _number(view, "version"),
        "next": ("expiry", None if at is None else (int(view["nextExpiryMicros"]), int(at))),
    }


def of_hold(view: dict[str, Any]) -> Fields:
    return {
        "hold": _text(view, "holdId"),
        "state": _enum(view, "state", "HOLD_STATE_"),
        "hold_amount": _number(view, "amountMicros"),
        "captured": _number(view, "capturedMicros"),
        "released": _number(view, "releasedMicros"),
        "forfeited": _number(view, "forfeitedMicros"),
        "created": _time(view, "createdAtMicros"),
        "hold_expires": _time(view, "expiresAtMicros"),
        "settled": _time(view, "settledAtMicros"),
        "hold_run": _text(view, "runId"),
        "pins": _lots(view),
    }


def of_row(view: dict[str, Any]) -> Fields:
    kind, name = _enum(view, "type", "TRANSACTION_TYPE_")
    return {
        "row": _number(view, "sequence"),
        "user": _text(view, "userId"),
        "type": (kind, name.lower()),
        "amount": _number(view, "amountMicros"),
        "balance_after": _number(view, "balanceAfterMicros"),
        "held_after": _number(view, "heldAfterMicros"),
        "pending_after": _number(view, "pendingAfterMicros"),
        "version_after": _number(view, "version"),
        "at": _time(view, "createdAtMicros"),
        "effective": _time(view, "effectiveAtMicros"),
        "lots": _lots(view),
        "priority": _number(view, "priority"),
        "expires": _time(view, "expiresAtMicros"),
        "key": _text(view, "idempotencyKey"),
        "run": _text(view, "runId"),
        "payment": _text(view, "paymentId"),
        "plan": _text(view, "planId"),
        "period": _time(view, "periodStartAtMicros"),
        "rollover": _number(view, "rolloverCapMicros"),
        "refers_to": _sequence(view, "refersToTransactionId"),
        "event": _text(view, "eventId"),
        "asked": _number(view, "askedMicros"),
        "short": _number(view, "shortMicros"),
        "owed_amount": _number(view, "owedMicros"),
        "owed_after": _number(view, "owedAfterMicros"),
        "of_hold": _text(view, "holdId"),
        "of_hold_amount": _number(view, "holdAmountMicros"),
        "package": _text(view, "package"),
        "actor": _text(view, "actor"),
        "reason": _text(view, "reason"),
        "description": _text(view, "description"),
        "meta": ("metadata", view.get("metadata", {})),
    }


def of_plan(view: dict[str, Any]) -> Fields:
    _, expiry = _enum(view, "grantExpiry", "GRANT_EXPIRY_")
    return {
        "plan": _text(view, "planId"),
        "name": _text(view, "displayName"),
        "credit": _number(view, "monthlyCreditMicros"),
        "expiry": ("text", f"{view['expiresAfterMillis']}ms" if expiry == "AFTER" else expiry.lower()),
        "priority": _number(view, "priority"),
        "zone": _text(view, "timeZone"),
        "rollover": _number(view, "rolloverCapMicros"),
        "on_short": _enum(view, "onShort", "ON_SHORT_"),
        "default": ("truth", view.get("isDefault", False)),
        "updated": _time(view, "updatedAtMicros"),
    }


def of_settings(view: dict[str, Any]) -> Fields:
    subscription = view.get("subscription", {})
    return {
        "user": _text(view, "userId"),
        "plan": _text(view, "planId"),
        "state": _enum(view, "state", "USER_STATE_"),
        "subscription": _text(subscription, "planId"),
        "start": _text(subscription, "start"),
        "grants": _enum(subscription, "grants", "GRANT_MODE_"),
    }


def of_mutation(reply: dict[str, Any]) -> Fields:
    """All that the reply of a mutation says: its row, the balance after it, and the hold."""
    if "plan" in reply:
        return of_plan(reply["plan"])
    if "settings" in reply:
        return of_settings(reply["settings"])
    fields = {**of_row(reply["transaction"]), **of_balance(reply["balance"])}
    return {**fields, **of_hold(reply["hold"])} if "hold" in reply else fields


def of_details(details: dict[str, str]) -> Fields:
    return {name: ("text", value) for name, value in details.items()}
