"""What the gateway has and we missed is found by its name, and recorded as if it had been heard."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from domain.payment import Payment, PaymentStatus
from sandbox.settings import SandboxSettings
from tests.integration.domain.calls import capture, refund
from tests.integration.reconciliation.reconciled import Reconciling
from tests.integration.webhooks.shop import USER, Shop

BOOKED_SECONDS = 2 * SandboxSettings().balance_delay_seconds


async def lost_answer(shop: Shop) -> Payment:
    """A charge that nobody heard of again."""
    return await shop.lose_the_answer()


async def captured_at_the_dashboard(shop: Shop) -> Payment:
    """An authorization of which a part was captured beside us."""
    payment = await shop.authorize()
    path = f"payment_intents/{payment.gateway_payment_id}/capture"
    await shop.call_stripe(path, amount_to_capture="6000")
    return payment


async def canceled_at_the_dashboard(shop: Shop) -> Payment:
    """An authorization that was let go beside us."""
    payment = await shop.authorize()
    await shop.call_stripe(f"payment_intents/{payment.gateway_payment_id}/cancel")
    return payment


async def expired(shop: Shop) -> Payment:
    """An authorization that ran out."""
    payment = await shop.authorize()
    await shop.control.expire(str(payment.gateway_payment_id))
    return payment


async def authenticated(shop: Shop) -> Payment:
    """An authorization for which the payer did what the bank asked."""
    payment = await shop.authorize("pm_card_threeDSecure2Required")
    await shop.control.authenticate(str(payment.gateway_payment_id))
    return payment


async def unsettled(shop: Shop) -> Payment:
    """A charge whose balance transaction came after its answer."""
    return await shop.charge()


async def refunded_at_the_dashboard(shop: Shop) -> Payment:
    """A settled payment of which a part went back beside us."""
    payment = await settled(shop)
    await shop.call_stripe("refunds", payment_intent=str(payment.gateway_payment_id), amount="25")
    return payment


async def refund_that_failed(shop: Shop) -> Payment:
    """A refund that had succeeded, and whose bank sent it back."""
    payment = await settled(shop)
    done = await shop.payments.refund(USER, shop.tenant.id, refund(payment, 4_000))
    await shop.control.settle_refund(str(done.refund.gateway_refund_id), "failed")
    return payment


async def disputed(shop: Shop) -> Payment:
    """A settled payment that somebody disputes."""
    payment = await settled(shop)
    await shop.control.dispute(str(payment.gateway_charge_id))
    return payment


async def settled(shop: Shop) -> Payment:
    """A payment of which the gateway's fee is known."""
    payment = await shop.authorize()
    await shop.payments.capture(USER, shop.tenant.id, capture(payment))
    now = await shop.now_of(payment)
    assert now.gateway_fee_is_final
    return now


@dataclass(frozen=True, slots=True)
class Missed:
    """What happens, what it is called, and what the payment is once it is recorded."""

    happens: Callable[[Shop], Awaitable[Payment]]
    label: str
    status: PaymentStatus
    captured: int = 0
    refunded: int = 0


MISSED = [
    Missed(lost_answer, "missed_capture", PaymentStatus.PAID, 10_000),
    Missed(captured_at_the_dashboard, "missed_capture", PaymentStatus.PAID, 6_000),
    Missed(canceled_at_the_dashboard, "missed_end", PaymentStatus.CANCELED),
    Missed(expired, "missed_end", PaymentStatus.EXPIRED),
    Missed(authenticated, "missed_authorization", PaymentStatus.AUTHORIZED),
    Missed(unsettled, "missing_fee", PaymentStatus.PAID, 10_000),
    Missed(refunded_at_the_dashboard, "missed_refund", PaymentStatus.PAID, 10_000, 25),
    Missed(refund_that_failed, "refund", PaymentStatus.PAID, 10_000),
    Missed(disputed, "missed_dispute", PaymentStatus.PAID, 10_000),
]


@pytest.mark.parametrize("missed", MISSED, ids=lambda missed: missed.happens.__name__)
async def test_it_is_told_then_repaired(
    shop: Shop, reconciling: Reconciling, missed: Missed
) -> None:
    """A look tells it and writes nothing; a repair ends it, audited; then nothing differs. What is
    too young is left alone."""
    payment = await missed.happens(shop)
    await asyncio.sleep(BOOKED_SECONDS)
    young = await reconciling.labels(after=0.0)
    before = await shop.now_of(payment)
    told = await reconciling.labels()
    untouched = await shop.now_of(payment)
    repaired = await reconciling.labels(repair=True, after=0.0)
    after = await shop.now_of(payment)
    left = await reconciling.labels(after=0.0)

    assert young == {}
    assert told == repaired == {missed.label: 1}
    assert untouched == before
    assert (after.status, after.captured, after.refunded) == (
        missed.status,
        missed.captured,
        missed.refunded,
    )
    assert left == {}
    actors = await shop.rows("select actor_id from audit_log order by id desc limit 1")
    assert actors == [("ada",)]


async def test_what_is_in_step_differs_in_nothing(shop: Shop, reconciling: Reconciling) -> None:
    """Payments of every kind, all heard of: held, captured in part, given back, declined, canceled,
    disputed and lost; and money on the account that is none of ours."""
    held = await shop.authorize()
    part = await shop.authorize()
    await shop.payments.capture(USER, shop.tenant.id, capture(part, 4_200))
    given_back = await settled(shop)
    for amount in (1_000, 2_000):
        await shop.payments.refund(USER, shop.tenant.id, refund(given_back, amount))
    lost = await settled(shop)
    dispute = await shop.control.dispute(str(lost.gateway_charge_id))
    await shop.control.decide(str(dispute["id"]), "lost")
    await captured_at_the_dashboard(shop)
    await canceled_at_the_dashboard(shop)
    await shop.charge()
    await shop.call_stripe(
        "payment_intents",
        amount="1000",
        currency="usd",
        confirm="true",
        payment_method="pm_card_visa",
        **{
            "automatic_payment_methods[enabled]": "true",
            "automatic_payment_methods[allow_redirects]": "never",
        },
    )
    await asyncio.sleep(BOOKED_SECONDS)
    for event in await shop.gateway_events():
        await shop.receive(event)
    await shop.work_off()
    found = await reconciling.look()

    assert (await shop.now_of(held)).status is PaymentStatus.AUTHORIZED
    assert [str(each) for each in (*found.left, *found.repaired)] == []
    assert found.payments == 7
