"""Endpoints' secrets: carried over from the column that held them, found by their endpoint."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from db.cipher import AesGcmCipher
from db.engine import make_engine
from db.roles import DatabaseRole
from db.sealed import SealedColumn
from db.seeding import add_tenant
from db.work import SqlDatabase
from domain.endpoint_secrets import OVERLAP, SECRETS_MAX
from domain.gateway_profile import GatewaySecrets
from tests.conftest import alembic
from tests.integration.db.builders import NOW
from tests.integration.db.conftest import Merchant
from tests.integration.db.test_gateways import SECRETS, own

BEFORE = SealedColumn("tenant_payment_gateways", "webhook_secret")
"""Where a secret lay, and still is bound to."""

_ROW = """
INSERT INTO tenant_payment_gateways (id, tenant_id, gateway_type, mode, livemode, is_enabled,
    fee_basis_points, fee_fixed_cents, secret_key, webhook_secret, webhook_secret_hint,
    created_at, updated_at)
VALUES ('gw_before', :tenant, 'STRIPE', 'OWN', false, false, 0, 0, 'key', :secret, 'hint',
    now(), now())
"""


async def test_a_secret_outlives_the_migration(
    empty_database_url: str, cipher: AesGcmCipher
) -> None:
    """What was encrypted before is found by its endpoint afterwards, and is back after a step
    back."""
    assert alembic(empty_database_url, "upgrade", "0012").returncode == 0
    owner = make_engine(empty_database_url, pool_size=2)
    tenant, _ = await add_tenant(
        owner, name="Acme", slug="acme", tier_level=1, default_currency="USD"
    )
    blob = BEFORE.seal(cipher, tenant.id, "gw_before", {"webhook_secret": "whsec_before"})
    async with owner.begin() as connection:
        await connection.execute(text(_ROW), {"tenant": tenant.id, "secret": blob})
    await owner.dispose()
    up = alembic(empty_database_url, "upgrade", "0013")
    api = make_engine(empty_database_url, pool_size=1, role=DatabaseRole.API)
    async with SqlDatabase(api, cipher).begin_across_tenants() as work:
        found = await work.endpoint_secrets.of_gateway("gw_before", NOW)
    await api.dispose()
    down = alembic(empty_database_url, "downgrade", "0012")
    async with owner.connect() as connection:
        back = await connection.execute(
            text(
                "SELECT webhook_secret, webhook_secret_hint FROM tenant_payment_gateways"
                " WHERE id = 'gw_before'"
            )
        )
        row = back.one()
    await owner.dispose()

    assert (up.returncode, down.returncode) == (0, 0), up.stderr + down.stderr
    assert [(each.secret, each.expires_at) for each in found] == [("whsec_before", None)]
    assert (bytes(row.webhook_secret), row.webhook_secret_hint) == (blob, "hint")


async def test_the_newest_in_force_are_found(
    database: SqlDatabase, database_url: str, cipher: AesGcmCipher, merchant: Merchant
) -> None:
    """By the API, which knows no tenant yet; at most so many, and the one that cannot be decrypted
    keeps nobody from the others."""
    profile = own(merchant)
    async with database.begin(merchant.id) as work:
        await work.gateways.add(profile, SECRETS)
        for number in range(SECRETS_MAX):
            await work.gateways.save(profile, GatewaySecrets(webhook_secret=f"whsec_{number}"))
        await work.commit()
    api = make_engine(database_url, pool_size=2, role=DatabaseRole.API)
    async with SqlDatabase(api, cipher).begin_across_tenants() as work:
        found = await work.endpoint_secrets.of_gateway(profile.id, NOW)
        later = await work.endpoint_secrets.of_gateway(profile.id, NOW + OVERLAP)
    foreign = AesGcmCipher({"k9": b"9" * 32}, "k9")
    async with SqlDatabase(api, foreign).begin_across_tenants() as work:
        unreadable = await work.endpoint_secrets.of_gateway(profile.id, NOW)
    await api.dispose()

    assert [each.secret for each in found] == [
        f"whsec_{number}" for number in reversed(range(SECRETS_MAX))
    ]
    assert [each.expires_at for each in found[:2]] == [None, NOW + timedelta(hours=24)]
    assert [each.secret for each in later] == [f"whsec_{SECRETS_MAX - 1}"]
    assert unreadable == []
