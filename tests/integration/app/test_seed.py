"""The development data set."""

from __future__ import annotations

import base64
import json

from app.clock import SystemClock
from app.seed import SeedResult, seed
from app.settings import load_settings
from db.cipher import AesGcmCipher
from db.engine import make_engine
from db.work import SqlDatabase
from domain.gateways.stripe_gateway import StripeGateway
from domain.services import PaymentService
from domain.tenant import Tenant
from webhooks.wake import ArqWake

NO_REDIS = "redis://127.0.0.1:1"


async def seeded(database_url: str) -> SeedResult:
    """What `tollgate seed` makes."""
    settings = load_settings(
        {
            "TOLLGATE_ENV": "development",
            "DATABASE_URL": database_url,
            "REDIS_URL": NO_REDIS,
            "STRIPE_SECRET_KEY": "sk_test_made_up_1",
            "TOLLGATE_CREDENTIAL_KEYS": "k1:" + base64.b64encode(b"0" * 32).decode(),
            "TOLLGATE_JWT_KEYS": json.dumps([{"kid": "k", "alg": "HS256", "key": "k" * 32}]),
            "TOLLGATE_CHECKOUT_KEYS": "c1:" + base64.b64encode(b"1" * 32).decode(),
        }
    )
    return await seed(settings)


async def test_three_tenants_once(database_url: str) -> None:
    """Seeding makes three active tenants, and seeding again finds the same ones."""
    first, again = await seeded(database_url), await seeded(database_url)

    assert first == again
    assert [tenant.slug for tenant in first.tenants] == ["acme", "globex", "initech"]
    assert all(tenant.is_active for tenant in first.tenants)


async def test_each_tenant_pays_its_tiers_price(database_url: str) -> None:
    """100.00 costs 3.00, 1.50 and 0.50 for the platform, and leaves 93.80, 95.30 and 96.30."""
    result = await seeded(database_url)
    engine = make_engine(database_url, pool_size=1)
    database = SqlDatabase(engine, AesGcmCipher({"k1": b"0" * 32}, "k1"))
    gateway = StripeGateway(secret_key="sk_test_made_up_1", api_base="http://127.0.0.1:1")
    wake = ArqWake(NO_REDIS)
    payments = PaymentService(database, gateway, wake, SystemClock())

    async def quoted(tenant: Tenant) -> tuple[int, int, int]:
        quote = await payments.quote(tenant.id, 10_000, "USD")
        return quote.platform_fee, quote.gateway_fee_estimate, quote.net_amount

    quotes = [await quoted(tenant) for tenant in result.tenants]
    await wake.close()
    await gateway.close()
    await engine.dispose()

    assert quotes == [(300, 320, 9_380), (150, 320, 9_530), (50, 320, 9_630)]
