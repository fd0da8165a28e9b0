"""The store of webhook events."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from db.work import SqlDatabase
from domain.errors import NotFound
from domain.inbox import WebhookEvent, WebhookEventStatus
from domain.payment import GatewayType, Payment
from domain.ports import PayloadUnstorable
from domain.tenant import GatewayAccount
from tests.integration.db.builders import NOW, a_full_event, an_event
from tests.integration.db.conftest import Merchant
from tests.integration.db.fields import defaults_left
from tests.integration.db.rows import stored_capture, stored_payment

LEASE = NOW + timedelta(seconds=30)


async def record(database: SqlDatabase, event: WebhookEvent) -> bool:
    """One event, committed."""
    async with database.begin_across_tenants() as work:
        recorded = await work.inbox.record(event)
        await work.commit()
    return recorded


async def claim(database: SqlDatabase, event: WebhookEvent) -> WebhookEvent | None:
    """One claim, committed."""
    async with database.begin_across_tenants() as work:
        claimed = await work.inbox.claim(event.id, NOW, LEASE)
        await work.commit()
    return claimed


async def platform_gateway(database: SqlDatabase) -> GatewayAccount:
    """The platform's own row."""
    async with database.begin_across_tenants() as work:
        return await work.tenants.platform_gateway(GatewayType.STRIPE, livemode=False)


async def test_every_field_of_an_event_comes_back(
    database: SqlDatabase, merchant: Merchant
) -> None:
    """An event with every field set, and one with none of the optional ones, read as written."""
    full, bare = a_full_event(merchant), an_event(merchant)
    assert defaults_left(full) == set()

    async with database.begin_across_tenants() as work:
        assert await work.inbox.record(full)
        assert await work.inbox.record(bare)

        assert full == await work.inbox.find(full.id)
        assert bare == await work.inbox.find(bare.id)
        assert await work.inbox.find("we_unknown") is None


async def test_a_saved_event_is_read_back(database: SqlDatabase, merchant: Merchant) -> None:
    """`save` writes what processing found out; what the gateway signed stays as it was."""
    event, full = an_event(merchant), a_full_event(merchant)
    progress = replace(
        full,
        id=event.id,
        livemode=event.livemode,
        api_version=event.api_version,
        account=event.account,
    )
    await record(database, event)

    async with database.begin_across_tenants() as work:
        await work.inbox.save(replace(progress, event_type="forged", payload={}))

        assert progress == await work.inbox.find(event.id)
        with pytest.raises(NotFound):
            await work.inbox.save(full)


async def test_an_event_is_recorded_once(database: SqlDatabase, merchant: Merchant) -> None:
    """The same event again, also at the same moment, is not stored a second time."""
    results = await asyncio.gather(
        *(record(database, an_event(merchant, event_id="evt_1")) for _ in range(10))
    )

    assert results.count(True) == 1
    assert not await record(database, an_event(merchant, event_id="evt_1"))


async def test_an_event_id_is_per_gateway_and_mode(
    database: SqlDatabase, merchant: Merchant, rival: Merchant
) -> None:
    """Another gateway row, or the live mode, may send the same event id."""
    assert await record(database, an_event(merchant))
    assert await record(database, an_event(rival))
    assert await record(database, replace(an_event(merchant), livemode=True))


@pytest.mark.parametrize(
    "payload",
    [{"name": "a\0b"}, {"name": "half \ud800"}, {"amount": float("inf")}],
    ids=["NUL", "lone surrogate", "infinity"],
)
async def test_a_payload_that_jsonb_cannot_hold_is_refused(
    database: SqlDatabase, merchant: Merchant, payload: Mapping[str, object]
) -> None:
    """The refusal has a name of its own, so that the route can answer."""
    with pytest.raises(PayloadUnstorable):
        await record(database, replace(an_event(merchant), payload=payload))


async def test_events_wait_in_three_ways(database: SqlDatabase, merchant: Merchant) -> None:
    """Due are: received, a retry whose time has come, an expired lease; oldest first."""
    states: dict[str, tuple[WebhookEventStatus, datetime | None]] = {
        "received": (WebhookEventStatus.RECEIVED, None),
        "retry": (WebhookEventStatus.RETRY, NOW),
        "retry later": (WebhookEventStatus.RETRY, LEASE),
        "expired": (WebhookEventStatus.PROCESSING, NOW),
        "held": (WebhookEventStatus.PROCESSING, LEASE),
        "processed": (WebhookEventStatus.PROCESSED, None),
        "ignored": (WebhookEventStatus.IGNORED, None),
        "dead": (WebhookEventStatus.DEAD, None),
    }
    for name, (status, at) in states.items():
        event = replace(an_event(merchant, event_id=name), id=f"we_{name}", status=status)
        await record(database, replace(event, next_attempt_at=at, lease_until=at))

    async with database.begin_across_tenants() as work:
        due = await work.inbox.due(NOW, 10)
        first_two = await work.inbox.due(NOW, 2)
        claimed = {name for name in states if await work.inbox.claim(f"we_{name}", NOW, LEASE)}

    assert due == ["we_expired", "we_received", "we_retry"]
    assert first_two == ["we_expired", "we_received"]
    assert {"received", "retry", "expired"} == claimed


