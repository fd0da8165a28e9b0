"""How walks take their way through a long list, and stop; what a list must not bring."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio

from app.gaps import keep_walking, walk_due
from domain.event_list import EventPage
from domain.event_walk import WINDOW, WINDOW_MAX, Walk
from domain.gateways.stripe_events import StripeEventList
from tests.integration.webhooks.shop import Shop
from tests.integration.webhooks.walking import LATER, Walks, intents, walking

SECOND = timedelta(seconds=1)


@pytest_asyncio.fixture
async def walks(shop: Shop) -> AsyncIterator[Walks]:
    """A walker over the shop."""
    async with walking(shop) as walks:
        yield walks


async def test_silence_is_walked_over_in_long_strides(walks: Walks) -> None:
    """A month without events takes some thirty calls: each window is twice as long as the last, up
    to a day."""
    await walks.shop.write(
        "update tenant_payment_gateways set created_at = created_at - interval '40 days'"
    )
    walk = await walks.claimed()
    oldest = walks.shop.clock.now() - timedelta(days=30)
    assert abs(walk.listing - oldest) < 60 * SECOND
    widths = []
    while not walk.is_over:
        widths.append(walk.window_until - walk.listing)
        walk = await walks.walker.step(walk)

    assert widths[:6] == [WINDOW * 2**step for step in range(5)] + [WINDOW_MAX]
    assert len(widths) < 40


class Noting(StripeEventList):
    """The list, which notes what is asked for and tells the walk to stop after so many times."""

    begins: list[datetime]
    stop: asyncio.Event
    times: int

    @classmethod
    def of(cls, walks: Walks, times: int) -> Noting:
        """One for this shop."""
        noting = cls(secret_key=walks.shop.stripe_key, api_base=walks.shop.control.url)
        noting.begins, noting.stop, noting.times = [], asyncio.Event(), times
        return noting

    async def list_events(self, *given: Any, **named: Any) -> EventPage:
        """The page."""
        self.begins.append(named["created_from"])
        if len(self.begins) == self.times:
            self.stop.set()
        return await super().list_events(*given, **named)


async def test_a_long_list_takes_turns(walks: Walks) -> None:
    """An account whose turn is over is left to others, and goes on where it was."""
    events = await intents(walks.shop, 3)
    await walks.shop.write(
        "update tenant_payment_gateways set created_at = created_at - interval '9 hours'"
    )
    walks.shop.clock.advance(LATER)
    noting, ended = Noting.of(walks, 5), list[Walk]()
    walker = replace(walks, listing=noting).walker
    await walk_due(walker, noting.stop, page_seconds=0, turn_seconds=0, ended=ended.append)
    await noting.close()

    assert [after - before for before, after in pairwise(noting.begins)] == [WINDOW] * 4
    assert ended == []
    assert await walks.found(after=0) == 3
    assert (await walks.inbox()).keys() == set(events)


async def test_the_loop_leaves_off_when_told(walks: Walks) -> None:
    """Told to stop in the middle of a window, it stores the page that it has and leaves the account
    to the next worker at once, where its cursor stands."""
    await intents(walks.shop, 130)
    walks.shop.clock.advance(LATER)
    walk = await walks.claimed()
    await walks.walker.release(walk)
    noting = Noting.of(walks, 1)
    async with asyncio.timeout(60):
        await keep_walking(replace(walks, listing=noting).walker, noting.stop)
    await noting.close()
    begin, due_at, lease_until, *_ = await walks.cursor()

    assert (begin, lease_until) == (walk.cursor.listed_until, None)
    assert due_at <= walks.shop.clock.now()
    assert len(await walks.inbox()) == 100
    assert await walks.found(after=0) == 30


class Foreign(StripeEventList):
    """A gateway that lists what is not the account's."""

    changes: Mapping[str, Any]

    async def list_events(self, *given: Any, **named: Any) -> EventPage:
        """The page, each event changed."""
        page = await super().list_events(*given, **named)
        return EventPage([replace(event, **self.changes) for event in page.events], page.after)


@pytest.mark.parametrize("changes", [{"livemode": True}, {"account": "acct_another"}], ids=str)
async def test_an_event_of_another_account_is_left_out(
    walks: Walks, changes: Mapping[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Credentials say whose list it is; an event that says otherwise is not stored, and said."""
    await intents(walks.shop, 1)
    foreign = Foreign(secret_key=walks.shop.stripe_key, api_base=walks.shop.control.url)
    foreign.changes = changes
    with caplog.at_level(logging.ERROR):
        assert await replace(walks, listing=foreign).found() == 0
    await foreign.close()

    assert await walks.inbox() == {}
    assert "of another account or mode" in caplog.text
