"""What proto/vectors/scenarios says, but for its steps: the file, its values and its expectations.

The format is specified in that folder's README. What it does not know is an error, never passed over.
"""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

FILE = pathlib.Path(__file__).parents[3] / "proto" / "vectors" / "scenarios" / "scenarios.json"

#: What makes a text no Unicode.
HALF_OF_A_PAIR = "\ud800"
_REFERENCE = re.compile(r"\$\{(\w+)\}|\{([ni])\}")


class ScenarioError(Exception):
    """The scenario's text is not as the format wants it."""


class Mismatch(AssertionError):
    """What came is not what the scenario expects."""


def scenarios() -> list[dict[str, Any]]:
    return _section("scenarios")


def matches() -> list[dict[str, Any]]:
    """Examples of what an expectation fits and what it does not."""
    return _section("matches")


def _section(name: str) -> list[dict[str, Any]]:
    document = json.loads(FILE.read_text())
    if document["format"] != 1:
        raise ScenarioError(f"format {document['format']} is not known")
    found: list[dict[str, Any]] = document[name]
    return found


@dataclass(frozen=True)
class Names:
    """What a text may refer to: values that were saved, and the counters of the turns around it."""

    saved: dict[str, str] = field(default_factory=dict)
    counters: Mapping[str, int] = field(default_factory=dict)

    def counting(self, counter: str, turn: int) -> Names:
        return Names(self.saved, {**self.counters, counter: turn})

    def _refer(self, match: re.Match[str]) -> str:
        name, counter = match.groups()
        known: Mapping[str, object] = self.saved if name else self.counters
        if (name or counter) not in known:
            raise ScenarioError(f"{match.group()} stands for nothing here")
        return str(known[name or counter])

    def fill(self, value: Any) -> Any:
        """The value with every reference and `$times` in it carried out."""
        if isinstance(value, str):
            return _REFERENCE.sub(self._refer, value)
        if isinstance(value, list):
            return [filled for item in value for filled in self._elements(item)]
        if isinstance(value, dict):
            if "$times" in value:
                return "".join(self._elements(value))
            if "$badText" in value:
                return f"{self.fill(value['$badText'])}{HALF_OF_A_PAIR}"
            return {self.fill(name): self.fill(item) for name, item in value.items()}
        return value

    def _elements(self, item: Any) -> Iterator[Any]:
        if not isinstance(item, dict) or "$times" not in item:
            yield self.fill(item)
            return
        count, repeated = item["$times"]
        if isinstance(repeated, str) and not _REFERENCE.search(repeated):
            yield from [repeated] * count
            return
        for turn in range(1, count + 1):
            yield self.counting("i", turn).fill(repeated)


def has_bad_text(value: Any) -> bool:
    """Whether there is a `$badText` in it."""
    if isinstance(value, list):
        return any(map(has_bad_text, value))
    return isinstance(value, dict) and ("$badText" in value or any(map(has_bad_text, value.values())))


def expect(expected: Any, actual: Any, names: Names, what: str) -> None:
    """Raises Mismatch unless `actual` is as `expected`, which is filled; saves what is to be saved."""
    found: dict[str, str] = {}
    problem = _problem(expected, actual, what, found)
    if problem is not None:
        raise Mismatch(problem)
    names.saved.update(found)


def fits(expected: Any, actual: Any) -> bool:
    return _problem(expected, actual, "", {}) is None


def _problem(expected: Any, actual: Any, path: str, found: dict[str, str]) -> Optional[str]:
    """Why `actual` is not as expected; None when it is. Values to be saved go to `found`."""
    if isinstance(expected, dict):
        if any(name.startswith("$") for name in expected):
            return _operators(expected, actual, path, found)
        return _members(expected, actual, path, found)
    if isinstance(expected, list):
        return _list(expected, actual, path, found)
    if expected is None or isinstance(expected, bool):
        fine = actual is expected or (expected is False and actual is None)
    elif actual is None:
        # proto3 JSON leaves out what has its default.
        fine = expected in (0, "0", "")
    else:
        # int64 is a text in proto3 JSON, int32 a number.
        fine = not isinstance(actual, (bool, dict, list)) and str(expected) == str(actual)
    return None if fine else f"{path} is {_short(actual)}, not {_short(expected)}"


def _members(expected: dict[str, Any], actual: Any, path: str, found: dict[str, str]) -> Optional[str]:
    if actual is None:
        actual = None if expected else {}
    if not isinstance(actual, dict):
        return f"{path} is {_short(actual)}, no object"
    for name, value in expected.items():
        problem = _problem(value, actual.get(name), f"{path}.{name}", found)
        if problem is not None:
            return problem
    return None


def _list(expected: list[Any], actual: Any, path: str, found: dict[str, str]) -> Optional[str]:
    actual = [] if actual is None else actual
    if not isinstance(actual, list) or len(actual) != len(expected):
        size = len(actual) if isinstance(actual, list) else "no list"
        return f"{path} has {size} elements, not {len(expected)}: {_short(actual)}"
    for index, (wanted, item) in enumerate(zip(expected, actual)):
        problem = _problem(wanted, item, f"{path}[{index}]", found)
        if problem is not None:
            return problem
    return None


def _operators(expected: dict[str, Any], actual: Any, path: str, found: dict[str, str]) -> Optional[str]:
    for operator, operand in expected.items():
        if operator not in _OPERATORS:
            raise ScenarioError(f"there is no operator {operator}")
        if not _OPERATORS[operator](operand, actual, found):
            return f"{path} is {_short(actual)}, but {operator} says {_short(operand)}"
    return None


def _save(name: Any, actual: Any, found: dict[str, str]) -> bool:
    if actual in (None, "") or isinstance(actual, (dict, list)):
        return False
    found[name] = str(actual)
    return True


def _has(wanted: Any, items: Any, found: dict[str, str]) -> bool:
    return all(any(_fits_saving(one, item, found) for item in items or ()) for one in wanted)


def _fits_saving(wanted: Any, item: Any, found: dict[str, str]) -> bool:
    saved: dict[str, str] = {}
    if _problem(wanted, item, "", saved) is not None:
        return False
    found.update(saved)
    return True


#: Each takes its operand, the value, and where to save.
_OPERATORS: dict[str, Callable[[Any, Any, dict[str, str]], bool]] = {
    "$any": lambda _, __, ___: True,
    "$save": _save,
    "$pattern": lambda pattern, actual, _: isinstance(actual, str) and bool(re.search(pattern, actual)),
    "$min": lambda least, actual, _: int(actual or 0) >= int(least),
    "$max": lambda most, actual, _: int(actual or 0) <= int(most),
    "$count": lambda count, actual, _: bool(len(actual or ()) == count),
    "$has": _has,
    "$not": lambda unwanted, actual, _: not fits(unwanted, actual),
}


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 2_000 else f"{text[:2_000]}... ({len(text)} characters)"
