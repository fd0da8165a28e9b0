"""The webhook events that were routed to the tenant: reading them, and replaying them.

A malformed, a missing and a foreign id are the same answer: None here, NotFound in a mutation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain.errors import NotFound
from domain.ids import Prefix, is_id
from domain.inbox import WebhookAttempt
from domain.inbox_reading import EventFilter, EventRecord
from domain.replaying import BulkReplayed
from domain.reports import Page, PageRequest
from resolvers.context import Context


async def by_ids(context: Context, ids: Sequence[str]) -> list[EventRecord | None]:
    """The events with these ids, in this order."""
    wanted = [text for text in ids if is_id(text, Prefix.WEBHOOK_EVENT)]
    found = await context.inbox.events(context.tenant_id, wanted) if wanted else {}
    return [found.get(text) for text in ids]


async def payloads_by_ids(
    context: Context, ids: Sequence[str]
) -> list[Mapping[str, object] | None]:
    """What is kept of the payloads of these events, in this order."""
    found = await context.inbox.payloads(context.tenant_id, ids)
    return [found.get(text) for text in ids]


async def attempts_by_ids(
    context: Context, ids: Sequence[str]
) -> list[Sequence[WebhookAttempt] | None]:
    """The tries of these events, in this order; None for one that was not tried."""
    found = await context.inbox.attempts(context.tenant_id, ids)
    return [found.get(text) for text in ids]


async def page(context: Context, where: EventFilter, request: PageRequest) -> Page[EventRecord]:
    """One slice of the events that match, newest first."""
    if not _may_be_found(where):
        return Page((), has_next=False, has_previous=False)
    return await context.inbox.page(context.tenant_id, where, request)


async def count(context: Context, where: EventFilter) -> int | None:
    """How many events match; None when there are too many to count."""
    if not _may_be_found(where):
        return 0
    return await context.inbox.count(context.tenant_id, where)


async def replay(context: Context, webhook_event_id: str) -> EventRecord:
    """Has an event that ended worked off once more."""
    if not is_id(webhook_event_id, Prefix.WEBHOOK_EVENT):
        raise NotFound(webhook_event_id)
    return await context.replays.replay(context.caller.actor, context.tenant_id, webhook_event_id)


async def replay_dead(context: Context, where: EventFilter) -> BulkReplayed:
    """Has the DEAD events that match worked off once more."""
    if not _may_be_found(where):
        return BulkReplayed(replayed=0, skipped=0, remaining=0)
    return await context.replays.replay_dead(context.caller.actor, context.tenant_id, where)


def _may_be_found(where: EventFilter) -> bool:
    """Whether the payment's id has the shape of one: an ID may be anything at all."""
    return where.payment_id is None or is_id(where.payment_id, Prefix.PAYMENT)
