"""The store of gateway accounts: rows and back, secrets apart, one tenant an account."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from db.work import SqlDatabase
from domain.errors import NotFound
from domain.gateway_profile import AccountTaken, GatewayProfile, GatewaySecrets
from domain.ids import Prefix, new_id
from domain.payment import GatewayType
from domain.tenant import GatewayMode
from tests.integration.db.builders import NOW, an_event
from tests.integration.db.conftest import Merchant
from tests.integration.db.rows import record_event

SECRETS = GatewaySecrets("sk_test_of_the_merchant", "whsec_of_the_merchant")


def own(
    merchant: Merchant, account_id: str = "acct_1", *, livemode: bool = False
) -> GatewayProfile:
    """An account of the merchant's own, switched off."""
    return GatewayProfile(
        id=new_id(Prefix.GATEWAY),
        tenant_id=merchant.id,
        gateway_type=GatewayType.STRIPE,
        mode=GatewayMode.OWN,
        livemode=livemode,
        is_enabled=False,
        fee_schedule=merchant.gateway.fee_schedule,
        created_at=NOW,
        updated_at=NOW,
        key_account_id=account_id,
        secret_key_hint="hant",
        webhook_secret_hint="hant",
    )


def connected(merchant: Merchant, account_id: str = "acct_1") -> GatewayProfile:
    """A connected account of the merchant's, switched off."""
    return replace(
        own(merchant),
        mode=GatewayMode.CONNECT,
        account_id=account_id,
        key_account_id=None,
        secret_key_hint=None,
        webhook_secret_hint=None,
    )


async def add(database: SqlDatabase, profile: GatewayProfile) -> None:
    """Commits the row, with secrets where it has any."""
    secrets = SECRETS if profile.mode is GatewayMode.OWN else GatewaySecrets()
    async with database.begin(profile.tenant_id) as work:
        await work.gateways.add(profile, secrets)
        await work.commit()


async def test_a_row_comes_back_as_it_was(database: SqlDatabase, merchant: Merchant) -> None:
    """The profile has no secret; the secrets are read apart, and kept where none is given."""
    profile = own(merchant)
    await add(database, profile)
    changed = replace(profile, secret_key_hint="keyy", webhook_secret_hint="hant")
    async with database.begin(merchant.id) as work:
        before = (await work.gateways.of_tenant(merchant.id))[-1]
        await work.gateways.save(changed, GatewaySecrets("sk_test_another_keyy"))
        after = (await work.gateways.of_tenant(merchant.id))[-1]
        secrets = await work.gateways.secrets(merchant.id, profile.id)
        with pytest.raises(NotFound):
            await work.gateways.save(replace(profile, id="gw_unknown"), SECRETS)

    assert (before, after) == (profile, changed)
    assert secrets == GatewaySecrets("sk_test_another_keyy", SECRETS.webhook_secret)
    assert "whsec" not in repr(secrets)


@pytest.mark.parametrize("theirs", [own, connected])
@pytest.mark.parametrize("mine", [own, connected])
async def test_an_account_serves_one_tenant(
    database: SqlDatabase, merchant: Merchant, rival: Merchant, mine: object, theirs: object
) -> None:
    """Connected or by key, in whichever order; another account, or mode, is no matter."""
    assert callable(mine)
    assert callable(theirs)
    await add(database, theirs(rival))
    with pytest.raises(AccountTaken):
        await add(database, mine(merchant))
    await add(database, mine(merchant, "acct_2"))
    await add(database, own(merchant, livemode=True))


async def test_a_tenant_may_use_its_account_in_both_ways(
    database: SqlDatabase, merchant: Merchant, rival: Merchant
) -> None:
    """By key and connected; moving a row to an account that another tenant has is refused."""
    row = own(merchant)
    await add(database, row)
    await add(database, connected(merchant))
    await add(database, own(rival, "acct_2"))
    async with database.begin(merchant.id) as work:
        with pytest.raises(AccountTaken):
            await work.gateways.save(replace(row, key_account_id="acct_2"), GatewaySecrets())


async def test_the_last_event_is_the_tenants_own(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant, rival: Merchant
) -> None:
    """For a row of its own by that row; in mode PLATFORM by the platform's, whose events are those
    of every tenant."""
    row = own(merchant)
    await add(database, row)
    async with engine.connect() as connection:
        platform = text(
            "SELECT id FROM tenant_payment_gateways WHERE tenant_id IS NULL AND NOT livemode"
        )
        platform_id = (await connection.execute(platform)).scalar_one()
    async with database.begin_across_tenants() as work:
        for event_id, gateway_id, tenant_id in (
            ("evt_1", platform_id, merchant.id),
            ("evt_2", platform_id, rival.id),
            ("evt_3", row.id, merchant.id),
        ):
            event = replace(an_event(merchant, event_id=event_id), gateway_id=gateway_id)
            await record_event(work, replace(event, tenant_id=tenant_id))
        await work.commit()
    async with database.begin(merchant.id) as work:
        mine = await work.gateways.of_tenant(merchant.id)
    async with database.begin(rival.id) as work:
        theirs = await work.gateways.of_tenant(rival.id)

    assert [at.last_webhook_at for at in mine] == [NOW, NOW]
    assert [at.last_webhook_at for at in theirs] == [NOW]
