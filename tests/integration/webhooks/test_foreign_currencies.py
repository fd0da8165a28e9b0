"""The way of money in currencies that Stripe counts otherwise, settled in another: our amounts, the
gateway's own, and the books between them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from domain.currency import from_gateway
from domain.errors import GatewayRejected, ValidationFailed
from domain.payment import Payment
from tests.integration.domain.calls import capture, refund
from tests.integration.domain.gateways import Desk, connect
from tests.integration.domain.test_currencies import authorized
from tests.integration.webhooks.disputed import Disputed
from tests.integration.webhooks.shop import USER, Shop


@dataclass(frozen=True, slots=True)
class Way:
    """Of a payment's total, and of what is taken, given back and disputed: in our minor units, as
    the gateway counts, and, but for the total, in cents of the dollar. Then the gateway's fee in
    cents, and in our units the platform's fee, the gateway's, the loss, the dispute's fee and the
    net. The last four are worth their cents at the rate of the capture, to the unit."""

    currency: str
    amounts: tuple[int, int, int, int]
    counted: tuple[int, int, int, int]
    cents: tuple[int, int, int]
    fee_cents: int
    ours: tuple[int, int, int, int, int]


WAYS = [
    Way(
        "JPY",
        (10_001, 7_777, 333, 1_000),
        (10_001, 7_777, 333, 1_000),
        (5_211, 223, 670),
        181,
        (233, 270, 1_000, 2_239, 3_712),
    ),
    Way(
        "ISK",
        (10_001, 7_777, 333, 1_000),
        (1_000_100, 777_700, 33_300, 100_000),
        (5_599, 240, 720),
        192,
        (233, 267, 1_000, 2_083, 3_871),
    ),
    Way(
        "UGX",
        (500_001, 400_007, 9_999, 50_000),
        (50_000_100, 40_000_700, 999_900, 5_000_000),
        (10_680, 267, 1_335),
        340,
        (12_000, 12_734, 50_001, 56_181, 259_392),
    ),
    Way(
        "KWD",
        (12_350, 7_770, 30, 1_000),
        (12_350, 7_770, 30, 1_000),
        (2_525, 10, 325),
        103,
        (233, 317, 1_000, 4_616, 1_575),
    ),
    Way(
        "HUF",
        (1_750_100, 1_677_700, 33_300, 100_000),
        (1_750_100, 1_677_700, 33_300, 100_000),
        (4_614, 92, 275),
        164,
        (50_331, 59_632, 99_993, 545_416, 890_027),
    ),
    Way(
        "MGA",
        (10_001_000, 7_777_000, 333_000, 1_000_000),
        (100_010, 77_770, 3_330, 10_000),
        (1_711, 73, 220),
        80,
        (233_310, 363_624, 999_965, 6_817_943, -960_852),
    ),
]


async def places(shop: Shop, payment: Payment, at: str | None = None) -> dict[str, int]:
    """What the books have at the gateway, or at this one account, by currency, zeros left out."""
    async with shop.database.begin(shop.tenant.id) as work:
        found = await work.ledger.of_payment(shop.tenant.id, payment.id)
    sums: dict[str, int] = {}
    for posting in (line for each in found for line in each.postings):
        if posting.gateway_id is not None and posting.gateway_id == (at or posting.gateway_id):
            sums[posting.currency] = sums.get(posting.currency, 0) + posting.amount
    return {currency: amount for currency, amount in sums.items() if amount}


async def settling_in(shop: Shop, currency: str) -> str:
    """Has the shop paid through a connected account that settles in this currency; its id."""
    made = await shop.call_stripe(
        "accounts",
        type="standard",
        default_currency=currency.lower(),
        **{"metadata[tollgate_tenant_id]": shop.tenant.id},
    )
    await Desk.of(shop).configure(connect(str(made["id"])))
    return str(made["id"])


async def lost_in_part(shop: Shop, payment: Payment, counted: int) -> Disputed:
    """The payment, after a dispute of this many of the gateway's units was lost."""
    disputed = Disputed(shop, payment)
    gateway_id = await disputed.open(amount=counted)
    await disputed.hear()
    await disputed.go(gateway_id, "lost")
    return disputed


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.currency)
async def test_captured_refunded_and_disputed_in_part(shop: Shop, way: Way) -> None:
    """Paid in one currency, settled in dollars, a part refunded and a part lost to a dispute: each
    amount is ours on our side and the gateway's on its own, and the books have at the gateway what
    its balance is."""
    total, taken, back, away = way.amounts
    payment = await authorized(shop, way.currency, total)
    paid = (await shop.payments.capture(USER, shop.tenant.id, capture(payment, taken))).payment
    await shop.payments.refund(USER, shop.tenant.id, refund(payment, back))
    disputed = await lost_in_part(shop, paid, way.counted[3])
    after, dispute = await disputed.now(), await disputed.one()
    (refunded,) = await shop.refunds_of(payment)
    gateway = await shop.control.ledger()

    (charged,), (given,) = gateway["charges"], gateway["refunds"]
    assert (charged["amount"], charged["amount_captured"], given["amount"]) == way.counted[:3]
    assert (after.captured, after.refunded, dispute.amount) == (taken, back, away)
    settled, funds = after.settlement, dispute.funds
    assert settled
    assert funds
    assert refunded.settlement
    assert (settled.amount, refunded.settlement.amount, funds.withdrawn) == way.cents
    assert (settled.fee, funds.fee) == (way.fee_cents, 1_500)
    fees = (after.platform_fee, after.gateway_fee)
    assert (*fees, after.dispute_lost, after.dispute_fee, after.net) == way.ours
    left = way.cents[0] - way.cents[1] - way.cents[2] - way.fee_cents - 1_500
    assert gateway["balance"] == {"usd": left}
    assert await places(shop, payment) == {"USD": left}


