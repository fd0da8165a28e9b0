"""What never arrived is taken in from the gateway's list: once, by whoever comes first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest_asyncio

from domain.event_types import USE_CASES
from domain.event_walk import GRACE, OVERLAP
from domain.gaps import LEASE
from domain.payment import PaymentStatus
from tests.integration.webhooks.shop import Shop
from tests.integration.webhooks.walking import HOUR, LATER, Walks, intents, walking

SECOND = timedelta(seconds=1)


@pytest_asyncio.fixture
async def walks(shop: Shop) -> AsyncIterator[Walks]:
    """A walker over the shop."""
    async with walking(shop) as walks:
        yield walks


async def test_what_never_arrived_is_taken_in(walks: Walks) -> None:
    """A payment whose answer and events were lost is PAID after a walk, which is counted on the
    cursor and by the metric; the next walk finds nothing."""
    payment = await walks.shop.lose_the_answer()
    await walks.booked(1)
    events = await walks.shop.gateway_events(*USE_CASES)

    assert await walks.found() == len(events) > 0
    assert await walks.inbox() == {event["id"]: "listed" for event in events}
    await walks.shop.work_off()

    assert (await walks.shop.now_of(payment)).status is PaymentStatus.PAID
    assert (await walks.cursor())[3] == walks.counted() == len(events)
    assert await walks.found(after=HOUR) == 0


async def test_what_arrived_is_left_alone(walks: Walks) -> None:
    """An event that was delivered stays as it is, also once its payload was emptied."""
    await walks.shop.charge()
    await walks.booked(1)
    for event in await walks.shop.gateway_events():
        await walks.shop.receive(event)
    await walks.shop.work_off()
    await walks.shop.write("update webhook_events set payload = '{}'")
    before = await walks.shop.rows("select * from webhook_events order by id")

    assert await walks.found() == 0
    assert await walks.shop.rows("select * from webhook_events order by id") == before
    assert walks.counted() == 0


async def test_a_listed_event_is_the_delivered_one(walks: Walks) -> None:
    """Type, version, mode and payload are as the route stores them, secrets taken out alike."""
    payment = await walks.shop.charge()
    (event,) = await walks.shop.gateway_events("payment_intent.succeeded")
    assert event["data"]["object"]["client_secret"]
    await walks.walk()
    columns = "select gateway_id, livemode, event_type, api_version, account, status, tenant_id"
    where = "from webhook_events where event_id = :id"
    (listed,) = await walks.shop.rows(f"{columns} {where}", id=event["id"])
    ((kept,),) = await walks.shop.rows(f"select payload {where}", id=event["id"])
    await walks.shop.write("delete from webhook_events")
    await walks.shop.receive(event)

    assert await walks.shop.rows(f"{columns} {where}", id=event["id"]) == [listed]
    ((delivered,),) = await walks.shop.rows(f"select payload {where}", id=event["id"])
    assert kept == delivered
    assert kept["data"]["object"]["id"] == payment.gateway_payment_id
    assert "client_secret" not in str(kept)


async def test_a_listed_event_that_jsonb_cannot_hold(walks: Walks) -> None:
    """It ends as the same one delivered would: without payload, DEAD, with an alert; what stands
    beside it in the list is taken in."""
    (good,) = await intents(walks.shop, 1)
    await walks.shop.call_stripe(
        "payment_intents", amount="1000", currency="usd", **{"metadata[note]": "a\0b"}
    )

    assert await walks.found() == 2
    stored = await walks.shop.rows(
        "select event_id = :good, status, source, payload <> '{}' from webhook_events order by 1",
        good=good,
    )
    assert stored == [(False, "DEAD", "listed", False), (True, "RECEIVED", "listed", True)]
    assert [rule for rule, *_ in await walks.shop.alerts()] == ["webhook.unreadable"]
    assert await walks.found(after=HOUR) == 0


async def test_an_event_under_way_is_not_missed(walks: Walks) -> None:
    """What is younger than the grace is not looked for yet; a delivery that comes is the one."""
    await walks.shop.charge()
    (event,) = await walks.shop.gateway_events("payment_intent.succeeded")
    assert await walks.found(after=GRACE.total_seconds() - 60) == 0
    await walks.shop.receive(event)
    await walks.walk(after=HOUR)

    assert (await walks.inbox())[event["id"]] == "delivered"


async def test_other_types_are_not_kept(walks: Walks) -> None:
    """A type that does nothing here is not taken in."""
    await walks.shop.call_stripe("customers", email="payer@example.com")
    (event,) = await intents(walks.shop, 1)
    listed = {event["type"] for event in await walks.shop.gateway_events()}
    await walks.walk()

    assert listed - USE_CASES.keys() != set()
    assert await walks.inbox() == {event: "listed"}


async def test_a_late_event_is_found_by_the_overlap(walks: Walks) -> None:
    """What was listed is listed again for an hour, and then no more."""
    first, second = await intents(walks.shop, 2)
    await walks.walk()
    await walks.shop.write("delete from webhook_events where event_id = :id", id=first)
    assert await walks.found(after=HOUR) == 1
    assert await walks.found(after=HOUR) == 0
    await walks.shop.write("delete from webhook_events where event_id = :id", id=second)

    assert await walks.found(after=HOUR) == 0
    assert (await walks.inbox()).keys() == {first}


async def test_the_cursor_stands_a_grace_behind(walks: Walks) -> None:
    """After a walk all before the grace is listed, nobody holds the account, and it is due again in
    an hour; the next one begins an overlap before that, though never before the account was ours.
    """
    await walks.walk()
    now = walks.shop.clock.now()
    listed_until, due_at, lease_until, *_ = await walks.cursor()
    assert abs(now - GRACE - listed_until) < 60 * SECOND
    assert abs(now + timedelta(hours=1) - due_at) < 60 * SECOND
    assert lease_until is None
    assert await walks.walker.claim() is None

    walks.shop.clock.advance(HOUR)
    second = await walks.claimed()
    assert second.listing == max(listed_until - OVERLAP, second.cursor.listed_from)
    await walks.walker.release(second)
    await walks.walk(after=5 * HOUR)
    (listed_until, *_) = await walks.cursor()
    walks.shop.clock.advance(HOUR)
    assert (await walks.claimed()).listing == listed_until - OVERLAP


async def test_more_than_one_page(walks: Walks) -> None:
    """More events than a page holds, of one second even, are all taken in."""
    events = await intents(walks.shop, 130)

    assert await walks.found() == 130
    assert (await walks.inbox()).keys() == set(events)


async def test_a_walk_that_was_killed_loses_nothing(walks: Walks) -> None:
    """Killed after the first page of two, it has not moved the cursor; whoever comes once the lease
    has run out takes in the rest, and nothing twice."""
    events = await intents(walks.shop, 130)
    walks.shop.clock.advance(LATER)
    walk = await walks.claimed()
    begin = walk.cursor.listed_until
    walk = await walks.walker.step(walk)
    assert not walk.is_over
    assert (await walks.cursor())[0] == begin
    assert walk.found == len(await walks.inbox()) < 130

    assert await walks.walk(after=0) == []
    assert await walks.found(after=LEASE.total_seconds() + 1) == 130 - walk.found
    assert (await walks.inbox()).keys() == set(events)
    assert (await walks.cursor())[3] == 130


async def test_two_walks_at_once(walks: Walks) -> None:
    """Several workers at once take in each event once, and one of them has the account."""
    events = await intents(walks.shop, 30)
    walks.shop.clock.advance(LATER)
    ended = await asyncio.gather(*(walks.walk(after=0) for _ in range(4)))
    found = [walk.found for each in ended for walk in each]

    assert found == [30]
    assert (await walks.inbox()).keys() == set(events)
    assert walks.counted() == 30


async def test_a_walk_that_lost_its_lease_stops(walks: Walks) -> None:
    """Who comes back after another has walked writes nothing, and the cursor never goes back."""
    await intents(walks.shop, 130)
    walks.shop.clock.advance(LATER)
    slow = await walks.claimed()
    await walks.walk(after=LEASE.total_seconds() + 1)
    before = await walks.cursor()
    slow = await walks.walker.step(slow)

    assert slow.is_over
    assert slow.found == 0
    assert await walks.cursor() == before
