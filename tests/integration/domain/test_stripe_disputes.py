"""Disputes read by the Stripe adapter, over real HTTP and in each mode of account."""

from __future__ import annotations

from typing import Any

import pytest

from domain.errors import GatewayRefused
from domain.gateways.stripe_objects import dispute_snapshot
from domain.snapshot import BalanceTransaction, DisputeSnapshot, GatewayDisputeStatus
from domain.tenant import GatewayAccount
from tests.integration.domain.gateways import Desk, connect, new_key, own, platform
from tests.integration.webhooks.disputed import FEE
from tests.integration.webhooks.shop import Shop


async def configured(shop: Shop, mode: str) -> GatewayAccount:
    """The account that the shop is paid through from now on."""
    desk = Desk.of(shop)
    if mode == "connect":
        await desk.configure(connect(await desk.connected(shop.tenant.id)))
    else:
        await desk.configure(own(new_key()) if mode == "own" else platform())
    payment = await shop.charge()
    async with shop.database.begin(shop.tenant.id) as work:
        account = await work.tenants.gateway_by_id(payment.gateway_id)
    assert account is not None
    return account


@pytest.mark.parametrize("mode", ["platform", "own", "connect"])
async def test_a_dispute_is_read_with_its_money(shop: Shop, mode: str) -> None:
    """By its id and in the list of its intent, with the credentials of the payment's account."""
    account = await configured(shop, mode)
    payment = await shop.charge()
    charge_id, intent_id = str(payment.gateway_charge_id), str(payment.gateway_payment_id)
    opened = await shop.control.dispute(charge_id, amount=4_000, reason="duplicate")
    await shop.control.decide(opened["id"], "won", return_fee=True)
    read = await shop.gateway.read_dispute(account, opened["id"], timeout_seconds=5)
    listed = await shop.gateway.list_disputes(account, intent_id, timeout_seconds=5)

    assert list(listed) == [read]
    assert (read.status, read.reason) == (GatewayDisputeStatus.WON, "duplicate")
    assert (read.amount, read.currency, read.livemode) == (4_000, "USD", False)
    assert (read.gateway_payment_id, read.gateway_charge_id) == (intent_id, charge_id)
    assert read.is_charge_refundable
    assert read.evidence_due_at is not None
    moved = [(part.amount, part.fee, part.net, part.currency) for part in read.balance_transactions]
    assert moved == [(-4_000, FEE, -5_500, "USD"), (4_000, -FEE, 5_500, "USD")]


async def test_every_page_of_a_long_list_is_read(shop: Shop) -> None:
    """More disputes than a page holds are all there, newest first."""
    account = await configured(shop, "platform")
    payment = await shop.charge()
    for amount in range(1, 103):
        await shop.control.dispute(str(payment.gateway_charge_id), amount=amount)
    listed = await shop.gateway.list_disputes(
        account, str(payment.gateway_payment_id), timeout_seconds=5
    )

    assert [dispute.amount for dispute in listed] == list(range(102, 0, -1))


async def test_an_unknown_dispute_is_refused(shop: Shop) -> None:
    """One of another account is unknown, with Stripe's own code."""
    account = await configured(shop, "platform")
    with pytest.raises(GatewayRefused) as refused:
        await shop.gateway.read_dispute(account, "du_unknown", timeout_seconds=5)

    assert refused.value.gateway_code == "resource_missing"


WIRE: dict[str, Any] = {
    "id": "du_1",
    "object": "dispute",
    "amount": 100_100,
    "balance_transactions": [
        {"id": "txn_1", "amount": -7_500, "fee": 1_500, "net": -9_000, "currency": "usd"}
    ],
    "charge": {"id": "ch_1", "object": "charge"},
    "created": 1_796_000_000,
    "currency": "isk",
    "evidence_details": {"due_by": 0},
    "is_charge_refundable": False,
    "livemode": True,
    "payment_intent": None,
    "reason": "fraudulent",
    "status": "prevented",
}


def test_what_is_taken_of_a_dispute() -> None:
    """Expanded or not, in minor units of ISO 4217; a date of 0 is none, and an intent may miss."""
    read = dispute_snapshot(WIRE)

    assert read == DisputeSnapshot(
        gateway_dispute_id="du_1",
        status=GatewayDisputeStatus.PREVENTED,
        reason="fraudulent",
        amount=1_001,
        currency="ISK",
        livemode=True,
        is_charge_refundable=False,
        gateway_payment_id=None,
        gateway_charge_id="ch_1",
        evidence_due_at=None,
        created=read.created,
        balance_transactions=(BalanceTransaction("txn_1", -7_500, 1_500, -9_000, "USD"),),
    )


@pytest.mark.parametrize(
    "broken",
    [
        {"balance_transactions": None},
        {"balance_transactions": ["txn_1"]},
        {"balance_transactions": [{"id": "txn_1", "amount": -1, "currency": "usd"}]},
        {"status": "arbitration"},
        {"amount": "100"},
        {"is_charge_refundable": None},
        {"charge": None},
    ],
)
def test_a_misshapen_dispute_is_unreadable(broken: dict[str, Any]) -> None:
    """Nothing is guessed: not its money, its status, or whether it blocks refunds."""
    with pytest.raises((KeyError, TypeError, ValueError)):
        dispute_snapshot({**WIRE, **broken})
