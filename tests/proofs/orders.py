"""Every order of seven events of one payment, on the database: scripts/prove webhook-orders.

    scripts/prove webhook-orders [--story declined|paid] [--state FILE]

Each order has a payment of its own at the sandbox, whose answer Tollgate lost, and random
duplicates. What Tollgate knows at the end must be the same for all. It keeps which orders are done
and goes on from there.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from app.logging import set_up_logging
from app.stack import CHECKOUT, Stack
from tests.integration.webhooks.permuted import ORDERS, STORIES, Lane, State, Story, difference
from tests.integration.webhooks.shop import NO_REDIS, opened

LANES = 4
BLOCK = 40
SEED = 20261126


@dataclass
class Kept:
    """What was done so far: the orders by their numbers, the state of the first, and the faults."""

    path: Path
    done: set[int] = field(default_factory=set)
    state: State | None = None
    faults: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Kept:
        """What the file says, nothing when there is none."""
        if not path.exists():
            return cls(path)
        kept = json.loads(path.read_text())
        return cls(path, set(kept["done"]), kept["state"], kept["faults"])

    def add(self, number: int, state: State) -> None:
        """One more order, and how its state differs from the first one's."""
        self.state = self.state or state
        self.done.add(number)
        self.faults += [f"{ORDERS[number]}: {line}" for line in difference(state, self.state)]

    def write(self) -> None:
        """Writes it, whole or not at all."""
        draft = self.path.with_suffix(".draft")
        kept = {"done": sorted(self.done), "state": self.state, "faults": self.faults[:1_000]}
        draft.write_text(json.dumps(kept))
        draft.rename(self.path)


async def prove(stack: Stack, story: Story, kept: Kept) -> None:
    """All orders that are not done yet."""
    left = [number for number in range(len(ORDERS)) if number not in kept.done]
    random.Random(SEED).shuffle(left)  # noqa: S311 - what was done is of all kinds at any time
    begun, before = time.monotonic(), len(kept.done)
    async with AsyncExitStack() as shops:
        lanes = []
        for _ in range(LANES):
            shop = opened(stack.database_url, NO_REDIS, stack.stripe_api_base)
            lanes.append(await Lane.of(await shops.enter_async_context(shop), story))
        for at in range(0, len(left), BLOCK):
            await run_block(lanes, iter(left[at : at + BLOCK]), kept)
            kept.write()
            seconds = time.monotonic() - begun
            each = seconds / (len(kept.done) - before)
            print(  # noqa: T201 - progress
                f"{story.name:<9}{len(kept.done):>5} of {len(ORDERS)}  {each * 1000:4.0f} ms each"
                f"  {len(kept.faults)} faults",
                flush=True,
            )


async def run_block(lanes: list[Lane], numbers: Iterator[int], kept: Kept) -> None:
    """The orders of one block, each by the lane that is free first."""

    async def drive(lane: Lane) -> None:
        for number in numbers:
            chance = random.Random(SEED + number)  # noqa: S311
            kept.add(number, await lane.run(ORDERS[number], chance))

    async with asyncio.TaskGroup() as group:
        for lane in lanes:
            group.create_task(drive(lane))


def main() -> int:
    """0 when every order ended in one state, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="scripts/prove webhook-orders", description=__doc__)
    parser.add_argument("--story", choices=sorted(STORIES), help="one of them; all by default")
    parser.add_argument("--state", type=Path, default=CHECKOUT / ".tollgate" / "webhook-orders")
    given = parser.parse_args()
    given.state.mkdir(parents=True, exist_ok=True)
    set_up_logging("CRITICAL")
    faults = 0
    for name in [given.story] if given.story else sorted(STORIES):
        kept = Kept.read(given.state / f"{name}.json")
        stack = Stack(given.state / f"{name}-services", durable=False, given={})
        try:
            stack.start_services()
            stack.migrate()
            asyncio.run(prove(stack, STORIES[name], kept))
        finally:
            stack.stop()
        faults += len(kept.faults)
        for fault in kept.faults[:20]:
            print(f"FAULT {fault[:2_000]}")  # noqa: T201
        print(f"{name}: {len(kept.done)} orders, {len(kept.faults)} faults")  # noqa: T201
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
