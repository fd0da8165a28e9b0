"""Currencies that the gateway counts otherwise than ISO 4217: ours and its amounts agree."""

from __future__ import annotations

import secrets
from dataclasses import replace

import pytest

from domain.commands import CreateOrder
from domain.errors import ValidationFailed
from domain.payment import Payment, PaymentStatus
from tests.e2e.sandbox.control import Control
from tests.integration.domain.calls import capture, refund
from tests.integration.webhooks.shop import USER, Shop

CASES = [
    # currency, total, captured, refunded, and these as the gateway counts them
    ("JPY", 10_001, 7_777, 333, (10_001, 7_777, 333)),
    ("ISK", 1_001, 777, 33, (100_100, 77_700, 3_300)),
    ("UGX", 50_001, 40_007, 999, (5_000_100, 4_000_700, 99_900)),
    ("KWD", 12_350, 7_770, 30, (12_350, 7_770, 30)),
    ("MGA", 1_000_100, 777_700, 33_300, (10_001, 7_777, 333)),
    ("HUF", 17_501, 17_777 - 1_000, 333, (17_501, 16_777, 333)),
]


async def authorized(shop: Shop, currency: str, total: int) -> Payment:
    """A fresh order in this currency, authorized."""
    order = CreateOrder(
        reference=secrets.token_hex(8),
        total=total,
        currency=currency,
        idempotency_key=secrets.token_hex(8),
        metadata={},
    )
    opened = (await shop.orders.create(USER, shop.tenant.id, order)).order
    command = replace(await shop.start_command(), order_id=opened.id)
    return (await shop.payments.authorize(USER, shop.tenant.id, command)).payment


async def connect(shop: Shop) -> str:
    """Moves the tenant to a connected account; its id."""
    account = str((await shop.call_stripe("accounts", type="standard"))["id"])
    await shop.write(
        "update tenant_payment_gateways set mode = 'CONNECT', account_id = :account"
        " where tenant_id = :tenant",
        account=account,
        tenant=shop.tenant.id,
    )
    return account


@pytest.mark.parametrize(("currency", "total", "taken", "back", "counted"), CASES)
@pytest.mark.parametrize("mode", ["platform", "connect"])
async def test_a_part_captured_and_a_part_refunded(
    shop: Shop,
    control: Control,
    currency: str,
    total: int,
    taken: int,
    back: int,
    counted: tuple[int, int, int],
    mode: str,
) -> None:
    """Authorized, captured and refunded in part, on our and on a connected account: the gateway's
    own ledger has the same sums, and the rest can be refunded."""
    if mode == "connect":
        await connect(shop)
    payment = await authorized(shop, currency, total)
    paid = await shop.payments.capture(USER, shop.tenant.id, capture(payment, taken))
    some = await shop.payments.refund(USER, shop.tenant.id, refund(payment, back))
    rest = await shop.payments.refund(USER, shop.tenant.id, refund(payment))

    assert (paid.payment.status, paid.payment.captured) == (PaymentStatus.PAID, taken)
    assert some.payment.refunded == back
    assert (rest.payment.refunded, rest.payment.refundable) == (taken, 0)
    assert rest.payment.platform_fee_refunded == rest.payment.platform_fee
    (charged,) = (await control.ledger())["charges"]
    assert (charged["amount"], charged["amount_captured"]) == counted[:2]
    refunds = sorted(each["amount"] for each in (await control.ledger())["refunds"])
    assert sum(refunds) == counted[1]
    assert counted[2] in refunds


@pytest.mark.parametrize(("currency", "amount"), [("KWD", 7_775), ("MGA", 777_750)])
async def test_sums_that_the_gateway_cannot_express(
    shop: Shop, control: Control, currency: str, amount: int
) -> None:
    """A capture and a refund below the gateway's smallest step are refused unsent."""
    payment = await authorized(shop, currency, 1_000_000)
    with pytest.raises(ValidationFailed):
        await shop.payments.capture(USER, shop.tenant.id, capture(payment, amount))
    await shop.payments.capture(USER, shop.tenant.id, capture(payment))

    with pytest.raises(ValidationFailed):
        await shop.payments.refund(USER, shop.tenant.id, refund(payment, amount))

    assert (await shop.now_of(payment)).refundable == 1_000_000
    assert (await control.ledger())["refunds"] == []
