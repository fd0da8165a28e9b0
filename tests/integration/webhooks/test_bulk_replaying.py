"""All that is dead replayed together: in batches, each event once, with an end to one call."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from domain.errors import ValidationFailed
from domain.inbox import WebhookEventStatus
from domain.inbox_reading import EventFilter
from domain.replaying import REPLAYS_MAX, ReplayService
from domain.reports import TimeRange
from tests.integration.webhooks.replays import (
    ANN,
    BOB,
    a_dead_event,
    everything,
    lines,
    many_dead,
    replays_of,
)
from tests.integration.webhooks.shop import Shop

DEAD = WebhookEventStatus.DEAD


async def test_all_dead_ones_are_replayed_in_batches(shop: Shop) -> None:
    """Those that match, each with its line; those without a payload are counted and left."""
    charges = await many_dead(shop, 25)
    refunds = await many_dead(shop, 5, type="charge.refunded")
    await many_dead(shop, 3, payload="{}")
    await many_dead(shop, 2, status="IGNORED")
    await many_dead(shop, 2, tenant=None)
    service = replays_of(shop, batch=10)
    first = await service.replay_dead(
        ANN, shop.tenant.id, EventFilter(event_type_in=["charge.refunded"], status_in=[DEAD])
    )
    rest = await service.replay_dead(ANN, shop.tenant.id, EventFilter())

    assert (first.replayed, first.skipped, first.remaining) == (5, 0, 0)
    assert (rest.replayed, rest.skipped, rest.remaining) == (25, 3, 0)
    told = [subject for _, subject, *_ in await lines(shop)]
    assert sorted(told) == sorted([*refunds, *charges])
    assert await shop.rows("select status, count(*) from webhook_events group by 1 order by 1") == [
        ("DEAD", 5), ("IGNORED", 2), ("RECEIVED", 30),
    ]  # fmt: skip


async def test_they_are_narrowed_by_time_and_payment(shop: Shop) -> None:
    """As the list is."""
    payment, dead = await a_dead_event(shop)
    await many_dead(shop, 3)
    service = replays_of(shop)
    old = EventFilter(created_at=TimeRange(lt=shop.clock.now().replace(year=2020)))
    none = await service.replay_dead(ANN, shop.tenant.id, old)
    one = await service.replay_dead(ANN, shop.tenant.id, EventFilter(payment_id=payment.id))

    assert (none.replayed, one.replayed, one.remaining) == (0, 1, 0)
    assert [subject for _, subject, *_ in await lines(shop)] == [dead.id]


async def test_one_call_has_an_end(shop: Shop) -> None:
    """At most REPLAYS_MAX, and how many are left; the next call goes on, and begins with those that
    were not replayed yet, though others have died again meanwhile."""
    event_ids = await many_dead(shop, REPLAYS_MAX + 20)
    service = replays_of(shop)
    first = await service.replay_dead(ANN, shop.tenant.id, EventFilter())
    await shop.write("update webhook_events set status = 'DEAD', attempts = attempts + 1")
    shop.clock.advance(1)
    second = await service.replay_dead(ANN, shop.tenant.id, EventFilter())
    told = Counter(subject for _, subject, *_ in await lines(shop))

    assert (first.replayed, first.remaining) == (REPLAYS_MAX, 20)
    assert (second.replayed, second.remaining) == (REPLAYS_MAX, 20)
    assert set(told) == set(event_ids)
    assert max(told.values()) == 2


async def test_one_call_replays_nothing_twice(shop: Shop) -> None:
    """Also where an event dies again while the call still runs."""
    await many_dead(shop, 30)

    class Undertaker:
        """Implements `Wake`: whatever is woken for has died before the next batch."""

        async def operation(self, operation_id: str) -> None:
            raise AssertionError(operation_id)

        async def webhook_event(self, webhook_event_id: str, attempts: int) -> None:
            await shop.write(
                "update webhook_events set status = 'DEAD' where id = :id", id=webhook_event_id
            )

        async def webhook_events(self, webhook_event_ids: object) -> None:
            raise AssertionError(webhook_event_ids)

    service = ReplayService(shop.database, Undertaker(), shop.clock, batch=10)
    done = await service.replay_dead(ANN, shop.tenant.id, EventFilter())

    assert (done.replayed, done.remaining) == (30, 0)
    assert len(await lines(shop)) == 30


@pytest.mark.parametrize("statuses", [["PROCESSED"], ["DEAD", "IGNORED"], []])
async def test_only_dead_ones_are_replayed_together(shop: Shop, statuses: list[str]) -> None:
    """A filter for others is a mistake: refused, and nothing is written."""
    await many_dead(shop, 2)
    before = await everything(shop)
    where = EventFilter(status_in=[WebhookEventStatus(each) for each in statuses])
    with pytest.raises(ValidationFailed) as told:
        await replays_of(shop).replay_dead(ANN, shop.tenant.id, where)

    assert told.value.detail_code == "STATUS_NOT_DEAD"
    assert await everything(shop) == before


async def test_two_calls_share_the_work(shop: Shop) -> None:
    """Two administrators replay all that is dead: each event once, whoever did it."""
    event_ids = await many_dead(shop, 60)
    service = replays_of(shop, batch=5)
    mine, theirs = await asyncio.gather(
        service.replay_dead(ANN, shop.tenant.id, EventFilter()),
        service.replay_dead(BOB, shop.tenant.id, EventFilter()),
    )
    told = Counter(subject for _, subject, *_ in await lines(shop))

    assert mine.replayed + theirs.replayed == 60
    assert told == Counter(event_ids)
