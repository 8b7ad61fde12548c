"""Charges a user for a generation, the way a worker would: hold first, work, then capture.

Run it against a daemon: python3 charge.py [user]. It buys the user a dollar if there is no credit.
"""

from __future__ import annotations

import sys
from decimal import Decimal

from tallystick import Client, new_key, to_dollars
from tallystick.errors import InsufficientCredits

ESTIMATE = Decimal("0.40")


def generate() -> Decimal:
    """The work, and what it cost."""
    return Decimal("0.25")


def charge(client: Client, user_id: str) -> Decimal:
    """Charges what the work cost; returns what the user has left, in dollars."""
    with client.hold(user_id, ESTIMATE, ttl_millis=60_000) as hold:
        done = hold.capture(generate(), description="a page")
    return to_dollars(done.balance.available_micros)


def main() -> None:
    user_id = sys.argv[1] if len(sys.argv) > 1 else "example-user"
    with Client() as client:
        try:
            left = charge(client, user_id)
        except InsufficientCredits as error:
            print(f"only {to_dollars(error.available_micros)} dollars left: buying one")
            # In earnest the payment's id comes from the payment provider.
            client.credits.add_purchase(user_id=user_id, payment_id=new_key(), amount_micros=Decimal(1))
            left = charge(client, user_id)
        print(f"{user_id} has {left} dollars left")


if __name__ == "__main__":
    main()
