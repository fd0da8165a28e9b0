"""The books as real payments leave them, in the three modes, read as an accountant reads them."""

from __future__ import annotations

import secrets

import pytest

from domain.commands import CapturePayment, RefundPayment
from domain.ledger import totals
from domain.payment import Payment
from domain.refund import RefundReason
from domain.tenant import GatewayMode
from tests.integration.domain.gateways import Desk, connect, new_key, own
from tests.integration.webhooks.disputed import FEE, Disputed, a_settled
from tests.integration.webhooks.shop import USER, Shop

OWN, CONNECT, PLATFORM = GatewayMode.OWN, GatewayMode.CONNECT, GatewayMode.PLATFORM


async def switch(shop: Shop, mode: GatewayMode) -> None:
    """Has the shop paid through an account of this kind."""
    desk = Desk.of(shop)
    if mode is OWN:
        await desk.configure(own(new_key()))
    if mode is CONNECT:
        await desk.configure(connect(await desk.connected(shop.tenant.id)), by_platform=True)


async def capture(shop: Shop, payment: Payment, amount: int) -> Payment:
    """A capture of a part."""
    command = CapturePayment(
        payment_id=payment.id, idempotency_key=secrets.token_hex(8), amount=amount
    )
    return (await shop.payments.capture(USER, shop.tenant.id, command)).payment


async def give_back(shop: Shop, payment: Payment, amount: int) -> Payment:
    """A refund of a part."""
    command = RefundPayment(
        payment_id=payment.id,
        idempotency_key=secrets.token_hex(8),
        reason=RefundReason.REQUESTED_BY_CUSTOMER,
        amount=amount,
    )
    return (await shop.payments.refund(USER, shop.tenant.id, command)).payment


async def booked(shop: Shop, payment: Payment) -> list[str]:
    """The books of the payment: what kind of fact, why, and its entries."""
    async with shop.database.begin(shop.tenant.id) as work:
        found = await work.ledger.of_payment(shop.tenant.id, payment.id)
    return [
        f"{each.fact_key.partition(':')[0]} ({each.reason}): "
        + ", ".join(f"{at.account} {at.amount:+}" for at in each.postings)
        for each in found
    ]


async def sums(shop: Shop, payment: Payment) -> dict[str, int]:
    """What each account of the payment comes to, zeros left out."""
    async with shop.database.begin(shop.tenant.id) as work:
        found = await work.ledger.of_payment(shop.tenant.id, payment.id)
    postings = [posting for each in found for posting in each.postings]
    return {
        account.value: amount
        for account, amount in totals(postings, payment.currency).items()
        if amount
    }


@pytest.mark.parametrize(
    ("mode", "lines", "left"),
    [
        (
            PLATFORM,
            [
                "capture (captured): gateway_clearing +6000, platform_fee_revenue -180,"
                " merchant_payable -5820",
                "refund (refund succeeded): merchant_payable +970, platform_fee_revenue +30,"
                " gateway_clearing -1000",
            ],
            {"merchant_payable": -4_850, "platform_fee_revenue": -150},
        ),
        *(
            (
                mode,
                [
                    "capture (captured): gateway_clearing +6000, platform_fee_receivable +180,"
                    " platform_fee_revenue -180, merchant_payable -6000",
                    "refund (refund succeeded): merchant_payable +1000, platform_fee_revenue +30,"
                    " platform_fee_receivable -30, gateway_clearing -1000",
                ],
                {
                    "merchant_payable": -5_000,
                    "platform_fee_receivable": 150,
                    "platform_fee_revenue": -150,
                },
            )
            for mode in (OWN,)
        ),
    ],
)
async def test_a_partial_capture_and_a_refund(
    shop: Shop, mode: GatewayMode, lines: list[str], left: dict[str, int]
) -> None:
    """60.00 of 100.00 captured, 10.00 given back: each fact once, and what is left of it."""
    await switch(shop, mode)
    payment = await capture(shop, await shop.authorize(), 6_000)
    payment = await give_back(shop, payment, 1_000)
    found = [line for line in await booked(shop, payment) if not line.startswith("settlement")]

    assert found == lines
    money = await sums(shop, payment)
    kept = {account: money[account] for account in left}
    assert kept == left
    assert money["gateway_clearing"] == 5_000 - money.get("gateway_fee_expense", 0)


async def test_nothing_is_booked_before_money_moves(shop: Shop) -> None:
    """Neither an authorization nor its end, nor a decline."""
    held = await shop.authorize()

    assert await booked(shop, held) == []
    assert await shop.rows("select count(*) from ledger_transactions") == [(0,)]


async def test_a_refund_that_fails_late(shop: Shop) -> None:
    """It is reversed by a transaction of its own; the older one stands."""
    payment = (await a_settled(shop)).payment
    payment = await give_back(shop, payment, 4_000)
    (refund,) = await shop.refunds_of(payment)
    await shop.control.settle_refund(str(refund.gateway_refund_id), "failed")
    for event in await shop.gateway_events("refund.failed", "refund.updated"):
        await shop.process(event)

    assert (await booked(shop, payment))[-2:] == [
        "refund (refund succeeded): merchant_payable +3880, platform_fee_revenue +120,"
        " gateway_clearing -4000",
        "refund (refund failed): gateway_clearing +4000, platform_fee_revenue -120,"
        " merchant_payable -3880",
    ]


async def test_a_dispute_lost_and_won_after_all(shop: Shop) -> None:
    """Held, lost, and back; its fee is lost whatever comes."""
    disputed = await a_settled(shop)
    gateway_id = await disputed.open()
    await disputed.hear()
    held = await sums(shop, disputed.payment)
    await disputed.go(gateway_id, "lost")
    lost = await sums(shop, disputed.payment)
    await disputed.go(gateway_id, "won")
    won = await sums(shop, disputed.payment)

    assert (held["dispute_hold"], held["dispute_loss"]) == (10_000, FEE)
    assert ("dispute_hold" in lost, lost["dispute_loss"]) == (False, 10_000 + FEE)
    assert ("dispute_hold" in won, won["dispute_loss"]) == (False, FEE)
    assert await in_the_account(shop) == won["gateway_clearing"]


async def in_the_account(shop: Shop) -> int:
    """What the sandbox's own ledger has in dollars."""
    return int((await shop.control.ledger())["balance"]["usd"])


async def test_the_books_have_what_the_gateway_has(shop: Shop) -> None:
    """After a mixed day, the clearing account holds what the gateway's balance does."""
    disputed = await a_settled(shop)
    await disputed.refund(2_500)
    await disputed.open(amount=4_000)
    await disputed.hear()
    held = await capture(shop, await shop.authorize(), 7_777)
    await give_back(shop, held, 333)
    await Disputed(shop, held).hear()

    clearing = await shop.rows(
        "select sum(amount_cents) from ledger_entries where account = 'gateway_clearing'"
    )
    assert clearing == [(await in_the_account(shop),)]
