"""Random histories of payments in the three modes, until there are enough: scripts/prove.

    scripts/prove ledger-histories [--payments 10000] [--minutes 40] [--state FOLDER]

What was told before is counted on, so that it may be broken off and go on.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from app.logging import set_up_logging
from app.stack import CHECKOUT, Stack
from domain.tenant import GatewayMode
from tests.conftest import execute, on_database
from tests.integration.webhooks.ledger_histories import Trade
from tests.integration.webhooks.shop import NO_REDIS, opened

BATCH = 20
BATCHES_A_TENANT = 10
"""A tenant's books are held against the gateway's when it has so many."""


class Told:
    """How many payments were told so far, in this run and in those before it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.count = int(file.read_text()) if file.exists() else 0
        self.faults: list[str] = []

    def add(self, count: int) -> None:
        """So many more, on record."""
        self.count += count
        self._file.write_text(str(self.count))
        print(f"{self.count} payments, {len(self.faults)} faults", flush=True)  # noqa: T201


@asynccontextmanager
async def database_of_its_own(stack: Stack) -> AsyncIterator[str]:
    """A copy of the migrated database: a shop works off all events that it finds, by its own key
    and its own clock."""
    admin, name = on_database(stack.database_url, "postgres"), f"lane_{secrets.token_hex(6)}"
    template = urlsplit(stack.database_url).path.removeprefix("/")
    await execute(admin, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield on_database(stack.database_url, name)
    await execute(admin, f"DROP DATABASE {name} WITH (FORCE)")


async def prove(stack: Stack, told: Told, payments: int, minutes: float) -> None:
    """A lane for each mode, side by side, until there are enough or the time is over."""
    until = time.monotonic() + 60 * minutes

    async def lane(mode: GatewayMode) -> None:
        while told.count < payments and time.monotonic() < until:
            async with (
                database_of_its_own(stack) as url,
                opened(url, NO_REDIS, stack.stripe_api_base) as shop,
            ):
                currency = "EUR" if told.count % 3 == 0 else "USD"
                trade = await Trade.of(shop, mode, seed=told.count, currency=currency)
                for _ in range(BATCHES_A_TENANT):
                    if told.count >= payments or time.monotonic() >= until:
                        break
                    await trade.tell(BATCH)
                    told.add(BATCH)
                told.faults.extend(await trade.faults())
                shop.books_are_whole = False  # looked at just now, with what the gateway has

    async with asyncio.TaskGroup() as group:
        for mode in GatewayMode:
            group.create_task(lane(mode))


def main() -> int:
    """0 when every payment's books agree, and the gateway's ledger with them; 1 otherwise."""
    parser = argparse.ArgumentParser(prog="scripts/prove ledger-histories", description=__doc__)
    parser.add_argument("--payments", type=int, default=10_000)
    parser.add_argument("--minutes", type=float, default=40.0)
    parser.add_argument("--state", type=Path, default=CHECKOUT / ".tollgate" / "ledger-histories")
    given = parser.parse_args()
    given.state.mkdir(parents=True, exist_ok=True)
    set_up_logging("CRITICAL")
    told = Told(given.state / "told")
    stack = Stack(given.state / "services", durable=False, given={})
    try:
        stack.start_services()
        stack.migrate()
        asyncio.run(prove(stack, told, given.payments, given.minutes))
    finally:
        stack.stop()
    for fault in told.faults:
        print(f"FAULT {fault}")  # noqa: T201
    print(f"{told.count} payments told, {len(told.faults)} faults")  # noqa: T201
    return 1 if told.faults or told.count < given.payments else 0


if __name__ == "__main__":
    sys.exit(main())
