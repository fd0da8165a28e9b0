"""Long replays, for the platform's operators: across tenants, and of events routed to nobody.

A replay that was interrupted goes on where it stopped. Nothing is kept of how far it came but the
events themselves: the run remembers when it began, and an event whose last replay is not older than
that is not replayed again, also where it has died a second time meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from domain.caller import Actor
from domain.free_text import withheld
from domain.ids import Prefix, first_id
from domain.inbox import WebhookEventStatus
from domain.inbox_reading import EventFilter
from domain.ports import Clock
from domain.replaying import BATCH, Replayed, ReplayWork, audit_replays
from domain.reports import TimeRange

RESUMED_WITHIN = timedelta(days=1)
"""An interrupted run that began longer ago is not gone on with: its words meant another time."""

ID_SLACK = timedelta(hours=1)
"""More than an event's id, which holds a time, and its `created_at` ever differ."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRun:
    """One long replay. `name` is a digest of what was asked for in words; `since` and `until` are
    what the words meant when it began, so that `2h` does not move when it goes on."""

    name: str
    began_at: datetime
    since: datetime | None
    until: datetime
    is_resumed: bool = False

    def narrowed(self, where: EventFilter) -> EventFilter:
        """The filter with what this run adds: its span of time, unless events are named, and that
        it replays nothing twice."""
        span = TimeRange(gte=self.since, lt=self.until) if where.ids is None else None
        return replace(where, created_at=span, replayed_before=self.began_at)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many events are alike. `tenant_id` is None for those that are routed to nobody."""

    tenant_id: str | None
    event_type: str
    status: WebhookEventStatus
    has_payload: bool
    count: int


class RunStore(Protocol):
    """Long replays, in one transaction."""

    async def open_run(self, name: str, *, resumed_since: datetime) -> ReplayRun | None:
        """The run of this name that has not ended and did not begin before that time."""
        ...

    async def begin(self, run: ReplayRun, *, resumed_since: datetime) -> bool:
        """Stores the run in place of one that has ended, or that began before that time; False when
        there is another."""
        ...

    async def end(self, run: ReplayRun, at: datetime) -> None: ...


class BulkWork(ReplayWork, Protocol):
    """One transaction."""

    @property
    def runs(self) -> RunStore: ...


class BulkDatabase(Protocol):
    """Opens transactions, for one tenant or for none."""

    def begin(self, tenant_id: str) -> AbstractAsyncContextManager[BulkWork]: ...

    def begin_across_tenants(self) -> AbstractAsyncContextManager[BulkWork]: ...


class BulkReplay:
    """Replays many events, a batch at a time, each batch in a transaction of one tenant. It wakes
    nobody: the worker's own loop finds within a second what waits."""

    def __init__(self, database: BulkDatabase, clock: Clock, *, batch: int = BATCH) -> None:
        self._database = database
        self._clock = clock
        self._batch = batch

    async def run_of(self, name: str, since: datetime | None, until: datetime | None) -> ReplayRun:
        """The open run of this name, else what a new one would be."""
        now = self._clock.now()
        async with self._database.begin_across_tenants() as work:
            found = await work.runs.open_run(name, resumed_since=now - RESUMED_WITHIN)
        return found or ReplayRun(name=name, began_at=now, since=since, until=until or now)

    async def begin(
        self, name: str, since: datetime | None, until: datetime | None, *, is_anew: bool
    ) -> ReplayRun:
        """The open run of this name, to be gone on with, or a new one, which is stored. `is_anew`
        leaves an open one behind."""
        now = self._clock.now()
        fresh = ReplayRun(name=name, began_at=now, since=since, until=until or now)
        oldest = now if is_anew else now - RESUMED_WITHIN
        async with self._database.begin_across_tenants() as work:
            if await work.runs.begin(fresh, resumed_since=oldest):
                await work.commit()
                return fresh
            found = await work.runs.open_run(name, resumed_since=oldest)
        return found or fresh

    async def end(self, run: ReplayRun) -> None:
        """The run has come to its end: the same words begin a new one."""
        async with self._database.begin_across_tenants() as work:
            await work.runs.end(run, self._clock.now())
            await work.commit()

    async def replay(
        self,
        actor: Actor,
        run: ReplayRun,
        where: EventFilter,
        tenant_ids: Iterable[str | None],
        *,
        reason: str | None,
        replayed: Callable[[int], object],
        is_stopped: Callable[[], bool],
    ) -> int:
        """Replays what matches of these tenants, None being the events of nobody, until it is
        stopped between two batches; how many. `replayed` hears what each batch added."""
        where, count = run.narrowed(where), 0
        first = first_id(Prefix.WEBHOOK_EVENT, run.since - ID_SLACK) if run.since else ""
        for tenant_id in tenant_ids:
            after, size = first, self._batch
            while size == self._batch and not is_stopped():
                done = await self._replay_batch(actor, run, where, tenant_id, after, reason)
                size = len(done)
                count += size
                replayed(size)
                after = done[-1].event.id if done else after
        return count

    async def _replay_batch(
        self,
        actor: Actor,
        run: ReplayRun,
        where: EventFilter,
        tenant_id: str | None,
        after: str,
        reason: str | None,
    ) -> Sequence[Replayed]:
        at = max(run.began_at, self._clock.now())  # also on a machine whose clock is behind
        async with self._begin(tenant_id) as work:
            done = await work.replays.replay(
                tenant_id, where, at=at, by=actor.id, after=after, limit=self._batch
            )
            await audit_replays(work.audit, actor, done, reason)
            await work.commit()
        if tenant_id is None:
            _tell(actor, done, reason)
        return done

    def _begin(self, tenant_id: str | None) -> AbstractAsyncContextManager[BulkWork]:
        if tenant_id is None:
            return self._database.begin_across_tenants()
        return self._database.begin(tenant_id)


def _tell(actor: Actor, done: Sequence[Replayed], reason: str | None) -> None:
    """What no tenant's audit can tell."""
    for each in done:
        _log.info(
            "event %s, routed to nobody, was replayed by %s (%s): %s",
            each.event.id,
            actor.id,
            actor.request_id,
            withheld(reason or "no reason given"),
        )
