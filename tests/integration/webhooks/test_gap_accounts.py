"""Every account that may hear events is walked over, by its own credentials and into its own row;
what keeps one from being listed delays no other."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from domain.event_walk import Walk
from domain.gaps import FAILURES_MAX
from domain.payment import PaymentStatus
from tests.integration.domain.gateways import Desk, connect, new_key, own, platform
from tests.integration.webhooks.shop import Shop
from tests.integration.webhooks.walking import HOUR, LATER, Walks, intents, walking

LIST = "/v1/events"


@pytest_asyncio.fixture
async def walks(shop: Shop) -> AsyncIterator[Walks]:
    """A walker over the shop."""
    async with walking(shop) as walks:
        yield walks


@pytest.fixture
def desk(shop: Shop) -> Desk:
    """The administrator's side of the shop."""
    return Desk.of(shop)


async def rows_heard(shop: Shop) -> dict[str, str | None]:
    """The gateway rows that have events, and the account that those name."""
    found = await shop.rows("select distinct gateway_id, account from webhook_events")
    return {str(gateway_id): account for gateway_id, account in found}


def failed(walks: list[Walk]) -> dict[str, str]:
    """The accounts that could not be listed, and why."""
    return {
        walk.account.id: walk.cursor.error_message for walk in walks if walk.cursor.error_message
    }


async def test_each_account_is_asked_by_its_own_credentials(
    shop: Shop, walks: Walks, desk: Desk
) -> None:
    """The platform's, a connected and an own account: each payment whose answer was lost is PAID,
    and each row has its own account's events and no other's."""
    lost = [await shop.lose_the_answer()]
    account_id = await desk.connected(shop.tenant.id)
    connected = (await desk.configure(connect(account_id))).profile
    lost.append(await shop.lose_the_answer())
    mine = (await desk.configure(own(new_key()))).profile
    lost.append(await shop.lose_the_answer())
    ended = await walks.walk()
    await shop.work_off()

    assert failed(ended) == {}
    assert [(await shop.now_of(each)).status for each in lost] == [PaymentStatus.PAID] * 3
    assert await rows_heard(shop) == {
        await shop.endpoints.platform_gateway_id(): None,
        connected.id: account_id,
        mine.id: None,
    }
    assert [payment.gateway_id for payment in lost[1:]] == [connected.id, mine.id]


async def test_a_row_switched_off_is_walked_while_it_has_payments(
    shop: Shop, walks: Walks, desk: Desk
) -> None:
    """What was paid through it may still be refunded; one that was never paid through is left
    alone, and due again in an hour all the same."""
    used = (await desk.configure(own(new_key()))).profile
    payment = await shop.lose_the_answer()
    unused = (await desk.configure(own(new_key()))).profile
    await desk.configure(platform())
    ended = await walks.walk()
    await shop.work_off()
    _, due_at, lease_until, *_ = await walks.cursor(unused.id)

    assert {walk.account.id for walk in ended} == {
        used.id,
        await shop.endpoints.platform_gateway_id(),
    }
    assert (await shop.now_of(payment)).status is PaymentStatus.PAID
    assert lease_until is None
    assert due_at > shop.clock.now()


async def test_a_tenants_platform_row_has_no_list_of_its_own(shop: Shop, walks: Walks) -> None:
    """A tenant that is paid through the platform's account has its events at the platform's row."""
    ended = await walks.walk()

    assert [walk.account.tenant_id for walk in ended] == [None]
    assert len(await shop.rows("select 1 from tenant_payment_gateways")) > 1


async def test_a_refused_account_delays_no_other(shop: Shop, walks: Walks, desk: Desk) -> None:
    """A connected account that let the platform go is put off for an hour, the others are listed;
    after three times there is one alert, and a walk that goes well again starts anew."""
    account_id = await desk.connected(shop.tenant.id)
    gone = (await desk.configure(connect(account_id))).profile
    await desk.order(account_id, deauthorized=True)
    (event,) = await intents(shop, 1)
    for attempt in range(FAILURES_MAX + 2):
        alerts = await shop.alerts()
        assert alerts == (
            [("webhook.walk_failed", "MEDIUM", gone.id)] if attempt >= FAILURES_MAX else []
        )
        ended = await walks.walk(after=HOUR + LATER)
        assert failed(ended).keys() == {gone.id}
        assert len(ended) == 2
    assert (await walks.inbox()).keys() == {event}
    *_, failures, message = await walks.cursor(gone.id)
    assert failures == FAILURES_MAX + 2
    assert message.startswith("GatewayUnauthorized")
    assert (await walks.cursor())[4:] == (0, None)


@pytest.mark.parametrize("kind", ["unavailable", "rate_limit", "drop_before", "garbled", "html"])
async def test_a_list_that_cannot_be_had(shop: Shop, walks: Walks, kind: str) -> None:
    """Away, too busy, or answering what is no list: nothing is stored, the cursor stays, and the
    next walk takes in everything."""
    events = await intents(shop, 3)
    await walks.walk()
    before = (await walks.cursor())[0]
    await shop.write("delete from webhook_events")
    fault = await shop.control.order_fault(kind, path=LIST, times=None)
    ended = await walks.walk(after=HOUR)
    (said,) = failed(ended).values()
    assert "_secret_" not in said
    assert await walks.inbox() == {}
    assert (await walks.cursor())[0] == before
    await shop.control.clear_faults(fault)

    await shop.write("update webhook_cursors set due_at = now()")
    assert await walks.found(after=0) == 3
    assert (await walks.inbox()).keys() == set(events)
    assert (await walks.cursor())[4:] == (0, None)


async def test_a_second_page_that_cannot_be_had(shop: Shop, walks: Walks) -> None:
    """What the first page brought stays, and the window is listed again from its begin."""
    events = await intents(shop, 130)
    shop.clock.advance(LATER)
    walk = await walks.claimed()
    begin = walk.cursor.listed_until
    walk = await walks.walker.step(walk)
    await shop.control.order_fault("unavailable", path=LIST)
    walk = await walks.walker.step(walk)

    assert walk.is_over
    assert (await walks.cursor())[0] == begin
    assert await walks.found(after=HOUR) == 130 - walk.found
    assert (await walks.inbox()).keys() == set(events)


async def test_an_unreadable_key(shop: Shop, walks: Walks, desk: Desk) -> None:
    """An account whose stored key cannot be read is not asked with anybody else's."""
    mine = (await desk.configure(own(new_key()))).profile
    await shop.lose_the_answer()
    await shop.write("update tenant_payment_gateways set secret_key = 'x' where mode = 'OWN'")
    ended = await walks.walk()

    assert failed(ended) == {mine.id: "GatewayUnreached: the account's key cannot be read"}
    assert mine.id not in await rows_heard(shop)
