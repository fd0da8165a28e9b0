"""The store of tenants, gateway accounts and prices; and the seeding of a tenant."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from db.cipher import AesGcmCipher
from db.seeding import add_tenant
from db.tenant_rows import SECRET_KEY
from db.work import SqlDatabase
from domain.errors import NotFound
from domain.fees import GatewayFeeSchedule
from domain.payment import GatewayType
from domain.tenant import GatewayAccount, GatewayMode
from tests.integration.db.builders import NOW
from tests.integration.db.conftest import Merchant
from tests.integration.db.rows import stored_override

STRIPE = GatewayType.STRIPE


async def change_gateway(engine: AsyncEngine, gateway: GatewayAccount, **columns: object) -> None:
    """Set columns of a gateway row, as its administration will."""
    assignments = ", ".join(f"{name} = :{name}" for name in columns)
    async with engine.begin() as connection:
        await connection.execute(
            text(f"UPDATE tenant_payment_gateways SET {assignments} WHERE id = :id"),  # noqa: S608 - our own column names
            {"id": gateway.id, **columns},
        )


async def test_a_seeded_tenant_is_found(database: SqlDatabase, merchant: Merchant) -> None:
    """The tenant, and its gateway row by tenant and by id; unknown ones are not."""
    async with database.begin(merchant.id) as work:
        assert merchant.tenant == await work.tenants.find(merchant.id)
        assert merchant.gateway == await work.tenants.gateway(merchant.id, STRIPE)
        assert merchant.gateway == await work.tenants.gateway_by_id(merchant.gateway.id)
        assert await work.tenants.find("ten_unknown") is None
        assert await work.tenants.gateway("ten_unknown", STRIPE) is None
        assert await work.tenants.gateway_by_id("gw_unknown") is None


async def test_seeding_again_changes_nothing(engine: AsyncEngine, merchant: Merchant) -> None:
    """The same slug gives the same tenant and gateway, whatever else is asked for."""
    again = await add_tenant(
        engine, name="Other", slug="acme", tier_level=3, default_currency="EUR"
    )

    assert (merchant.tenant, merchant.gateway) == again


async def test_seeding_without_such_a_tier_is_refused(engine: AsyncEngine) -> None:
    """A level that no tier has makes no tenant."""
    with pytest.raises(NotFound):
        await add_tenant(engine, name="Acme", slug="acme", tier_level=9, default_currency="EUR")


async def test_a_seeded_gateway_is_the_platforms(database: SqlDatabase, merchant: Merchant) -> None:
    """It is in mode PLATFORM, on the terms of the platform's row, which has no tenant."""
    async with database.begin_across_tenants() as work:
        platform = await work.tenants.platform_gateway(STRIPE, livemode=False)

    assert platform.tenant_id is None
    assert GatewayMode.PLATFORM is merchant.gateway.mode
    assert GatewayFeeSchedule(290, 30) == platform.fee_schedule == merchant.gateway.fee_schedule


