"""The list of events as Stripe's adapter reads it, over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from aiohttp import web

from domain.errors import GatewayProblem, GatewayUnauthorized, GatewayUnknown, GatewayUnreached
from domain.event_list import EventPage
from domain.gateways.stripe_events import StripeEventList
from domain.tenant import GatewayMode
from tests.builders import an_account
from tests.e2e.sandbox.control import Control
from tests.integration.domain.conftest import SECRET_KEY

BEGIN = datetime.now(UTC) - timedelta(hours=1)
END = BEGIN + timedelta(days=1)


@pytest_asyncio.fixture
async def listing(sandbox_url: str) -> AsyncIterator[StripeEventList]:
    """The list under test."""
    listing = StripeEventList(secret_key=SECRET_KEY, api_base=sandbox_url, connections_max=1)
    yield listing
    await listing.close()


async def make(control: Control, count: int, **headers: str) -> None:
    """So many intents, each with an event, as their owner makes them."""
    headers = {"Authorization": f"Bearer {SECRET_KEY}", **headers}
    url = f"{control.url}/v1/payment_intents"
    for _ in range(count):
        form = {"amount": "1000", "currency": "usd"}
        async with control.session.post(url, data=form, headers=headers) as answer:
            assert answer.status == 200, await answer.text()


async def page(listing: StripeEventList, after: str | None = None, **changes: object) -> EventPage:
    """One page of an account's events."""
    return await listing.list_events(
        an_account(**changes),
        created_from=BEGIN,
        created_until=END,
        after=after,
        timeout_seconds=5,
    )


async def test_pages_follow_each_other(listing: StripeEventList, control: Control) -> None:
    """Newest first, a hundred at a time; the last page leads nowhere."""
    await make(control, 101)
    first = await page(listing)
    second = await page(listing, first.after)

    assert (len(first.events), len(second.events)) == (100, 1)
    assert first.after == first.events[-1].event_id
    assert second.after is None
    assert len({event.event_id for event in (*first.events, *second.events)}) == 101
    event = second.events[0]
    assert (event.event_type, event.livemode, event.account) == (
        "payment_intent.created",
        False,
        None,
    )
    assert event.content["id"] == event.event_id


async def test_a_span_leaves_out_its_end(listing: StripeEventList, control: Control) -> None:
    """What was created in the second of the end belongs to the next span."""
    await make(control, 1)
    (event,) = (await page(listing)).events
    created = datetime.fromtimestamp(int(str(event.content["created"])), UTC)

    async def found(begin: datetime, end: datetime) -> int:
        listed = await listing.list_events(
            an_account(), created_from=begin, created_until=end, after=None, timeout_seconds=5
        )
        return len(listed.events)

    assert await found(created - timedelta(hours=1), created) == 0
    assert await found(created, created + timedelta(seconds=1)) == 1


async def test_a_connected_account_is_asked_by_the_platforms_key(
    listing: StripeEventList, control: Control
) -> None:
    """Its events name it; an account of another platform is refused."""
    platform = {"Authorization": f"Bearer {SECRET_KEY}"}
    async with control.session.post(
        f"{control.url}/v1/accounts", data={"type": "standard"}, headers=platform
    ) as made:
        account_id = (await made.json())["id"]
    await make(control, 1, **{"Stripe-Account": account_id})
    connected = {"mode": GatewayMode.CONNECT, "account_id": account_id}
    theirs = (await page(listing, **connected)).events

    assert "payment_intent.created" in {event.event_type for event in theirs}
    assert {event.account for event in theirs} == {account_id}
    assert (await page(listing)).events == []
    with pytest.raises(GatewayUnauthorized):
        await page(listing, mode=GatewayMode.CONNECT, account_id="acct_of_another")


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("rate_limit", GatewayUnreached),
        ("unavailable", GatewayUnknown),
        ("garbled", GatewayUnknown),
        ("html", GatewayUnknown),
    ],
)
async def test_a_list_that_cannot_be_had(
    listing: StripeEventList, control: Control, kind: str, problem: type[GatewayProblem]
) -> None:
    """Each failure is one of the five kinds."""
    await make(control, 1)
    await control.order_fault(kind, path="/v1/events")
    with pytest.raises(problem):
        await page(listing)
    assert len((await page(listing)).events) == 1


NOT_LISTS = [
    '{"object": "list", "has_more": false}',
    '{"data": [{}], "has_more": false}',
    '{"data": [], "has_more": true}',
    '{"data": [{"id": "evt_1", "type": "a.b", "livemode": false}], "has_more": false}',
    '{"data": [{"id": 1, "type": "a.b", "livemode": false, "data": {}}], "has_more": false}',
    '{"data": [{"id": "e", "type": "a.b", "livemode": "no", "data": {}}], "has_more": false}',
    '{"data": [{"id": "e", "type": "a", "livemode": true, "data": {}, "account": 1}],'
    ' "has_more": false}',
    "[]",
    "null",
]


@pytest.mark.parametrize("body", NOT_LISTS)
async def test_what_is_no_list_is_not_read(body: str) -> None:
    """An answer of another shape is unreadable as a whole: no event of it counts."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=body, content_type="application/json")

    app = web.Application()
    app.router.add_get("/v1/events", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    listing = StripeEventList(secret_key=SECRET_KEY, api_base=f"http://{host}:{port}")
    with pytest.raises(GatewayUnknown):
        await page(listing)
    await listing.close()
    await runner.cleanup()
