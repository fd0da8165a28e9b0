"""The signs of life that a process gives: `domain.signs`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from app.loops import pause
from app.version import VERSION
from domain.ids import Prefix, new_id
from domain.ports import Clock, DatabaseUnavailable
from domain.signs import BEAT_SECONDS, SLOW_SECONDS, ProcessKind, RequestCounts, Sign, SignStore
from webhooks.throttled import ThrottledLog

SAMPLE_SECONDS = 1.0
"""How often the pools are looked at between two signs."""

FREE_SAMPLES = 3
"""So many samples in a row must find a connection free before a pool counts as full no more."""

GOODBYE_SECONDS = 2.0
"""How long a process that ends may take to say so."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class RequestTally:
    """Counts requests between two signs."""

    _counts: RequestCounts = field(default_factory=RequestCounts)

    def count(self, seconds: float, *, failed: bool) -> None:
        """One request was answered after so long."""
        counts = self._counts
        self._counts = RequestCounts(
            counts.requests + 1,
            counts.slow + (seconds > SLOW_SECONDS),
            counts.failed + failed,
        )

    def taken(self) -> RequestCounts:
        """What was counted since the last time."""
        counts, self._counts = self._counts, RequestCounts()
        return counts

    def put_back(self, counts: RequestCounts) -> None:
        """Counts that could not be told count again."""
        own = self._counts
        self._counts = RequestCounts(
            own.requests + counts.requests, own.slow + counts.slow, own.failed + counts.failed
        )


class Heart:
    """Tells every BEAT_SECONDS that the process lives. `signs` has a connection of its own: a sign
    must not wait for the pool that it tells of."""

    def __init__(
        self,
        signs: SignStore,
        kind: ProcessKind,
        pools: Sequence[AsyncEngine],
        clock: Clock,
        tally: RequestTally,
    ) -> None:
        self._signs = signs
        self._pools = pools
        self._clock = clock
        self._tally = tally
        self._log = ThrottledLog(_log)
        self._free_samples = 0
        now = clock.now()
        self._sign = Sign(
            process_id=new_id(Prefix.PROCESS),
            kind=kind,
            version=VERSION,
            started_at=now,
            beat_at=now,
            pool_size=sum(_pool(engine).size() for engine in pools),
            pool_in_use=0,
            pool_full_since=None,
        )

    @property
    def process_id(self) -> str:
        """Which process it is."""
        return self._sign.process_id

    async def run(self, stop: asyncio.Event) -> None:
        """Beats until `stop`, and says goodbye. A database that is away misses a beat."""
        while not stop.is_set():
            await self.beat()
            for _ in range(round(BEAT_SECONDS / SAMPLE_SECONDS)):
                self._sample(self._clock.now())
                await pause(stop, SAMPLE_SECONDS)
        try:
            async with asyncio.timeout(GOODBYE_SECONDS):
                await self._signs.end(self._sign.process_id)
        except (DatabaseUnavailable, TimeoutError) as away:
            _log.warning("the end of this process could not be told: %r", away)

    async def beat(self) -> None:
        """Gives one sign now."""
        now = self._clock.now()
        self._sample(now)
        counts = self._tally.taken()
        try:
            await self._signs.beat(replace(self._sign, beat_at=now), counts)
        except DatabaseUnavailable as away:
            self._tally.put_back(counts)
            self._log.warning(f"no sign of life could be given: {away}")

    def _sample(self, now: datetime) -> None:
        """A pool is full while each of its connections is in use; the fullest one counts. Under
        pressure one is free for an instant whenever a caller ends: that is no end of it."""
        in_use = sum(_pool(engine).checkedout() for engine in self._pools)
        is_full = any(_pool(each).checkedout() >= _pool(each).size() for each in self._pools)
        self._free_samples = 0 if is_full else self._free_samples + 1
        since = self._sign.pool_full_since
        if is_full:
            since = since or now
        elif self._free_samples >= FREE_SAMPLES:
            since = None
        self._sign = replace(self._sign, pool_in_use=in_use, pool_full_since=since)


def _pool(engine: AsyncEngine) -> QueuePool:
    pool = engine.sync_engine.pool
    if not isinstance(pool, QueuePool):
        raise TypeError("the engine pools no connections")
    return pool
