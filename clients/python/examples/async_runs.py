"""Runs many generations of a user at once by asyncio, the way a web service would.

Run it against a daemon: python3 async_runs.py [user]. It buys the user a dollar first.
"""

from __future__ import annotations

import asyncio
import sys
from decimal import Decimal

from tallystick import AsyncClient, new_key, to_dollars
from tallystick.errors import InsufficientCredits

ESTIMATE = Decimal("0.15")


async def generate(prompt: str) -> int:
    """The work: how many tokens came out."""
    await asyncio.sleep(0)
    return 10 * len(prompt)


async def answer(client: AsyncClient, user_id: str, prompt: str) -> Decimal:
    """One request: holds an estimate, works, charges; returns the cost in dollars, nothing if unpaid for."""
    try:
        async with client.run(user_id, "gpt-x", ESTIMATE) as run:
            tokens = await generate(prompt)
            done = await run.finish(output_tokens=tokens, cost_micros=Decimal("0.15"))
    except InsufficientCredits:
        return Decimal(0)
    return to_dollars(done.run.charged_micros)


async def main() -> None:
    user_id = sys.argv[1] if len(sys.argv) > 1 else "example-user"
    async with AsyncClient() as client:
        # In earnest the payment's id comes from the payment provider.
        await client.credits.add_purchase(user_id=user_id, payment_id=new_key(), amount_micros=Decimal(1))
        costs = await asyncio.gather(*(answer(client, user_id, "a prompt") for _ in range(10)))
        balance = (await client.credits.get_balance(user_id=user_id)).balance
        print(f"{sum(cost > 0 for cost in costs)} of {len(costs)} answered for {sum(costs)} dollars")
        print(f"{user_id} has {to_dollars(balance.available_micros)} dollars left")


if __name__ == "__main__":
    asyncio.run(main())
