"""Replays: events that ended are worked off once more, because a person says so.

A replay only puts the event back to RECEIVED; the worker does the rest, by the code that worked it
off before, so that whatever took effect already has none again. The tries start anew at
`attempts_before_replay`, while `attempts` itself goes on, as the fence between workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from domain.audit import AuditEntry
from domain.caller import Actor
from domain.errors import AttemptedOperation, InvalidState, Issue, NotFound, ValidationFailed
from domain.free_text import withheld
from domain.ids import Prefix, new_id
from domain.inbox import TRANSITIONS, WebhookEventStatus
from domain.inbox_reading import EventFilter, EventRecord
from domain.ports import Clock, Wake

REPLAYABLE = frozenset(
    status for status, after in TRANSITIONS.items() if WebhookEventStatus.RECEIVED in after
)
"""The statuses from which an event can be replayed: DEAD, PROCESSED and IGNORED."""

BATCH = 100
"""Events replayed in one transaction, so that none is locked for long."""

REPLAYS_MAX = 500
"""Events replayed by one call of the API, so that it is answered in time."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """An event that was replayed, and what that changed of it."""

    event: EventRecord
    status_before: WebhookEventStatus
    replayed_at_before: datetime | None


@dataclass(frozen=True, slots=True)
class BulkReplayed:
    """What `replay_dead` did. `skipped` are DEAD events that match and have no payload to work off;
    `remaining` those that this call did not come to. None for either above `reports.COUNT_MAX`."""

    replayed: int
    skipped: int | None
    remaining: int | None


class ReplayStore(Protocol):
    """Replays in one transaction. `tenant_id` None is for the events that are routed to nobody."""

    async def find(self, tenant_id: str, webhook_event_id: str) -> EventRecord | None: ...

    async def replay(
        self,
        tenant_id: str | None,
        where: EventFilter,
        *,
        at: datetime,
        by: str,
        after: str | None,
        limit: int,
    ) -> Sequence[Replayed]:
        """Puts at most `limit` events that match back to RECEIVED, and locks them until the
        transaction ends: of those in a status of REPLAYABLE that have a payload and that no other
        transaction holds. In the order of their ids, from behind `after`; when that is None, first
        those whose last replay is longest ago."""
        ...

    async def count(self, tenant_id: str, where: EventFilter, *, has_payload: bool) -> int | None:
        """How many match, with or without a payload; None above `reports.COUNT_MAX`."""
        ...


class ReplayAudit(Protocol):
    """The audit log, appended to by the batch."""

    async def append_all(self, entries: Sequence[AuditEntry]) -> None:
        """Appends the entries in one round trip."""
        ...


class ReplayWork(Protocol):
    """One transaction."""

    @property
    def replays(self) -> ReplayStore: ...
    @property
    def audit(self) -> ReplayAudit: ...

    async def commit(self) -> None: ...


class ReplayDatabase(Protocol):
    """Opens transactions for one tenant."""

    def begin(self, tenant_id: str) -> AbstractAsyncContextManager[ReplayWork]: ...


class ReplayService:
    """Replays a tenant's events, for its administrators."""

    def __init__(
        self, database: ReplayDatabase, wake: Wake, clock: Clock, *, batch: int = BATCH
    ) -> None:
        self._database = database
        self._wake = wake
        self._clock = clock
        self._batch = batch

    async def replay(self, actor: Actor, tenant_id: str, webhook_event_id: str) -> EventRecord:
        """Replays one event that has ended, however it ended; the event as it is then.

        Raises NotFound, and InvalidState while it is not over (EVENT_IN_PROGRESS), which it also is
        for the second of two calls at once, or without a payload (PAYLOAD_MISSING).
        """
        where = EventFilter(ids=[webhook_event_id])
        async with self._database.begin(tenant_id) as work:
            done = await work.replays.replay(
                tenant_id, where, at=self._clock.now(), by=actor.id, after=None, limit=1
            )
            if not done:
                raise _refusal(
                    webhook_event_id, await work.replays.find(tenant_id, webhook_event_id)
                )
            await audit_replays(work.audit, actor, done)
            await work.commit()
        await self._wake_for(done)
        return done[0].event

    async def replay_dead(self, actor: Actor, tenant_id: str, where: EventFilter) -> BulkReplayed:
        """Replays the tenant's DEAD events that match, at most REPLAYS_MAX, each at most once, in
        batches with a commit each: killed between them, it has done what it has done.

        Raises ValidationFailed for a filter that asks for another status.
        """
        _check_dead(where)
        began = self._clock.now()
        where = replace(where, status_in=[WebhookEventStatus.DEAD], replayed_before=began)
        count, size = 0, self._batch
        while size == self._batch and count < REPLAYS_MAX:
            limit = min(self._batch, REPLAYS_MAX - count)
            done = await self._replay_batch(actor, tenant_id, where, began, limit)
            count += len(done)
            size = len(done)
        async with self._database.begin(tenant_id) as work:
            skipped = await work.replays.count(tenant_id, where, has_payload=False)
            remaining = await work.replays.count(tenant_id, where, has_payload=True)
        return BulkReplayed(count, skipped, remaining)

    async def _replay_batch(
        self, actor: Actor, tenant_id: str, where: EventFilter, began: datetime, limit: int
    ) -> Sequence[Replayed]:
        at = max(began, self._clock.now())  # a clock set back must not have it replayed twice
        async with self._database.begin(tenant_id) as work:
            done = await work.replays.replay(
                tenant_id, where, at=at, by=actor.id, after=None, limit=limit
            )
            await audit_replays(work.audit, actor, done)
            await work.commit()
        await self._wake_for(done)
        return done

    async def _wake_for(self, done: Sequence[Replayed]) -> None:
        for each in done:
            await self._wake.webhook_event(each.event.id, each.event.attempts)


