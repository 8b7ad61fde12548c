"""Runs a ledger script of proto/vectors/ledger through a client, and says line by line what came otherwise.

- A line that does not keep the grammar fails the script.
- What a line does not name is not compared, but for `replayed` and `unchanged`, which are false unless named.
"""

from __future__ import annotations

import asyncio
import pathlib
from typing import Any, Optional

import ledger_fields
from fake import terminate
from ledger_fields import Fields
from ledger_words import SpellingError, Words, duration, metadata, number, spelled, time
from scenario_calls import target
from scenario_steps import Backend, Call

from tallystick.errors import InvalidField, TallyError
from tallystick.testing import Server

#: The columns that no reply carries; a script's words about them are not compared.
NOT_IN_REPLIES = {"next_after"}
#: What one request may move. The ledger itself takes more, and a script may try.
LARGEST_AMOUNT = 10**18
#: The longest page that a listing asks for.
PAGE_LIMIT = 1_000

_METHODS = {
    "consume": "CreditService/Consume",
    "purchase": "CreditService/AddPurchase",
    "grant-plan": "CreditService/GrantPlan",
    "promo": "CreditService/GrantPromo",
    "adjust": "CreditService/Adjust",
    "reserve": "CreditService/Reserve",
    "extend": "CreditService/Extend",
    "capture": "CreditService/Capture",
    "release": "CreditService/Release",
    "refund": "CreditService/Refund",
    "reverse": "CreditService/ReversePurchase",
    "reinstate": "CreditService/ReinstatePurchase",
    "void": "CreditService/VoidGrant",
    "forgive": "CreditService/ForgiveOwed",
    "plan": "UsageService/PutPlan",
    "settings": "AdminService/PutUserSettings",
}
#: The verbs whose request and reply have one message inside, and its name.
_INNER = {"plan": "plan", "settings": "settings"}
#: The verbs that name who did it, and why.
_SIGNED = {"adjust", "void", "forgive"}
#: The verbs that cannot leave out their amount.
_AMOUNT_DUE = {"consume", "purchase", "promo", "adjust", "reserve"}
#: The words that stand alone in a mutation, in their order, as fields of its request.
_PLAIN = {
    "consume": ["userId", "amountMicros"],
    "purchase": ["userId", "paymentId", "amountMicros"],
    "grant-plan": ["userId", "planId"],
    "promo": ["userId", "amountMicros"],
    "adjust": ["userId", "amountMicros"],
    "reserve": ["userId", "amountMicros"],
    "extend": ["holdId"],
    "capture": ["holdId", "amountMicros"],
    "release": ["holdId"],
    "refund": ["transactionId", "amountMicros"],
    "reverse": ["paymentId", "amountMicros"],
    "reinstate": ["paymentId", "amountMicros"],
    "void": ["transactionId", "amountMicros"],
    "forgive": ["userId", "amountMicros"],
    "plan": ["planId"],
    "settings": ["userId"],
}
#: The named words, their fields, and how they are spelled.
_NAMED = {
    "key": ("idempotencyKey", "text"),
    "run": ("runId", "text"),
    "description": ("description", "text"),
    "package": ("package", "text"),
    "actor": ("actor", "text"),
    "reason": ("reason", "text"),
    "period": ("period", "text"),
    "name": ("displayName", "text"),
    "meta": ("metadata", "metadata"),
    "expires": ("expiresAtMicros", "time"),
    "effective": ("effectiveAtMicros", "time"),
    "amount": ("amountMicros", "number"),
    "credit": ("monthlyCreditMicros", "number"),
    "priority": ("priority", "number"),
    "refs": ("externalRefs", "texts"),
    "event": ("eventId", "text"),
    "index": ("periodIndex", "number"),
    "zone": ("timeZone", "text"),
    "rollover": ("rolloverCapMicros", "number"),
    "default": ("isDefault", "truth"),
    "plan": ("planId", "text"),
}
#: The named words that stand for a value of an enumeration: the field, and what the values begin with.
_CHOICES = {
    "overage": ("overage", "OVERAGE_"),
    "on_short": ("onShort", "ON_SHORT_"),
    "on_shortfall": ("onShortfall", "ON_SHORTFALL_"),
    "state": ("state", "USER_STATE_"),
}


def ledger_files() -> list[pathlib.Path]:
    return sorted((pathlib.Path(__file__).parents[3] / "proto" / "vectors" / "ledger").glob("*.txt"))