SETTLED = [
    # currency of the account, 100.00 dollars in it, the gateway's fee, the platform's of 3.00
    ("JPY", 14_925, 463, 448),
    ("KWD", 30_769, 922, 923),
    ("HUF", 3_636_364, 105_485, 109_091),
    ("ISK", 13_889, 403, 417),
    ("UGX", 374_532, 10_862, 11_236),
]


@pytest.mark.parametrize(("currency", "amount", "fee", "platform_fee"), SETTLED)
async def test_settled_in_such_a_currency(
    shop: Shop, currency: str, amount: int, fee: int, platform_fee: int
) -> None:
    """Dollars on a connected account that settles in the currency: amount, fee and the platform's
    fee are minor units of ISO 4217, and a full refund takes what the charge brought."""
    account_id = await settling_in(shop, currency)
    payment = await authorized(shop, "USD", 10_000)
    paid = (await shop.payments.capture(USER, shop.tenant.id, capture(payment))).payment
    await shop.payments.refund(USER, shop.tenant.id, refund(payment))
    (refunded,) = await shop.refunds_of(payment)
    gateway = await shop.control.ledger(account_id)

    settled = paid.settlement
    assert settled
    assert settled.application_fee
    assert refunded.settlement
    assert (settled.currency, refunded.settlement.currency) == (currency, currency)
    assert (settled.amount, settled.fee) == (amount, fee)
    assert (settled.application_fee.amount, settled.application_fee.settled) == (300, platform_fee)
    assert refunded.settlement.amount == amount
    held = (await places(shop, payment, at=payment.gateway_id))[currency]
    assert held == from_gateway(gateway["balance"][currency.lower()], currency)


@pytest.mark.parametrize(
    ("currency", "amount", "rule"),
    [
        ("USD", 49, "AMOUNT_TOO_SMALL"),
        ("JPY", 49, "AMOUNT_TOO_SMALL"),
        ("HUF", 17_499, "AMOUNT_TOO_SMALL"),
        ("ISK", 1_000_000, "AMOUNT_TOO_LARGE"),
        ("KWD", 12_345, "AMOUNT_NOT_ROUND"),
        ("MGA", 1_000_050, "AMOUNT_NOT_WHOLE"),
    ],
)
async def test_an_order_that_could_not_be_charged(
    shop: Shop, currency: str, amount: int, rule: str
) -> None:
    """It is refused with the rule's name, and nothing is written."""
    with pytest.raises(ValidationFailed) as refused:
        await authorized(shop, currency, amount)

    assert [(issue.path, issue.rule) for issue in refused.value.issues] == [
        (("input", "totalAmountCents"), rule)
    ]
    assert await shop.rows("select id from orders") == []


@pytest.mark.parametrize(("currency", "amount"), [("ISK", 69), ("UGX", 1_872), ("KWD", 150)])
async def test_worth_less_than_the_gateway_takes(shop: Shop, currency: str, amount: int) -> None:
    """Where Stripe names no minimum it refuses what is worth less than half a dollar, and its own
    code says so; an order of a little more is taken."""
    with pytest.raises(GatewayRejected) as refused:
        await authorized(shop, currency, amount)
    taken = await authorized(shop, currency, amount + 10)

    assert refused.value.detail_code == "amount_too_small"
    assert taken.authorized == amount + 10
