"""Kept no longer than needed: what the daily loop empties and deletes, a batch at a time.

Idempotency keys are never deleted: a call that comes back after years must still move no money
twice. Events that are not worked off keep their payloads, since they are worked off from them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Protocol

from domain.ports import Clock

PAYLOAD_DAYS = 90
"""How long the payload of an event that was worked off is kept."""

REVOCATION_GRACE = timedelta(days=1)
"""How long after a token's end its revocation is kept: more than clocks ever differ."""

EVERY = timedelta(days=1)
"""How far apart the runs of one job are."""

BATCH = 500
"""Rows changed in one transaction, so that none is locked for long."""


class RetentionStore(Protocol):
    """What is kept, in one transaction. The changes return how many rows they changed."""

    async def try_lock(self, job: str) -> bool:
        """Whether this transaction now has the job to itself; it has until it ends."""
        ...

    async def last_run(self, job: str) -> datetime | None:
        """When the job last came to its end."""
        ...

    async def note_run(self, job: str, at: datetime) -> None: ...

    async def empty_payloads(self, *, before: datetime, limit: int) -> int:
        """Empties the payloads of events PROCESSED or IGNORED that came, and were worked off last,
        before that time; and the bodies of those that came before it and could not be read."""
        ...

    async def forget_revocations(self, *, before: datetime, limit: int) -> int:
        """Deletes revocations of tokens that ended by themselves before that time."""
        ...


class RetentionWork(Protocol):
    """One transaction."""

    @property
    def retention(self) -> RetentionStore: ...

    async def commit(self) -> None: ...


class RetentionDatabase(Protocol):
    """Opens transactions across tenants."""

    def begin_across_tenants(self) -> AbstractAsyncContextManager[RetentionWork]: ...


Batch = Callable[[RetentionStore, datetime, int], Awaitable[int]]


async def _empty_payloads(store: RetentionStore, now: datetime, limit: int) -> int:
    return await store.empty_payloads(before=now - timedelta(days=PAYLOAD_DAYS), limit=limit)


async def _forget_revocations(store: RetentionStore, now: datetime, limit: int) -> int:
    return await store.forget_revocations(before=now - REVOCATION_GRACE, limit=limit)


JOBS: Mapping[str, Batch] = {
    "payloads": _empty_payloads,
    "revocations": _forget_revocations,
}
"""The daily jobs, by the names under which `daily_runs` remembers them."""


class Retention:
    """Runs the daily jobs, each once a day however many processes ask.

    A batch runs under a lock of its transaction, so that one process at a time is at a job; it may
    be killed anywhere, and the next one goes on with what is left.
    """

    def __init__(self, database: RetentionDatabase, clock: Clock, *, batch: int = BATCH) -> None:
        self._database = database
        self._clock = clock
        self._batch = batch

    async def run_batch(self, job: str) -> int | None:
        """Does the job's next batch and returns its rows; None when the job is not due, or another
        process is at it."""
        now = self._clock.now()
        async with self._database.begin_across_tenants() as work:
            store = work.retention
            if not await store.try_lock(job) or not _is_due(await store.last_run(job), now):
                return None
            count = await JOBS[job](store, now, self._batch)
            if count < self._batch:
                await store.note_run(job, now)
            await work.commit()
        return count


def _is_due(last_run: datetime | None, now: datetime) -> bool:
    return last_run is None or now - last_run >= EVERY
