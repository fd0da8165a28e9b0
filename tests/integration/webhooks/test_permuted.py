"""Seven events of one payment end in one state, whatever their order; `scripts/prove
webhook-orders` tries every order."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack

import pytest

from tests.integration.webhooks.permuted import ORDERS, STORIES, Lane, State, difference
from tests.integration.webhooks.shop import NO_REDIS, opened

SEED = 20261126
ORDERS_TRIED = 100
LANES = 4


@pytest.mark.parametrize("name", sorted(STORIES))
async def test_every_order_ends_in_one_state(
    database_url: str, sandbox_url: str, name: str
) -> None:
    """A hundred orders of each story, with duplicates, leave the same rows as the first."""
    chance = random.Random(SEED)  # noqa: S311 - the same orders in every run
    orders = [ORDERS[0], ORDERS[-1], *chance.sample(ORDERS[1:-1], ORDERS_TRIED - 2)]
    states: list[State] = []
    async with AsyncExitStack() as shops:

        async def drive(number: int) -> None:
            shop = await shops.enter_async_context(opened(database_url, NO_REDIS, sandbox_url))
            lane = await Lane.of(shop, STORIES[name])
            own = random.Random(SEED + number)  # noqa: S311
            states.extend([await lane.run(order, own) for order in orders[number::LANES]])

        async with asyncio.TaskGroup() as lanes:
            for number in range(LANES):
                lanes.create_task(drive(number))

    assert len(states) == ORDERS_TRIED
    assert [line for state in states for line in difference(state, states[0])] == []
