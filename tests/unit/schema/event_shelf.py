"""An inbox in memory behind the schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from domain.caller import Actor
from domain.errors import NotFound
from domain.inbox import WebhookAttempt
from domain.inbox_reading import EventFilter, EventRecord
from domain.replaying import BulkReplayed
from domain.reports import Page, PageRequest


@dataclass
class EventShelf:
    """Implements `InboxReads` over lists, newest first, and notes every call's name and ids."""

    all_events: list[EventRecord] = field(default_factory=list)
    all_attempts: Mapping[str, Sequence[WebhookAttempt]] = field(default_factory=dict)
    all_payloads: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    calls: list[tuple[str, int]] = field(default_factory=list)
    asked: list[EventFilter] = field(default_factory=list)

    async def events(self, tenant_id: str, ids: Sequence[str]) -> Mapping[str, EventRecord]:
        self.calls.append(("events", len(ids)))
        return {at.id: at for at in self._own(tenant_id) if at.id in ids}

    async def payloads(
        self, tenant_id: str, ids: Sequence[str]
    ) -> Mapping[str, Mapping[str, object]]:
        self.calls.append(("payloads", len(ids)))
        own = [at.id for at in self._own(tenant_id) if at.id in ids]
        return {at: self.all_payloads[at] for at in own if at in self.all_payloads}

    async def attempts(
        self, tenant_id: str, ids: Sequence[str]
    ) -> Mapping[str, Sequence[WebhookAttempt]]:
        self.calls.append(("attempts", len(ids)))
        return {at: self.all_attempts[at] for at in ids if at in self.all_attempts}

    async def page(
        self, tenant_id: str, where: EventFilter, page: PageRequest
    ) -> Page[EventRecord]:
        self.asked.append(where)
        found = self._own(tenant_id)
        return Page(found[: page.limit], has_next=len(found) > page.limit, has_previous=False)

    async def count(self, tenant_id: str, where: EventFilter) -> int | None:
        return len(self._own(tenant_id))

    def _own(self, tenant_id: str) -> list[EventRecord]:
        return [at for at in self.all_events if at.tenant_id == tenant_id]


@dataclass
class ReplayDesk:
    """Implements the use cases of replays over a shelf: notes what was asked for, and raises or
    gives what it was told."""

    shelf: EventShelf = field(default_factory=EventShelf)
    raises: Exception | None = None
    done: BulkReplayed = field(default_factory=lambda: BulkReplayed(0, 0, 0))
    heard: list[str | EventFilter] = field(default_factory=list)

    async def replay(self, actor: Actor, tenant_id: str, webhook_event_id: str) -> EventRecord:
        self._hear(webhook_event_id)
        found = await self.shelf.events(tenant_id, [webhook_event_id])
        if webhook_event_id not in found:
            raise NotFound(webhook_event_id)
        return found[webhook_event_id]

    async def replay_dead(self, actor: Actor, tenant_id: str, where: EventFilter) -> BulkReplayed:
        self._hear(where)
        return self.done

    def _hear(self, asked: str | EventFilter) -> None:
        self.heard.append(asked)
        if self.raises is not None:
            raise self.raises
