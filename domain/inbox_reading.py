"""What readers see of the inbox: events without their payloads, narrowed and paged, and the tries.

A payload is most of an event's bytes and is read by itself, where it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.inbox import WebhookAttempt, WebhookEventStatus
from domain.reports import Page, PageRequest, TimeRange


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """An event of the inbox, all but its payload. `has_payload` tells whether there still is
    something to work off."""

    id: str
    gateway_id: str
    livemode: bool
    event_id: str
    event_type: str
    api_version: str | None
    account: str | None
    has_payload: bool
    status: WebhookEventStatus
    attempts: int
    tenant_id: str | None
    payment_id: str | None
    error_message: str | None
    next_attempt_at: datetime | None
    processed_at: datetime | None
    replayed_at: datetime | None
    replayed_by: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Conditions that must all hold. `replayed_before` is met by events that were never replayed,
    or last before that time."""

    status_in: Sequence[WebhookEventStatus] | None = None
    event_type_in: Sequence[str] | None = None
    created_at: TimeRange | None = None
    payment_id: str | None = None
    ids: Sequence[str] | None = None
    replayed_before: datetime | None = None


class InboxReads(Protocol):
    """Reads of the events that were routed to a tenant; every call leads with the tenant. Each may
    raise DatabaseUnavailable."""

    async def events(self, tenant_id: str, ids: Sequence[str]) -> Mapping[str, EventRecord]: ...

    async def payloads(
        self, tenant_id: str, ids: Sequence[str]
    ) -> Mapping[str, Mapping[str, object]]:
        """What the inbox keeps of these events; an empty mapping where it was emptied."""
        ...

    async def attempts(
        self, tenant_id: str, ids: Sequence[str]
    ) -> Mapping[str, Sequence[WebhookAttempt]]:
        """The tries of these events that have ended, in their order; none for an event without."""
        ...

    async def page(
        self, tenant_id: str, where: EventFilter, page: PageRequest
    ) -> Page[EventRecord]:
        """One slice of the events that match, newest first."""
        ...

    async def count(self, tenant_id: str, where: EventFilter) -> int | None:
        """How many there are; None above `reports.COUNT_MAX`."""
        ...
