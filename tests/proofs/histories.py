"""Random histories of refunds and disputes, for as long as one likes: scripts/prove.

    scripts/prove dispute-histories [--minutes 5] [--seed N] [--state FOLDER]

Each history has a seed of its own, counted up from the first, by which it can be told again.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path

from app.logging import set_up_logging
from app.stack import CHECKOUT, Stack
from tests.integration.webhooks.histories import tell
from tests.integration.webhooks.shop import NO_REDIS, opened

LANES = 3
FIRST_SEED = 20261126


async def prove(stack: Stack, minutes: float, seed: int) -> list[str]:
    """Histories side by side until the time is over."""
    until, numbers, faults, told = time.monotonic() + 60 * minutes, iter(range(seed, 10**9)), [], 0

    async def lane() -> None:
        nonlocal told
        async with opened(stack.database_url, NO_REDIS, stack.stripe_api_base) as shop:
            while time.monotonic() < until:
                found = await tell(shop, next(numbers))
                told += 1
                for line in found:
                    print(line, flush=True)  # noqa: T201 - progress
                faults.extend(found)
                if told % 20 == 0:
                    print(f"{told} histories", flush=True)  # noqa: T201 - progress

    async with asyncio.TaskGroup() as group:
        for _ in range(LANES):
            group.create_task(lane())
    print(f"{told} histories, {sum('FAULT' in line for line in faults)} faults")  # noqa: T201
    return faults


def main() -> int:
    """0 when every history ended as the gateway's ledger says, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="scripts/prove dispute-histories", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=FIRST_SEED)
    parser.add_argument("--state", type=Path, default=CHECKOUT / ".tollgate" / "dispute-histories")
    given = parser.parse_args()
    given.state.mkdir(parents=True, exist_ok=True)
    set_up_logging("CRITICAL")
    stack = Stack(given.state / "services", durable=False, given={})
    try:
        stack.start_services()
        stack.migrate()
        return 1 if asyncio.run(prove(stack, given.minutes, given.seed)) else 0
    finally:
        stack.stop()


if __name__ == "__main__":
    sys.exit(main())
