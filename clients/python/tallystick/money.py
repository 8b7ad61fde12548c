"""Amounts: int micro-dollars, or exact Decimal dollars. Never float."""

from __future__ import annotations

import re
from decimal import Context, Decimal
from typing import Union

#: An int is micro-dollars (1_000_000 is one dollar), a Decimal is dollars.
Amount = Union[int, Decimal]

#: The ends of the wire's int64.
LEAST, MOST = -(2**63), 2**63 - 1
# Enough digits that no Decimal in range is rounded.
_EXACT = Context(prec=100)


def to_micros(amount: Amount) -> int:
    """The micro-dollars of an amount.

    TypeError for a float or anything else; ValueError for more than six decimals, for what is not a
    number, and outside of int64.
    """
    if isinstance(amount, Decimal):
        micros = _from_dollars(amount)
    elif isinstance(amount, int) and not isinstance(amount, bool):
        micros = amount
    else:
        raise TypeError(
            f"an amount is an int of micro-dollars or a Decimal of dollars, not {type(amount).__name__}"
        )
    if not LEAST <= micros <= MOST:
        raise ValueError(f"amount out of range: {amount}")
    return micros


# The rule of all clients, which proto/vectors/amounts.txt pins: a point stands between digits only.
_DOLLARS = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]+)?")


def dollars(text: str) -> int:
    """The micro-dollars of an amount that is written in dollars: ``dollars("0.25")`` is 250_000.

    Stricter than ``Decimal``, as every client is: a sign or none, digits, a point between digits.
    TypeError for anything but text; ValueError for what is no such amount, has more than six decimals, or
    is outside of int64.
    """
    if not isinstance(text, str):
        raise TypeError(f"dollars are a decimal text such as '0.25', not {type(text).__name__}")
    if _DOLLARS.fullmatch(text) is None:
        raise ValueError(f"not an amount of dollars: {text!r}")
    return to_micros(Decimal(text))


def _from_dollars(dollars: Decimal) -> int:
    if not dollars.is_finite() or dollars.adjusted() > 20:
        raise ValueError(f"not an amount: {dollars}")
    micros = dollars.scaleb(6, context=_EXACT)
    if micros != micros.to_integral_value(context=_EXACT):
        raise ValueError(f"an amount has at most six decimals: {dollars}")
    return int(micros)


def to_dollars(micros: int) -> Decimal:
    """The dollars of an int of micro-dollars, exactly: 250_000 is Decimal("0.250000")."""
    return Decimal(micros).scaleb(-6)