async def test_a_disabled_gateway_takes_no_payments(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """It is no longer the tenant's account, but is still found by its id, for what is under way."""
    await change_gateway(engine, merchant.gateway, is_enabled=False)

    async with database.begin(merchant.id) as work:
        assert await work.tenants.gateway(merchant.id, STRIPE) is None
        assert replace(merchant.gateway, is_enabled=False) == await work.tenants.gateway_by_id(
            merchant.gateway.id
        )


async def test_a_connected_account_is_found_by_its_id(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """In its own mode only: the live account is another row."""
    await change_gateway(engine, merchant.gateway, mode="CONNECT", account_id="acct_1")
    connected = replace(merchant.gateway, mode=GatewayMode.CONNECT, account_id="acct_1")

    async with database.begin_across_tenants() as work:
        assert connected == await work.tenants.gateway_by_account("acct_1", livemode=False)
        assert await work.tenants.gateway_by_account("acct_1", livemode=True) is None
        assert await work.tenants.gateway_by_account("acct_2", livemode=False) is None


async def test_a_tenants_own_key_is_sealed(
    database: SqlDatabase, engine: AsyncEngine, cipher: AesGcmCipher, merchant: Merchant
) -> None:
    """The key opens for the domain; the account does not show it when it is printed."""
    sealed = SECRET_KEY.seal(
        cipher, merchant.id, merchant.gateway.id, {"secret_key": "sk_test_own"}
    )
    await change_gateway(engine, merchant.gateway, mode="OWN", secret_key=sealed)

    async with database.begin(merchant.id) as work:
        account = await work.tenants.gateway(merchant.id, STRIPE)

    assert replace(merchant.gateway, mode=GatewayMode.OWN, secret_key="sk_test_own") == account
    assert "sk_test_own" not in repr(account)


async def test_the_tier_is_the_price_without_an_override(
    database: SqlDatabase, merchant: Merchant, rival: Merchant
) -> None:
    """Each tenant pays by its own tier."""
    async with database.begin_across_tenants() as work:
        starter, no_override = await work.tenants.fee_source(merchant.id, NOW)
        professional, _ = await work.tenants.fee_source(rival.id, NOW)
        with pytest.raises(NotFound):
            await work.tenants.fee_source("ten_unknown", NOW)

    assert (
        starter.name, starter.level, starter.basis_points, starter.fixed_fees,
    ) == ("Starter", 1, 300, {})  # fmt: skip
    assert no_override is None
    assert (professional.name, professional.basis_points) == ("Professional", 150)


async def test_an_override_is_in_force_in_its_time(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant, rival: Merchant
) -> None:
    """From its first moment up to, not including, its last; for its own tenant only."""
    end = NOW + timedelta(days=30)
    first = await stored_override(engine, merchant, "fov_1", effective_until=end)
    second = await stored_override(engine, merchant, "fov_2", effective_from=end)
    instant = timedelta(microseconds=1)

    async with database.begin_across_tenants() as work:
        found = [
            (await work.tenants.fee_source(merchant.id, at))[1]
            for at in (NOW - instant, NOW, end - instant, end, end + timedelta(days=999))
        ]
        _, foreign = await work.tenants.fee_source(rival.id, NOW)

    assert [None, first, first, second, second] == found
    assert foreign is None


async def test_overrides_of_a_tenant_never_overlap(
    engine: AsyncEngine, merchant: Merchant, rival: Merchant
) -> None:
    """A second override in force at the same time is refused; another tenant's is not."""
    await stored_override(engine, merchant, "fov_1")
    await stored_override(engine, rival, "fov_1")

    with pytest.raises(IntegrityError, match="ex_platform_fee_overrides_period"):
        await stored_override(engine, merchant, "fov_2", effective_from=NOW + timedelta(days=1))


async def test_a_tenant_has_one_enabled_gateway(engine: AsyncEngine, merchant: Merchant) -> None:
    """A second enabled row of the same gateway is refused: the account would be left to chance."""
    copy = text(
        "INSERT INTO tenant_payment_gateways SELECT 'gw_2', tenant_id, gateway_type, mode,"
        " livemode, is_enabled, fee_basis_points, fee_fixed_cents, account_id, secret_key,"
        " created_at, updated_at FROM tenant_payment_gateways WHERE id = :id"
    )
    async with engine.begin() as connection:
        with pytest.raises(IntegrityError, match="uq_tenant_payment_gateways_enabled"):
            await connection.execute(copy, {"id": merchant.gateway.id})


async def test_a_second_platform_row_is_refused(engine: AsyncEngine, merchant: Merchant) -> None:
    """The platform has one row per gateway."""
    with pytest.raises(IntegrityError, match="uq_tenant_payment_gateways_platform"):
        await change_gateway(engine, merchant.gateway, tenant_id=None)


async def test_a_live_deployment_has_rows_of_its_own(
    database: SqlDatabase, engine: AsyncEngine
) -> None:
    """The platform has one row for each mode, and a live tenant's payments are live."""
    _, live = await add_tenant(
        engine, name="Live", slug="live", tier_level=1, default_currency="USD", livemode=True
    )
    async with database.begin_across_tenants() as work:
        platform = await work.tenants.platform_gateway(STRIPE, livemode=True)
        test = await work.tenants.platform_gateway(STRIPE, livemode=False)

    assert live.livemode
    assert (platform.livemode, test.livemode) == (True, False)
    assert platform.id != test.id
