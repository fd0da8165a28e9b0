"""Deliveries that come at once: stored together, answered each, and no harm to neighbours."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace

from domain.ids import Prefix, new_id
from domain.receiving import Delivery, ReceivingService, RowsRefused
from tests.integration.webhooks.served import Endpoint, an_event, served, stored
from tests.integration.webhooks.shop import Shop, try_event
from tests.integration.webhooks.test_jobs import swallow
from webhooks.wake import ArqWake, redis_client

CARD = "4242 4242 4242 4242"


async def a_delivery(shop: Shop, event_id: str = "evt_1") -> Delivery:
    """A delivery to the platform's endpoint."""
    return Delivery(
        id=new_id(Prefix.WEBHOOK_EVENT),
        gateway_id=await shop.endpoints.platform_gateway_id(),
        livemode=False,
        event_id=event_id,
        event_type="customer.created",
        api_version=None,
        account=None,
        document="{}",
        body=None,
        size=2,
        created_at=shop.clock.now(),
    )


async def test_one_that_jsonb_cannot_hold_harms_no_neighbour(
    shop: Shop, endpoint: Endpoint
) -> None:
    """Among 200 at once each is 200; the one is DEAD with an alert, its body kept as bytes without
    a client secret or a card number, and its copy changes nothing."""
    subject = {"client_secret": "pi_1_secret_x", "note": f"\0{CARD}", "half": "\ud800"}
    poison = an_event(id="evt_poison", data={"object": subject})
    good = [an_event(id=f"evt_{number:03}") for number in range(199)]
    statuses = await asyncio.gather(
        *(endpoint.post(body) for body in [*good[:100], poison, *good[100:]])
    )
    again = await endpoint.post(poison)
    ((payload, body, reason),) = await shop.rows(
        "select payload, body, error_message from webhook_events where event_id = 'evt_poison'"
    )

    assert (set(statuses), again) == ({200}, 200)
    assert await stored(shop) == [
        *((f"evt_{number:03}", "RECEIVED") for number in range(199)),
        ("evt_poison", "DEAD"),
    ]
    assert payload == {}
    assert json.loads(body)["data"] == {"object": {"note": "\0[digits removed]", "half": "\ud800"}}
    assert "cannot keep" in reason
    assert [rule for rule, *_ in await shop.alerts()] == ["webhook.unreadable"]
    assert await shop.rows("select count(*) from webhook_events where body is not null") == [(1,)]


async def test_a_row_that_is_refused_goes_alone(shop: Shop) -> None:
    """Whatever the database has against one, its neighbours and their copies are stored."""
    receiving = ReceivingService(shop.intake, shop.wake, shop.measures)
    good = [await a_delivery(shop, f"evt_{number}") for number in range(3)]
    orphan = replace(await a_delivery(shop, "evt_orphan"), gateway_id="gw_unknown")
    outcomes = await receiving.receive([good[0], orphan, good[1], orphan, good[2], good[0]])
    await receiving.drain()

    assert [type(outcome) for outcome in outcomes] == [
        *(type(None), RowsRefused, type(None), RowsRefused, type(None), type(None))
    ]
    assert await stored(shop) == [(f"evt_{number}", "RECEIVED") for number in range(3)]


async def test_batches_with_the_same_events_never_deadlock(shop: Shop) -> None:
    """Two processes are sent the same events in opposite orders, again and again."""
    ours, theirs = (ReceivingService(shop.intake, shop.wake, shop.measures) for _ in range(2))
    for turn in range(15):
        events = [await a_delivery(shop, f"evt_{turn}_{number}") for number in range(40)]
        copies = [replace(one, id=new_id(Prefix.WEBHOOK_EVENT)) for one in reversed(events)]
        outcomes = await asyncio.gather(ours.receive(events), theirs.receive(copies))
        assert [list(each) for each in outcomes] == [[None] * 40, [None] * 40]
    await asyncio.gather(ours.drain(), theirs.drain())

    assert await shop.rows("select count(*) from webhook_events") == [(600,)]


async def test_only_what_is_new_wakes_the_worker(shop: Shop, redis_url: str) -> None:
    """A batch of copies wakes for nothing; what is woken for is found, or was never stored."""
    wake, redis = ArqWake(redis_url), redis_client(redis_url)
    receiving = ReceivingService(shop.intake, wake, shop.measures)
    first = [await a_delivery(shop, f"evt_{number}") for number in range(5)]
    await receiving.receive(first)
    await receiving.receive([replace(one, id=new_id(Prefix.WEBHOOK_EVENT)) for one in first])
    await receiving.drain()
    after_copies = {str(job.args[0]) for job in await redis.queued_jobs()}
    copy, fresh = replace(first[0], id=new_id(Prefix.WEBHOOK_EVENT)), await a_delivery(shop, "new")
    await receiving.receive([copy, fresh])
    await receiving.drain()
    after_both = {str(job.args[0]) for job in await redis.queued_jobs()}
    await try_event(shop.events, copy.id)
    await wake.close()
    await redis.aclose(close_connection_pool=True)

    assert after_copies == {one.id for one in first}
    assert after_both - after_copies == {copy.id, fresh.id}
    assert await shop.rows("select attempts from webhook_events where event_id = 'evt_0'") == [(0,)]


async def test_a_redis_that_hangs_holds_up_no_answer(shop: Shop) -> None:
    """The answer does not wait for the wake-up at all."""
    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    wake = ArqWake(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with served(shop, wake=wake) as endpoint:
        await endpoint.post(an_event(id="evt_warm"))
        started = time.monotonic()
        statuses = [await endpoint.post(an_event(id=f"evt_{number}")) for number in range(3)]
        took = time.monotonic() - started
    await wake.close()
    server.close()

    assert set(statuses) == {200}
    assert took < 2.0
    assert len(await stored(shop)) == 4
