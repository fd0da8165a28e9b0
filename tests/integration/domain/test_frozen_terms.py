"""A price that changes touches no payment that was authorized before."""

from __future__ import annotations

import secrets
from dataclasses import replace

from db.pricing import SqlPricingDatabase
from db.roles import DatabaseRole
from domain.commands import CapturePayment
from domain.fees import FeeRefundPolicy
from domain.money import Money
from domain.payment import Payment
from domain.pricing import PricingService
from domain.pricing_rules import PriceTier, SetOverride
from tests.integration.db.as_role import engine_as
from tests.integration.webhooks.shop import USER, Shop

DEARER = PriceTier(
    name="Starter",
    level=1,
    basis_points=1_000,
    fixed_fees=[Money(500, "USD")],
    description="At the new price",
    refund_policy=FeeRefundPolicy.RETAIN,
)


async def capture(shop: Shop, payment: Payment) -> Payment:
    """The payment, captured in part."""
    command = CapturePayment(
        payment_id=payment.id, idempotency_key=secrets.token_hex(8), amount=5_000
    )
    return (await shop.payments.capture(USER, shop.tenant.id, command)).payment


async def test_prices_of_before_and_after(shop: Shop, database_url: str) -> None:
    """The tier gets dearer and keeps its fee on refunds, another is assigned, an override is set:
    the payment of before is captured on its own terms, each later one on those of its day."""
    before = await shop.authorize()
    async with engine_as(database_url, DatabaseRole.PLATFORM) as platform:
        prices = PricingService(SqlPricingDatabase(platform), shop.clock, livemode=False)
        await prices.update_tier(USER, before.fee_terms.tier_id, DEARER)
        dearer = await shop.authorize()
        other = await prices.create_tier(USER, replace(DEARER, level=9, basis_points=0))
        await prices.assign_tier(USER, shop.tenant.id, other.id)
        moved = await shop.authorize()
        override = SetOverride(shop.tenant.id, 100, [], "A deal", None, None)
        mine = await prices.set_override(USER, override)
        own = await shop.authorize()
        await prices.end_override(USER, mine.id)
        again = await shop.authorize()

    fees = [(each.platform_fee, each.fee_terms.override_id) for each in (before, dearer, moved)]
    assert fees == [(300, None), (1_500, None), (500, None)]
    assert (own.platform_fee, own.fee_terms.override_id) == (100, mine.id)
    assert again.fee_terms == moved.fee_terms
    captured = [await capture(shop, each) for each in (before, dearer, moved, own)]
    assert [each.platform_fee for each in captured] == [150, 1_000, 500, 50]
    assert [each.fee_terms for each in captured] == [
        each.fee_terms for each in (before, dearer, moved, own)
    ]
