"""A scenario's `block`: a run or a hold that ends with its block, by the client's own block form."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Optional

from scenario_calls import target
from scenario_file import Names, ScenarioError

#: By what is begun: the method whose request it takes, and the methods of its object that settle it.
KINDS: dict[str, tuple[str, dict[str, str]]] = {
    "run": ("UsageService/BeginRun", {"finish": "UsageService/FinishRun"}),
    "hold": (
        "CreditService/Reserve",
        {"capture": "CreditService/Capture", "release": "CreditService/Release"},
    ),
}
WORDS = {"client", "request", "begun", "steps", "finish", "capture", "release", "raise", "reply", "error"}


class Raised(Exception):
    """What a block is left by: no error of the client's."""


@dataclass(frozen=True)
class Block:
    #: The client's method that makes it, and its arguments.
    kind: str
    arguments: dict[str, Any]
    #: Carries out the steps inside; takes the object.
    inside: Callable[[Any], Coroutine[Any, Any, None]]
    #: The object's method that settles it, empty without one, and its arguments.
    settle: str
    settling: dict[str, Any]
    error: Optional[Raised]


def block_of(step: dict[str, Any], names: Names, inside: Callable[[Any], Coroutine[Any, Any, None]]) -> Block:
    kind = step["block"]
    if kind not in KINDS:
        raise ScenarioError(f"there is no block of a {kind}")
    method, settles = KINDS[kind]
    named = [word for word in ("finish", "capture", "release") if word in step]
    if len(named) > 1 or not settles.keys() >= set(named):
        raise ScenarioError(f"the block of a {kind} has no {' and '.join(named)}")
    if len(step.keys() & {"raise", "reply", "error"}) > 1:
        raise ScenarioError("a block has one end")
    settle = "".join(named)
    return Block(
        kind=kind,
        arguments=target(method).arguments(names.fill(step.get("request", {}))),
        inside=inside,
        settle=settle,
        settling=target(settles[settle]).arguments(names.fill(step[settle])) if settle else {},
        error=Raised(names.fill(step["raise"])) if "raise" in step else None,
    )
