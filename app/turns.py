"""Periodic loops that run in one worker at a time: docs/adr/0016.

A worker that looks after a loop takes its lease for a round, renews it while the round goes on, and
leaves the loop free from when the next round is due. So many workers do one round a period between
them. A worker that died frees the loop when its lease runs out; a round that hangs is cut off.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.loops import pause
from db.loop_leases import LoopLeases

LEASE_SECONDS = 30.0
"""How long a loop stands still when the worker that had it died."""

RENEW_SECONDS = 10.0
"""How often a round under way renews its lease: two renewals may fail."""

ROUND_SECONDS_MAX = 900.0
"""A round beyond this hangs: it is cut off, and the loop is free for any worker."""

LOOKS = 4
"""How often in a period a worker looks whether it is its turn: a round is late by a quarter at
most."""

Round = Callable[[asyncio.Event], Awaitable[None]]
"""One round of a loop. It may break off when the event is set, and goes on where it was next time.
"""


class LeaseLost(Exception):
    """Another worker has the loop: this one was too slow to renew its lease."""


def worker_name() -> str:
    """A name for this worker that no other has, with the host for whoever reads it."""
    return f"{socket.gethostname()} {secrets.token_hex(8)}"


@dataclass(frozen=True, slots=True)
class Turns:
    """The rounds of one loop. Times are in seconds."""

    leases: LoopLeases
    name: str
    round: Round
    every_seconds: float
    lease_seconds: float = LEASE_SECONDS
    renew_seconds: float = RENEW_SECONDS
    round_seconds_max: float = ROUND_SECONDS_MAX

    async def run(self, stop: asyncio.Event) -> None:
        """Runs the rounds that fall to this worker, until `stop`. Raises DatabaseUnavailable,
        LeaseLost, TimeoutError for a round that hung, and whatever a round raises."""
        while not stop.is_set():
            if await self.leases.take(self.name, self.lease_seconds):
                await self._run_round(stop)
            await pause(stop, self.every_seconds / LOOKS)

    async def _run_round(self, stop: asyncio.Event) -> None:
        free_after = 0.0
        working = asyncio.ensure_future(self.round(stop))
        renewing = asyncio.create_task(self._renew())
        try:
            async with asyncio.timeout(self.round_seconds_max):
                await asyncio.wait({working, renewing}, return_when=asyncio.FIRST_COMPLETED)
            (working if working.done() else renewing).result()
            free_after = 0.0 if stop.is_set() else self.every_seconds
        finally:
            for task in (working, renewing):
                task.cancel()
            await asyncio.gather(working, renewing, return_exceptions=True)
            await self.leases.keep(self.name, free_after)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self.renew_seconds)
            async with asyncio.timeout(self.lease_seconds - self.renew_seconds):
                if not await self.leases.keep(self.name, self.lease_seconds):
                    raise LeaseLost(self.name)
