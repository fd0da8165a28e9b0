"""Walks over the gateway's list of events, in a shop whose time a test moves on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from app.gaps import walk_due
from app.metrics import PrometheusMeasures
from db.intake import SqlIntake
from domain.event_walk import EVERY, GRACE, Walk
from domain.gaps import GapWalker
from domain.gateways.stripe_events import StripeEventList
from domain.receiving import ReceivingService
from tests.e2e.sandbox.control import eventually
from tests.integration.webhooks.shop import Shop
from webhooks.listed import listed_event

LATER = GRACE.total_seconds() + 5
"""After so many seconds, what happened before is old enough to be looked for."""

HOUR = EVERY.total_seconds()


@dataclass
class Walks:
    """The walker over a shop, as one worker has it."""

    shop: Shop
    listing: StripeEventList
    measures: PrometheusMeasures = field(default_factory=PrometheusMeasures)

    def __post_init__(self) -> None:
        intake = SqlIntake(self.shop.worker, keeps_connections=False)
        self.receiving = ReceivingService(intake, self.shop.wake, self.measures)

    @property
    def walker(self) -> GapWalker:
        """A walker that remembers nothing: another process' would be the same."""
        shop = self.shop
        return GapWalker(
            shop.worker_database,
            self.listing,
            self.receiving,
            listed_event,
            self.measures,
            shop.clock,
        )

    async def walk(self, *, after: float = LATER) -> list[Walk]:
        """So many seconds later, all that is due, to its end."""
        self.shop.clock.advance(after)
        ended: list[Walk] = []
        await walk_due(self.walker, asyncio.Event(), page_seconds=0, ended=ended.append)
        return ended

    async def found(self, *, after: float = LATER) -> int:
        """How many events a walk has taken in, so many seconds later; none of its accounts fail."""
        ended = await self.walk(after=after)
        assert [walk.cursor.error_message for walk in ended if walk.cursor.error_message] == []
        return sum(walk.found for walk in ended)

    async def claimed(self) -> Walk:
        """The walk that is due first."""
        await self.walker.add_cursors()
        walk = await self.walker.claim()
        assert walk is not None
        return walk

    async def booked(self, count: int) -> None:
        """Waits for the last event of so many charges, which comes a moment after them."""
        await eventually(
            lambda: self.shop.gateway_events("charge.updated"),
            lambda events: len(events) == count,
        )

    def counted(self) -> float:
        """What the metric says was missed."""
        value = self.measures.registry.get_sample_value("tollgate_webhook_missed_total")
        assert value is not None
        return value

    async def inbox(self) -> dict[str, str]:
        """How each event came, by the gateway's id."""
        rows = await self.shop.rows("select event_id, source from webhook_events")
        return {str(event_id): str(source) for event_id, source in rows}

    async def cursor(self, gateway_id: str | None = None) -> Sequence[Any]:
        """listed_until, due_at, lease_until, missed, failures, error of a cursor: the platform's,
        unless another is named."""
        (row,) = await self.shop.rows(
            "select listed_until, due_at, lease_until, missed, failures, error_message"
            " from webhook_cursors where gateway_id = :id",
            id=gateway_id or await self.shop.endpoints.platform_gateway_id(),
        )
        return row


@asynccontextmanager
async def walking(shop: Shop) -> AsyncIterator[Walks]:
    """A walker over this shop."""
    listing = StripeEventList(secret_key=shop.stripe_key, api_base=shop.control.url)
    walks = Walks(shop, listing)
    try:
        yield walks
    finally:
        await walks.receiving.drain()
        await listing.close()


async def intents(shop: Shop, count: int) -> list[str]:
    """So many intents made at the gateway beside us, each with one event that matters here: the ids
    of those events, oldest first."""
    for _ in range(count):
        await shop.call_stripe("payment_intents", amount="1000", currency="usd")
    events: list[str] = []
    parameters = {"limit": "100", "type": "payment_intent.created"}
    while True:
        async with shop.stripe.get("/v1/events", params=parameters) as answer:
            page = await answer.json()
        events += [event["id"] for event in page["data"]]
        if not page["has_more"]:
            return events[::-1]
        parameters["starting_after"] = events[-1]