async def test_a_claim_starts_a_lease(database: SqlDatabase, merchant: Merchant) -> None:
    """The event comes as PROCESSING, one attempt further, without the time of its retry."""
    event = replace(
        an_event(merchant), status=WebhookEventStatus.RETRY, attempts=1, next_attempt_at=NOW
    )
    await record(database, event)

    expected = replace(
        event,
        status=WebhookEventStatus.PROCESSING,
        attempts=2,
        next_attempt_at=None,
        lease_until=LEASE,
    )
    assert expected == await claim(database, event)


async def test_racing_claims_have_one_holder(database: SqlDatabase, merchant: Merchant) -> None:
    """Of many claims at once one gets the event."""
    event = an_event(merchant)
    await record(database, event)

    results = await asyncio.gather(*(claim(database, event) for _ in range(10)))

    assert results.count(None) == 9


async def test_a_claim_does_not_wait_for_another(database: SqlDatabase, merchant: Merchant) -> None:
    """An event in another's open transaction is passed over at once."""
    event = an_event(merchant)
    await record(database, event)

    async with database.begin_across_tenants() as one, database.begin_across_tenants() as two:
        held = await one.inbox.claim(event.id, NOW, LEASE)
        passed_over = await two.inbox.claim(event.id, NOW, LEASE)

    assert held is not None
    assert passed_over is None


async def test_an_expired_lease_is_taken_over(database: SqlDatabase, merchant: Merchant) -> None:
    """A worker that died holds its event for the lease and no longer."""
    event = an_event(merchant)
    await record(database, event)
    await claim(database, event)

    async with database.begin_across_tenants() as work:
        too_early = await work.inbox.claim(event.id, LEASE - timedelta(microseconds=1), LEASE)
        taken_over = await work.inbox.claim(event.id, LEASE, LEASE + timedelta(seconds=30))

    assert too_early is None
    assert taken_over is not None
    assert taken_over.attempts == 2


async def test_processed_is_what_the_status_says(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """The column `processed` is true for PROCESSED and IGNORED, by the database's own word."""
    for status in WebhookEventStatus:
        event = an_event(merchant, event_id=status)
        await record(database, replace(event, status=status, next_attempt_at=NOW, lease_until=NOW))

    async with engine.connect() as connection:
        rows = await connection.execute(text("SELECT status FROM webhook_events WHERE processed"))

        assert {"PROCESSED", "IGNORED"} == set(rows.scalars())


async def test_the_platforms_row_reaches_its_tenants_payments(
    database: SqlDatabase, merchant: Merchant, rival: Merchant
) -> None:
    """Events of the platform's account speak of every payment made through it, by either id."""
    first = await stored_capture(database, merchant)
    second = await stored_payment(database, rival)
    platform = await platform_gateway(database)

    async def find(gateway_payment_id: str | None, payment_id: str | None) -> Payment | None:
        async with database.begin_across_tenants() as work:
            return await work.inbox.find_payment(platform, gateway_payment_id, payment_id)

    assert first == await find(first.gateway_payment_id, None)
    assert second == await find(None, second.id) == await find("pi_new", second.id)
    assert await find("pi_new", "pay_unknown") is None
    assert await find(None, None) is None


async def test_a_transaction_stays_with_the_tenant_it_found(
    database: SqlDatabase, merchant: Merchant, rival: Merchant
) -> None:
    """Who has entered one tenant reaches no other's payment, also through the platform's row."""
    first = await stored_capture(database, merchant)
    second = await stored_payment(database, rival)
    platform = await platform_gateway(database)

    async with database.begin_across_tenants() as work:
        assert first == await work.inbox.find_payment(platform, first.gateway_payment_id, None)
        assert await work.inbox.find_payment(platform, None, second.id) is None
    async with database.begin(rival.id) as work:
        assert await work.inbox.find_payment(platform, None, first.id) is None


async def test_the_gateways_id_goes_before_ours(database: SqlDatabase, merchant: Merchant) -> None:
    """Metadata that names another payment than the intent does not mislead."""
    named_by_gateway = await stored_capture(database, merchant)
    named_by_metadata = await stored_payment(database, merchant)
    platform = await platform_gateway(database)

    async with database.begin_across_tenants() as work:
        found = await work.inbox.find_payment(
            platform, named_by_gateway.gateway_payment_id, named_by_metadata.id
        )

    assert named_by_gateway == found


async def test_a_tenants_row_reaches_its_own_payments_only(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant, rival: Merchant
) -> None:
    """A tenant who signs with its own secret cannot speak of another tenant's payment, nor the
    platform of a payment through a tenant's own account."""
    payment = await stored_capture(database, merchant)
    platform = await platform_gateway(database)
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "UPDATE tenant_payment_gateways SET mode = 'CONNECT', account_id = 'acct_1'"
                " WHERE id = :id"
            ),
            {"id": merchant.gateway.id},
        )

    async def find(gateway: GatewayAccount) -> Payment | None:
        async with database.begin_across_tenants() as work:
            return await work.inbox.find_payment(gateway, payment.gateway_payment_id, payment.id)

    assert payment == await find(merchant.gateway)
    assert await find(rival.gateway) is None
    assert await find(platform) is None
