"""Runs a generation for a user, the way a worker would: begin, work, finish. Then shows what was used.

Run it against a daemon: python3 runs.py [user [run]]. The same run again is charged once,
and one that fails is not charged.
"""

from __future__ import annotations

import sys
from decimal import Decimal

from tallystick import Client, new_key, to_dollars
from tallystick.errors import InsufficientCredits, QuotaExceeded

ESTIMATE = Decimal("0.40")


def generate() -> tuple[int, int]:
    """The work: how many tokens went in, and how many came out."""
    return 1_200, 350


def work(client: Client, user_id: str, run_id: str) -> Decimal:
    """Holds an estimate, works, and charges what it cost; returns that, in dollars."""
    with client.run(user_id, "gpt-x", ESTIMATE, run_id=run_id) as run:
        input_tokens, output_tokens = generate()
        # Left out, the prices of the user's plan say what it costs.
        done = run.finish(input_tokens=input_tokens, output_tokens=output_tokens, cost_micros=Decimal("0.25"))
    return to_dollars(done.run.charged_micros)


def main() -> None:
    user_id = sys.argv[1] if len(sys.argv) > 1 else "example-user"
    run_id = sys.argv[2] if len(sys.argv) > 2 else new_key()
    with Client() as client:
        try:
            print(f"{run_id} cost {work(client, user_id, run_id)} dollars")
        except InsufficientCredits as error:
            sys.exit(f"only {to_dollars(error.available_micros)} dollars left")
        except QuotaExceeded as error:
            sys.exit(f"all {error.limit} {error.quota.lower()} of the month are used")
        usage = client.usage.get_usage(user_id=user_id).usage
        print(f"{usage.generations} generations in {usage.month}")


if __name__ == "__main__":
    main()