class LedgerScript:
    def __init__(self, backend: Backend, daemon: Server) -> None:
        self._backend = backend
        self._daemon = daemon
        self._now = 0
        #: What a listing has found and the script has still to name.
        self._listed: Optional[list[Fields]] = None
        self._listing_name = ""
        self.failures: list[str] = []
        self._number = 0

    async def run(self, script: str) -> list[str]:
        """Returns a text for each line that came out otherwise."""
        for self._number, line in enumerate(script.split("\n"), 1):
            await self._line(line.strip())
        self._end_listing()
        return self.failures

    async def _line(self, line: str) -> None:
        if not line or line.startswith("#"):
            return
        if line.startswith("|"):
            self._row(Words(line[1:]))
            return
        self._end_listing()
        if line.startswith("repeat "):
            _, count, repeated = line.split(" ", 2)
            for turn in range(1, number(count) + 1):
                await self._line(repeated.replace("{n}", str(turn)))
            return
        asked, _, expected = line.partition(" -> ")
        words = Words(asked)
        verb = words.next("verb")
        if verb in _METHODS:
            await self._mutate(verb, words, Words(expected))
        elif verb == "balance":
            await self._balance(words, Words(expected))
        elif verb in ("rows", "holds", "plans"):
            self._listing_name = {"rows": "type", "holds": "hold", "plans": "plan"}[verb]
            self._listed = await self._list(verb, words)
        elif verb == "at":
            await self._set(time(words.next("time"), self._now))
        elif verb == "after":
            await self._set(self._now + duration(words.next("duration")))
        elif verb == "restart":
            await self._restart()
        else:
            raise SpellingError(f"line {self._number}: no such verb: {verb}")
        words.finish()

    async def _call(self, method: str, request: Any, acting_user: str = "") -> Any:
        return await self._backend.unary(target(method), request, Call(acting_user=acting_user))

    # Time.

    async def _set(self, micros: int) -> None:
        self._now = micros
        try:
            await self._call("TestControl/SetClock", {"nowMicros": str(micros)})
        except InvalidField as error:
            # The ledger's time never goes back, so its last time is what an earlier one comes to.
            await self._call("TestControl/SetClock", {"nowMicros": error.details["limit"]})

    async def _restart(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, terminate, self._daemon)
        await loop.run_in_executor(None, self._daemon.restart)
        # The new one's clock runs.
        await self._set(self._now)

    # Mutations and balances.

    async def _mutate(self, verb: str, words: Words, wanted: Words) -> None:
        acting_user = words.take("by") or ""
        request = self._request(verb, words)
        beyond = abs(int(request.get("amountMicros", 0))) > LARGEST_AMOUNT
        verdict = wanted.next("outcome")
        if beyond:
            if verdict == "ok":
                raise SpellingError(f"line {self._number}: no request can carry this amount")
            verdict, wanted = "INVALID_AMOUNT", Words("")
        try:
            message = {_INNER[verb]: request} if verb in _INNER else request
            reply = await self._call(_METHODS[verb], message, acting_user)
        except TallyError as error:
            if verdict != error.reason:
                self._fail(f"{verdict} expected, got {error!r} {error.details}")
            else:
                self._compare(wanted, ledger_fields.of_details(dict(error.details)))
            return
        if verdict != "ok":
            self._fail(f"{verdict} expected, but it was applied")
            return
        flag = "unchanged" if verb in _INNER else "replayed"
        if (wanted.take(flag) or "false") != str(reply.get(flag, False)).lower():
            self._fail(f"{flag}={reply.get(flag, False)}")
        self._compare(wanted, ledger_fields.of_mutation(reply))

    def _request(self, verb: str, words: Words) -> dict[str, Any]:
        request: dict[str, Any] = {}
        for name in _PLAIN[verb]:
            if name == "amountMicros":
                if words.plain or verb in _AMOUNT_DUE:
                    request[name] = str(number(words.next("amount")))
            elif name != "transactionId" or "run" not in words.named:
                request[name] = words.next(name)
        if verb in ("reserve", "extend"):
            request["ttlMillis"] = str(duration(words.take("ttl") or "") // 1_000)
        if verb == "plan":
            request.update(_plan_expiry(words.take("expiry") or "never"))
        if verb in _SIGNED:
            request.update({"actor": "root", "reason": "correction"})
        if verb == "settings":
            request.update(_subscription(words))
        for name in list(words.named):
            if name in _CHOICES:
                member, prefix = _CHOICES[name]
                request[member] = prefix + words.named.pop(name).upper()
            elif name in _NAMED:
                member, kind = _NAMED[name]
                value = spelled(kind, words.named.pop(name), self._now)
                request[member] = str(value) if type(value) is int else value
        return request

    async def _balance(self, words: Words, wanted: Words) -> None:
        user = words.next("user")
        single = (await self._call("CreditService/GetBalance", {"userId": user}))["balance"]
        batch = (await self._call("CreditService/BatchGetBalances", {"userIds": [user, user]}))["balances"]
        if batch != [single, single]:
            self._fail(f"the batch says otherwise: {batch}")
        self._compare(wanted, ledger_fields.of_balance(single))

    # Listings.

    async def _list(self, verb: str, words: Words) -> list[Fields]:
        request: dict[str, Any] = {"limit": number(words.take("limit") or str(PAGE_LIMIT))}
        if verb == "plans":
            return [
                ledger_fields.of_plan(plan) for plan in await self._pages("UsageService/ListPlans", request)
            ]
        request["userId"] = words.next("user")
        if verb == "holds":
            states = words.take("states")
            request["states"] = [f"HOLD_STATE_{state}" for state in states.split(",")] if states else []
            holds = await self._pages("CreditService/ListHolds", request)
            return [ledger_fields.of_hold(hold) for hold in reversed(holds)]
        types = words.take("types")
        request["types"] = [f"TRANSACTION_TYPE_{name.upper()}" for name in types.split(",")] if types else []
        request["metadata"] = metadata(words.take("meta") or "none")
        for name in ("from", "to"):
            bound = words.take(name)
            if bound is not None:
                request[f"{name}Micros"] = str(time(bound, self._now))
        rows = await self._pages("CreditService/ListTransactions", request)
        for row in rows:
            single = await self._call(
                "CreditService/GetTransaction", {"transactionId": row["transactionId"]}, row["userId"]
            )
            if single["transaction"] != row:
                self._fail(f"row {row['sequence']} differs alone")
        return [ledger_fields.of_row(row) for row in reversed(rows)]

    async def _pages(self, method: str, request: dict[str, Any]) -> list[dict[str, Any]]:
        """All that a list has, page by page."""
        member = {"ListPlans": "plans", "ListHolds": "holds"}.get(method.split("/")[1], "transactions")
        found: list[dict[str, Any]] = []
        while True:
            reply = await self._call(method, request)
            found += reply.get(member, [])
            if not reply.get("nextCursor"):
                return found
            request = {**request, "cursor": reply["nextCursor"]}

    def _row(self, wanted: Words) -> None:
        name = wanted.next("name")
        if self._listed is None:
            raise SpellingError(f"line {self._number}: a row without its listing")
        if not self._listed:
            self._fail("there is no such row")
            return
        fields = self._listed.pop(0)
        if fields[self._listing_name][1] != name:
            self._fail(f"{name} expected, got {fields}")
        self._compare(wanted, fields)

    def _end_listing(self) -> None:
        if self._listed:
            self._fail(f"before this line, {len(self._listed)} more: {self._listed[0]}")
        self._listed = None

    # Comparing.

    def _compare(self, wanted: Words, fields: Fields) -> None:
        for name, text in wanted.named.items():
            if name in NOT_IN_REPLIES:
                continue
            if name not in fields:
                self._fail(f"nothing is called {name} here")
                continue
            kind, actual = fields[name]
            if spelled(kind, text, self._now) != actual:
                self._fail(f"{name}={text} expected, got {actual}")
        wanted.named.clear()
        wanted.finish()

    def _fail(self, message: str) -> None:
        self.failures.append(f"line {self._number}: {message}")


def _plan_expiry(text: str) -> dict[str, Any]:
    if text in ("never", "period_end"):
        return {"grantExpiry": f"GRANT_EXPIRY_{text.upper()}"}
    return {"grantExpiry": "GRANT_EXPIRY_AFTER", "expiresAfterMillis": str(duration(text) // 1_000)}


def _subscription(words: Words) -> dict[str, Any]:
    """`subscription=none` ends it; without the word it is kept."""
    plan = words.take("subscription")
    if plan is None:
        return {}
    if plan == "none":
        return {"subscription": {}}
    grants = f"GRANT_MODE_{words.take('grants') or 'MANUAL'}"
    return {"subscription": {"planId": plan, "start": words.take("start") or "", "grants": grants}}
