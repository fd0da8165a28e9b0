"""Looks after an outage share the gateway's listings, and none that must be its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import pytest
import pytest_asyncio

from domain.errors import OutcomeUnknown
from domain.gateways.stripe_gateway import StripeGateway
from domain.operation_reads import RESEND_MAX, SHARED
from domain.payment import PaymentStatus
from domain.progress import SENDING_MAX
from domain.settling import LISTINGS_APART, Settler
from domain.snapshot import IntentSnapshot
from domain.tenant import GatewayAccount
from tests.integration.webhooks.shop import Shop

OLD = SENDING_MAX.total_seconds() + 1
"""After so many seconds a listing tells what became of a request."""


class Counting(StripeGateway):
    """Stripe, with its listings counted."""

    listed = 0

    async def list_intents(
        self,
        account: GatewayAccount,
        *,
        created_from: datetime,
        created_until: datetime,
        timeout_seconds: float,
    ) -> Sequence[IntentSnapshot]:
        """One listing more."""
        self.listed += 1
        return await super().list_intents(
            account,
            created_from=created_from,
            created_until=created_until,
            timeout_seconds=timeout_seconds,
        )


@pytest_asyncio.fixture
async def gateway(shop: Shop) -> AsyncIterator[Counting]:
    """The shop's account, counted."""
    counting = Counting(secret_key=shop.stripe_key, api_base=shop.control.url)
    yield counting
    await counting.close()


async def lost(shop: Shop, count: int, fault: str = "drop_after") -> list[str]:
    """So many charges without an answer; the ids of their operations."""
    await shop.control.order_fault(fault, method="POST", path="/v1/payment_intents", times=count)
    for _ in range(count):
        with pytest.raises(OutcomeUnknown):
            await shop.charge()
    found = await shop.rows("select id from gateway_operations where state = 'UNKNOWN' order by id")
    return [operation_id for (operation_id,) in found]


def settler_of(shop: Shop, gateway: Counting) -> Settler:
    """One that lives as long as a worker."""
    return Settler(shop.worker_database, gateway, shop.wake, shop.clock)


async def test_looks_a_moment_apart_have_one_listing(shop: Shop, gateway: Counting) -> None:
    """Each is settled as it went; a moment later it is listed anew."""
    operations = await lost(shop, 4)
    settler = settler_of(shop, gateway)
    shop.clock.advance(OLD)
    for operation_id in operations[:3]:
        await settler.settle(operation_id)
    shared = gateway.listed
    shop.clock.advance(SHARED.total_seconds() + 1)
    await settler.settle(operations[3])
    paid = await shop.rows("select distinct payment_status from payments")

    assert shared == 1
    assert gateway.listed == 2
    assert paid == [(PaymentStatus.PAID.value,)]


async def test_what_was_just_sent_is_listed_by_itself(shop: Shop, gateway: Counting) -> None:
    """A listing that began before the request can have arrived tells nothing of it."""
    first = await lost(shop, 1)
    settler = settler_of(shop, gateway)
    shop.clock.advance(6)
    await settler.settle(first[0])
    second = await lost(shop, 1)
    await settler.settle(second[-1])  # not due yet
    shop.clock.advance(6)
    await settler.settle(second[-1])

    assert gateway.listed == 2
    assert await shop.rows("select count(*) from payments where payment_status = 'PAID'") == [(2,)]


async def test_absence_is_proven_by_a_listing_of_its_own(shop: Shop, gateway: Counting) -> None:
    """Late looks, which may end in a failure, share none but with those that begin with them."""
    operations = await lost(shop, 3, "drop_before")
    settler = settler_of(shop, gateway)
    shop.clock.advance(RESEND_MAX.total_seconds() + OLD)
    for operation_id in operations:
        await settler.settle(operation_id)
    apart = gateway.listed
    shop.clock.advance(LISTINGS_APART.total_seconds() + 1)
    await settler.settle_due()
    together = gateway.listed - apart

    assert apart == len(operations)
    assert together == 1
    assert await shop.rows("select distinct payment_status from payments") == [("FAILED",)]


async def test_a_listing_that_failed_serves_nobody(shop: Shop, gateway: Counting) -> None:
    """The next look lists again."""
    operations = await lost(shop, 2)
    settler = settler_of(shop, gateway)
    shop.clock.advance(OLD)
    await shop.control.order_fault("unavailable", method="GET", path="/v1/payment_intents")
    await settler.settle(operations[0])
    await settler.settle(operations[1])

    assert gateway.listed == 2
    assert await shop.rows("select count(*) from payments where payment_status = 'PAID'") == [(1,)]
