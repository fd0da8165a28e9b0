"""Many attempts at once, and what they came to."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from random import Random

from starlette.types import ASGIApp

from tests.fuzz.attempts import World, attempt
from tests.fuzz.judging import Errors, faults, reply_to

AT_ONCE = 12


@dataclass(slots=True)
class Outcome:
    """Counts by status, code and kind, and every attempt that was answered as none may be."""

    statuses: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many attempts there were."""
        return sum(self.statuses.values())

    @property
    def answered(self) -> float:
        """The part of the attempts that were executed, so that more than the door was tried."""
        return self.codes["answered"] / max(1, self.count)


async def run(app: ASGIApp, world: World, seed: int, numbers: Iterable[int]) -> Outcome:
    """The attempts of these numbers, a few at a time."""
    outcome = Outcome()
    errors = Errors()
    logging.getLogger().addHandler(errors)
    waiting = iter(numbers)
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(_work(app, world, seed, waiting, outcome))
    finally:
        logging.getLogger().removeHandler(errors)
    outcome.faults += [f"logged as an error: {line}" for line in errors.taken()]
    return outcome


async def _work(
    app: ASGIApp, world: World, seed: int, numbers: Iterator[int], outcome: Outcome
) -> None:
    for number in numbers:
        made = attempt(world, seed, number)
        client = f"198.51.100.{Random(number).randrange(1, 255)}"  # noqa: S311 - any will do
        try:
            reply = await reply_to(app, made, client)
        except Exception as error:  # noqa: BLE001 - what a server would answer with a 500
            outcome.statuses["raised"] += 1
            outcome.faults.append(f"{seed}:{number} {made}: {error!r}")
            continue
        outcome.statuses[str(reply.status)] += 1
        outcome.codes[reply.code] += 1
        outcome.kinds[made.kind] += 1
        outcome.faults += [
            f"{seed}:{number} {fault}: {made} -> {reply}" for fault in faults(made, reply)
        ]
