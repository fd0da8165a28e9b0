"""Many attempts at once, and what they came to."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from random import Random

from starlette.types import ASGIApp

from tests.fuzz.attempts import Attempt, World, attempt
from tests.fuzz.judging import Errors, Reply, faults, reply_to

AT_ONCE = 8
"""Fewer than the API has connections to the database: what is tried is requests, not load."""

AGAIN_MAX = 3
AGAIN_SECONDS = 2.0
"""A 503 speaks of the machine, not of the request: it is made again, and counts if it stays one."""


@dataclass(slots=True)
class Outcome:
    """Counts by status, code and kind, and every attempt that was answered as none may be."""

    statuses: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    made_again: int = 0

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
    # What earlier tests left behind is logged as it is cleared away: now, and not below.
    gc.collect()
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
            reply = await _reply(app, made, client, outcome)
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


async def _reply(app: ASGIApp, made: Attempt, client: str, outcome: Outcome) -> Reply:
    for _ in range(AGAIN_MAX):
        reply = await reply_to(app, made, client)
        if reply.status != HTTPStatus.SERVICE_UNAVAILABLE:
            return reply
        outcome.made_again += 1
        await asyncio.sleep(AGAIN_SECONDS)
    return await reply_to(app, made, client)
