"""The payments that events of a gateway row may speak of."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from db.work import SqlDatabase
from domain.payment import GatewayType, Payment
from domain.tenant import GatewayAccount
from tests.integration.db.conftest import Merchant
from tests.integration.db.rows import stored_capture, stored_payment


async def platform_gateway(database: SqlDatabase) -> GatewayAccount:
    """The platform's own row."""
    async with database.begin_across_tenants() as work:
        return await work.tenants.platform_gateway(GatewayType.STRIPE, livemode=False)


async def test_the_platforms_row_reaches_its_tenants_payments(
    database: SqlDatabase, merchant: Merchant, rival: Merchant
) -> None:
    """Events of the platform's account speak of every payment made through it, by either id."""
    first = await stored_capture(database, merchant)
    second = await stored_payment(database, rival)
    platform = await platform_gateway(database)

    async def find(gateway_payment_id: str | None, payment_id: str | None) -> Payment | None:
        async with database.begin_across_tenants() as work:
            return await work.inbox.find_payment(platform, gateway_payment_id, None, payment_id)

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
        assert first == await work.inbox.find_payment(
            platform, first.gateway_payment_id, None, None
        )
        assert await work.inbox.find_payment(platform, None, None, second.id) is None
    async with database.begin(rival.id) as work:
        assert await work.inbox.find_payment(platform, None, None, first.id) is None


async def test_the_gateways_id_goes_before_ours(database: SqlDatabase, merchant: Merchant) -> None:
    """Metadata that names another payment than the intent does not mislead."""
    named_by_gateway = await stored_capture(database, merchant)
    named_by_metadata = await stored_payment(database, merchant)
    platform = await platform_gateway(database)

    async with database.begin_across_tenants() as work:
        found = await work.inbox.find_payment(
            platform, named_by_gateway.gateway_payment_id, None, named_by_metadata.id
        )

    assert named_by_gateway == found


async def test_a_charge_leads_to_its_payment(
    database: SqlDatabase, merchant: Merchant, rival: Merchant
) -> None:
    """Where the intent is not named: through the platform's row for any tenant, through a tenant's
    row for none but its own; after the intent and before our own id."""
    by_charge = await stored_capture(database, merchant)
    by_intent = await stored_capture(database, merchant)
    by_us = await stored_payment(database, merchant)
    charge_id = by_charge.gateway_charge_id

    async def find(*names: str | None) -> Payment | None:
        async with database.begin_across_tenants() as work:
            return await work.inbox.find_payment(platform, *names)

    platform = await platform_gateway(database)
    assert (
        by_charge == await find(None, charge_id, None) == await find("pi_new", charge_id, by_us.id)
    )
    assert by_intent == await find(by_intent.gateway_payment_id, charge_id, by_us.id)
    assert by_us == await find("pi_new", "ch_new", by_us.id)
    async with database.begin_across_tenants() as work:
        assert await work.inbox.find_payment(rival.gateway, None, charge_id, None) is None


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
            return await work.inbox.find_payment(
                gateway, payment.gateway_payment_id, None, payment.id
            )

    assert payment == await find(merchant.gateway)
    assert await find(rival.gateway) is None
    assert await find(platform) is None
