"""The worker's loop of gap detection: several accounts at once, each asked slowly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime

from app.loops import pause
from app.settings import Settings
from domain.event_walk import Walk
from domain.gaps import GapWalker
from domain.gateways.stripe_events import StripeEventList

LOOK_SECONDS = 60.0
"""How often a worker looks whether an account is due: so much later than an hour may it be."""

LANES = 4
"""Accounts walked over at once: one that hangs holds up one lane, for one time-out an hour."""

PAGE_SECONDS = 0.25
"""The pause between two calls for one account: a small part of the 100 reads a second that Stripe
allows one (docs.stripe.com/rate-limits), the rest of which is for payments."""

TURN_SECONDS = 600.0
"""How long an account may take a lane. One with so much to list goes on where it was, after the
others that are due."""


def event_list(settings: Settings) -> StripeEventList:
    """The gateway's list, with no more connections than lanes."""
    return StripeEventList(
        secret_key=settings.stripe_secret_key.get_secret_value(),
        api_base=settings.stripe_api_base,
        connections_max=LANES,
    )


async def keep_walking(
    walker: GapWalker, stop: asyncio.Event, *, every_seconds: float = LOOK_SECONDS
) -> None:
    """Walks over every account when it is due, until `stop`. Raises DatabaseUnavailable."""
    while not stop.is_set():
        await walk_due(walker, stop)
        await pause(stop, every_seconds)


async def walk_due(
    walker: GapWalker,
    stop: asyncio.Event,
    *,
    due_until: datetime | None = None,
    page_seconds: float = PAGE_SECONDS,
    turn_seconds: float = TURN_SECONDS,
    ended: Callable[[Walk], None] = lambda _: None,
) -> None:
    """Walks over the accounts that are due, by `due_until` where it is given, and says of each that
    it has `ended`. Raises DatabaseUnavailable; what was under way then is due again when its lease
    has run out."""
    await walker.add_cursors()

    async def lane() -> None:
        while not stop.is_set() and (walk := await walker.claim(due_until=due_until)) is not None:
            turn_until = time.monotonic() + turn_seconds
            while not walk.is_over:
                walk = await walker.step(walk)
                await pause(stop, page_seconds)
                # between two windows: within one, what was listed of it would count for nothing
                is_turn_over = walk.pages == 0 and time.monotonic() >= turn_until
                if not walk.is_over and (stop.is_set() or is_turn_over):
                    await walker.release(walk)
                    break
            else:
                ended(walk)

    lanes = [asyncio.create_task(lane()) for _ in range(LANES)]
    try:
        await asyncio.gather(*lanes)
    finally:
        for task in lanes:
            task.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)
