"""The webhooks of this run: what the sandbox sent, what Tollgate received and worked off."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from app.demonstration.api import PATIENCE_SECONDS
from app.demonstration.judge import Judge
from db.engine import connected
from db.tables import webhook_events

QUIET_SECONDS = 0.6
"""How long no event may come before all have: more than what the sandbox holds any back."""

_INTENT = func.coalesce(
    webhook_events.c.payload[("data", "object", "payment_intent")].astext,
    webhook_events.c.payload[("data", "object", "id")].astext,
)


@dataclass(frozen=True, slots=True)
class Heard:
    """An event in the inbox, and the payment intent that it is about."""

    event_id: str
    intent_id: str
    is_processed: bool


@dataclass(frozen=True, slots=True)
class Count:
    """How many events came, and how many were worked off."""

    received: int
    processed: int


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The ids of the events that were sent and delivered, and those in the inbox."""

    sent: frozenset[str]
    delivered: frozenset[str]
    heard: tuple[Heard, ...]

    @property
    def is_complete(self) -> bool:
        """Whether each event sent was delivered, received and worked off."""
        return bool(self.sent) and not self.missing()

    def missing(self) -> list[str]:
        """The ids of events that did not get through."""
        processed = {each.event_id for each in self.heard if each.is_processed}
        return sorted(self.sent - (self.delivered & processed))

    def count(self, intent_id: str | None = None) -> Count:
        """Those about this payment intent, or all."""
        about = [h for h in self.heard if intent_id in (None, h.intent_id)]
        return Count(len(about), sum(each.is_processed for each in about))


async def wait_for_webhooks(judge: Judge, engine: AsyncEngine, url: str, since: int) -> Webhooks:
    """The webhooks once all are worked off and no more come, or as they are when patience ends."""
    end = time.monotonic() + PATIENCE_SECONDS
    before, webhooks = None, await _look(judge, engine, url, since)
    while not (webhooks.is_complete and webhooks == before) and time.monotonic() < end:
        await asyncio.sleep(QUIET_SECONDS)
        before, webhooks = webhooks, await _look(judge, engine, url, since)
    return webhooks


async def _look(judge: Judge, engine: AsyncEngine, url: str, since: int) -> Webhooks:
    sent = await judge.events(since)
    delivered = await judge.delivered(url)
    heard = await _inbox(engine, sent)
    return Webhooks(frozenset(sent), frozenset(delivered.intersection(sent)), heard)


async def _inbox(engine: AsyncEngine, event_ids: Sequence[str]) -> tuple[Heard, ...]:
    statement = (
        select(webhook_events.c.event_id, _INTENT, webhook_events.c.processed)
        .where(webhook_events.c.event_id.in_(event_ids))
        .order_by(webhook_events.c.id)
    )
    async with connected(engine) as connection:
        return tuple(Heard(*row) for row in await connection.execute(statement))