async def audit_replays(
    audit: ReplayAudit, actor: Actor, done: Sequence[Replayed], reason: str | None = None
) -> None:
    """One entry for each event, in the commit of the replay. An event that is routed to nobody has
    no tenant whose log could tell it."""
    entries = [
        _entry(each, each.event.tenant_id, actor, reason)
        for each in done
        if each.event.tenant_id is not None
    ]
    if entries:
        await audit.append_all(entries)


def _entry(done: Replayed, tenant_id: str, actor: Actor, reason: str | None) -> AuditEntry:
    """What was replayed. The error that it had stands with its tries: it may be of any words, and
    the log takes nothing back."""
    event = done.event
    given = {} if reason is None else {"reason": withheld(reason)}
    return AuditEntry(
        id=new_id(Prefix.AUDIT_ENTRY),
        tenant_id=tenant_id,
        at=event.replayed_at or event.created_at,
        actor=actor,
        action="webhook_event.replayed",
        subject_id=event.id,
        before=_picture(event, done.status_before, done.replayed_at_before),
        after=_picture(event, event.status, event.replayed_at) | given,
    )


def _picture(
    event: EventRecord, status: WebhookEventStatus, replayed_at: datetime | None
) -> dict[str, object]:
    return {
        "status": status.value,
        "attempts": event.attempts,
        "event_id": event.event_id,
        "event_type": event.event_type,
        "payment_id": event.payment_id,
        "replayed_at": None if replayed_at is None else replayed_at.isoformat(),
    }


def _refusal(webhook_event_id: str, event: EventRecord | None) -> NotFound | InvalidState:
    """Why the event was not replayed. One that could be is held by another call at this moment."""
    if event is None:
        return NotFound(webhook_event_id)
    if event.status in REPLAYABLE and not event.has_payload:
        return InvalidState(
            "The event has no payload to work off: emptied since, or never to be stored.",
            detail_code="PAYLOAD_MISSING",
            attempted=AttemptedOperation.REPLAY,
        )
    return InvalidState(
        "The event waits to be worked off, or is worked off at this moment.",
        detail_code="EVENT_IN_PROGRESS",
        attempted=AttemptedOperation.REPLAY,
        retryable=True,
    )


def _check_dead(where: EventFilter) -> None:
    if where.status_in is not None and set(where.status_in) != {WebhookEventStatus.DEAD}:
        path, rule = ("filter", "statusIn"), "STATUS_NOT_DEAD"
        raise ValidationFailed(Issue(path, rule, "Only DEAD events are replayed together."))
