"""The words of a ledger script, and how its values are spelled: proto/vectors/ledger/README.md.

What the grammar does not know is an error, never passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, Optional

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_WORD = re.compile(rf'(?:([^\s="]+)=)?({_QUOTED}|\S*)(?:\s+|$)')

_UNIT_MICROS = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
}
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class SpellingError(Exception):
    """The script is not as its grammar wants it."""


class Words:
    """One line's words: what stands alone, in order, and what is named."""

    def __init__(self, text: str) -> None:
        self.plain: list[str] = []
        self.named: dict[str, str] = {}
        place = 0
        text = text.strip()
        while place < len(text):
            match = _WORD.match(text, place)
            if match is None or match.end() == place:
                raise SpellingError(f"not understood: {text[place:]}")
            name, value = match.groups()
            value = json.loads(value) if value.startswith('"') else value
            if name is None:
                self.plain.append(value)
            elif name in self.named:
                raise SpellingError(f"{name} is given twice")
            else:
                self.named[name] = value
            place = match.end()

    def next(self, what: str) -> str:
        if not self.plain:
            raise SpellingError(f"{what} is missing")
        return self.plain.pop(0)

    def take(self, name: str) -> Optional[str]:
        return self.named.pop(name, None)

    def finish(self) -> None:
        if self.plain or self.named:
            raise SpellingError(f"not understood: {self.plain} {self.named}")


def number(text: str) -> int:
    return int(text.replace("_", ""))


def duration(text: str) -> int:
    """`15m` in microseconds."""
    match = re.fullmatch(r"([-+]?[0-9_]+)([a-z]+)", text)
    if match is None or match.group(2) not in _UNIT_MICROS:
        raise SpellingError(f"not a duration: {text}")
    return number(match.group(1)) * _UNIT_MICROS[match.group(2)]


def time(text: str, now: int) -> int:
    """RFC 3339, a date or a month, or `+15m` and `-15m` from now; in microseconds since the epoch."""
    if text[0] in "+-":
        return now + duration(text)
    if re.fullmatch(r"\d{4}-\d{2}", text):
        text += "-01"
    # Python before 3.11 reads fractions of three and of six digits only, and no Z.
    text = re.sub(r"\.(\d+)", lambda match: "." + match.group(1).ljust(6, "0"), text.replace("Z", "+00:00"))
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=timezone.utc)
    return (parsed - _EPOCH) // timedelta(microseconds=1)


def lots(text: str) -> list[tuple[int, int]]:
    """`3:500,7:20`: pairs of lot and amount."""
    if text == "none":
        return []
    pairs = [part.split(":") for part in text.split(",")]
    return [(number(lot), number(amount)) for lot, amount in pairs]


def metadata(text: str) -> dict[str, str]:
    """`a:1,b:2`."""
    if text == "none":
        return {}
    return dict(part.split(":", 1) for part in text.split(","))


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise SpellingError(f"neither true nor false: {text}")
    return text == "true"


def _expiry(text: str, now: int) -> tuple[int, int]:
    amount, at = text.split("@")
    return number(amount), time(at, now)


def _absent_if_none(spell: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: None if text == "none" else spell(text)


def spelled(kind: str, text: str, now: int) -> Any:
    """What `text` stands for where a value of this kind is expected: as `fields` has it."""
    spellings: dict[str, Callable[[str], Any]] = {
        "number": number,
        "text": lambda text: "" if text == "none" else text,
        "time": _absent_if_none(lambda text: time(text, now)),
        "lots": lots,
        "metadata": metadata,
        "truth": _truth,
        "texts": lambda text: text.split(","),
        "expiry": _absent_if_none(lambda text: _expiry(text, now)),
    }
    return spellings[kind](text)
