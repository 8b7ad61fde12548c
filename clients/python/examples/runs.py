"""Runs a generation for a user, the way a worker would: begin, work, finish. Then shows what was used.

Run it against a daemon: python3 runs.py [user [run]]. The same run again is charged once.
"""

from __future__ import annotations

import sys
from decimal import Decimal

from tallystick import Client, new_key, to_dollars
from tallystick.errors import InsufficientCredits, QuotaExceeded
from tallystick.messages import RUN_STATUS_FAILED, RUN_STATUS_SUCCEEDED

ESTIMATE = Decimal("0.40")


def generate() -> tuple[int, int]:
    """The work: how many tokens went in, and how many came out."""
    return 1_200, 350


def run(client: Client, user_id: str, run_id: str) -> Decimal:
    """Holds an estimate, works, and charges what it cost; returns that, in dollars."""
    client.usage.begin_run(
        user_id=user_id, run_id=run_id, model="gpt-x", type="text", estimate_micros=ESTIMATE
    )
    try:
        input_tokens, output_tokens = generate()
    except BaseException as error:
        client.usage.finish_run(run_id=run_id, status=RUN_STATUS_FAILED, error=str(error)[:200])
        raise
    done = client.usage.finish_run(
        run_id=run_id,
        status=RUN_STATUS_SUCCEEDED,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        # Left out, the prices of the user's plan say it.
        cost_micros=Decimal("0.25"),
    )
    return to_dollars(done.run.charged_micros)


def main() -> None:
    user_id = sys.argv[1] if len(sys.argv) > 1 else "example-user"
    run_id = sys.argv[2] if len(sys.argv) > 2 else new_key()
    with Client() as client:
        try:
            print(f"{run_id} cost {run(client, user_id, run_id)} dollars")
        except InsufficientCredits as error:
            sys.exit(f"only {to_dollars(error.available_micros)} dollars left")
        except QuotaExceeded as error:
            sys.exit(f"all {error.limit} {error.quota.lower()} of the month are used")
        usage = client.usage.get_usage(user_id=user_id).usage
        print(f"{usage.generations} generations in {usage.month}")


if __name__ == "__main__":
    main()
