"""Disputes over the real path, from the bank's side at the sandbox to payment, order and audit."""

from __future__ import annotations

import random

import pytest

from domain.dispute import DisputeStatus as D
from domain.errors import GatewayRejected, InvalidState
from domain.payment import DisputeState, Payment, PaymentAction
from domain.refund import RefundStatus
from tests.integration.webhooks.disputed import FEE, a_fresh, a_settled, a_settlement
from tests.integration.webhooks.shop import Shop

NET = 9_380


async def test_an_opened_dispute_holds_the_money(shop: Shop) -> None:
    """It is recorded once, alerts at once, marks payment and order, and costs its fee; the held
    money is no loss yet, and the order stays paid."""
    disputed = await a_settled(shop)
    gateway_id = await disputed.open()
    await disputed.hear()
    payment, dispute = await disputed.now(), await disputed.one()

    assert (dispute.gateway_dispute_id, dispute.status) == (gateway_id, D.NEEDS_RESPONSE)
    assert (dispute.reason, dispute.amount, dispute.currency) == ("fraudulent", 10_000, "USD")
    assert dispute.evidence_due_at is not None
    assert (payment.dispute_status, payment.dispute_lost, payment.dispute_fee) == (
        DisputeState.OPEN,
        0,
        FEE,
    )
    assert payment.net == NET - FEE
    assert PaymentAction.REFUND not in payment.available_actions
    assert await disputed.order_facts() == ("PAID", 0, True)
    assert await shop.alerts() == [("dispute.opened", "CRITICAL", dispute.id)]
    assert (await shop.timeline(payment))[-1] == "dispute.opened"


@pytest.mark.parametrize(
    ("path", "status", "state", "lost"),
    [
        (["lost"], D.LOST, DisputeState.LOST, 10_000),
        (["under_review", "won"], D.WON, DisputeState.WON, 0),
        (["lost", "won"], D.WON, DisputeState.WON, 0),
        (["won", "lost"], D.LOST, DisputeState.LOST, 10_000),
        (["won", "needs_response"], D.NEEDS_RESPONSE, DisputeState.OPEN, 0),
        (["lost", "under_review", "lost"], D.LOST, DisputeState.LOST, 10_000),
        (["prevented"], D.CLOSED, DisputeState.NONE, 0),
    ],
    ids=str,
)
async def test_what_the_bank_decides(
    shop: Shop, path: list[str], status: D, state: DisputeState, lost: int
) -> None:
    """Each way through a dispute ends in what its balance transactions say: the loss, if any, once,
    and the fee, which no decision gives back. Nothing reopens the order or counts as a refund."""
    disputed = await a_settled(shop)
    gateway_id = await disputed.open()
    await disputed.hear()
    payment, dispute = await disputed.go(gateway_id, *path), await disputed.one()

    assert dispute.status is status
    assert (dispute.closed_at is None) is dispute.is_open
    assert (payment.dispute_status, payment.dispute_lost) == (state, lost)
    assert (payment.dispute_fee, payment.net) == (FEE, NET - lost - FEE)
    assert (payment.refunded, payment.refundable) == (0, 10_000 - lost)
    assert await disputed.order_facts() == ("PAID", 0, state is DisputeState.OPEN)
    ledger = await shop.control.ledger()
    assert ledger["balance"] == {"usd": payment.net + payment.platform_fee + _held(payment)}


def _held(payment: Payment) -> int:
    """What the bank holds of an open dispute: out of the balance, and not lost."""
    return -10_000 if payment.dispute_status is DisputeState.OPEN else 0


async def test_the_fee_comes_back_by_a_balance_transaction(shop: Shop) -> None:
    """Where winning brings the fee back, the gateway says so, and net is whole again."""
    disputed = await a_settled(shop)
    gateway_id = await disputed.open()
    await disputed.hear()
    payment = await disputed.go(gateway_id, "won", return_fee=True)

    assert (payment.dispute_fee, payment.net) == (0, NET)


async def test_an_inquiry_moves_nothing(shop: Shop) -> None:
    """It alerts, and allows refunds; dropped, it leaves no trace in the money."""
    disputed = await a_settled(shop)
    gateway_id = await disputed.open(status="warning_needs_response")
    await disputed.hear()
    during, opened = await disputed.now(), await disputed.one()
    refunded = await disputed.refund(1_000)
    closed = await disputed.go(gateway_id, "warning_under_review", "warning_closed")

    assert (opened.status, opened.funds, during.dispute_status) == (
        D.INQUIRY,
        None,
        DisputeState.NONE,
    )
    assert await shop.alerts() == [("dispute.opened", "CRITICAL", opened.id)]
    assert during.available_actions == (PaymentAction.REFUND,)
    assert (during.net, refunded.refunded) == (NET, 1_000)
    assert (closed.dispute_status, closed.dispute_lost, closed.dispute_fee) == (
        DisputeState.NONE,
        0,
        0,
    )
    assert (await disputed.one()).status is D.CLOSED


async def test_an_inquiry_that_escalates(shop: Shop) -> None:
    """It becomes a chargeback, takes the money, and does not alert a second time."""
    disputed = await a_settled(shop)
    gateway_id = await disputed.open(status="warning_needs_response")
    await disputed.hear()
    payment = await disputed.go(gateway_id, "needs_response")
    dispute = await disputed.one()

    assert (dispute.status, payment.dispute_status) == (D.NEEDS_RESPONSE, DisputeState.OPEN)
    assert (payment.net, payment.refunds_blocked) == (NET - FEE, True)
    assert await shop.alerts() == [("dispute.opened", "CRITICAL", dispute.id)]


async def test_several_disputes_on_one_payment(shop: Shop) -> None:
    """Parts add up; one that is open outweighs those that ended."""
    disputed = await a_settled(shop)
    ids = [await disputed.open(amount=amount) for amount in (3_000, 2_000, 1_000)]
    await disputed.hear()
    await disputed.go(ids[0], "lost")
    during = await disputed.go(ids[1], "won")
    after = await disputed.go(ids[2], "lost")

    assert (during.dispute_status, during.dispute_lost) == (DisputeState.OPEN, 3_000)
    assert (after.dispute_status, after.dispute_lost) == (DisputeState.LOST, 4_000)
    assert (after.dispute_fee, after.net) == (3 * FEE, NET - 4_000 - 3 * FEE)
    assert after.refundable == 6_000
    assert len(await shop.alerts()) == 3


async def test_refunds_stop_while_a_dispute_is_open(shop: Shop) -> None:
    """Refused with DISPUTE_OPEN before anything is reserved; allowed again once it is won."""
    disputed = await a_settled(shop)
    await disputed.refund(3_000)
    gateway_id = await disputed.open()
    await disputed.hear()
    with pytest.raises(InvalidState) as refused:
        await disputed.refund(100)
    during = await disputed.now()
    await disputed.go(gateway_id, "won")
    after = await disputed.refund()

    assert refused.value.detail_code == "DISPUTE_OPEN"
    assert (during.refunded, during.refund_pending) == (3_000, 0)
    assert (after.refunded, after.dispute_status) == (10_000, DisputeState.WON)
    assert await disputed.order_facts() == ("REFUNDED", 0, False)


async def test_a_loss_after_a_refund_is_no_second_refund(shop: Shop) -> None:
    """What was refunded stays 30.00; the loss of the other 70.00 stands beside it."""
    disputed = await a_settled(shop)
    await disputed.refund(3_000)
    gateway_id = await disputed.open()
    await disputed.hear()
    payment = await disputed.go(gateway_id, "lost")

    assert (payment.refunded, payment.dispute_lost, payment.refundable) == (3_000, 7_000, 0)
    assert payment.platform_fee_refunded == 90
    assert payment.net == -(300 - 90) - 320 - FEE
    assert len(await shop.refunds_of(payment)) == 1
    assert await disputed.order_facts() == ("PARTIALLY_REFUNDED", 0, False)


async def test_a_dispute_that_opens_between_reserve_and_call(shop: Shop) -> None:
    """Nobody here knows of it yet, so the refund is reserved and sent; the gateway refuses it: it
    is FAILED, and what it held is free again."""
    disputed = await a_settled(shop)
    await disputed.open()
    with pytest.raises(GatewayRejected):
        await disputed.refund(4_000)
    payment = await disputed.now()
    (refund,) = await shop.refunds_of(payment)

    assert (refund.status, refund.amount) == (RefundStatus.FAILED, 4_000)
    assert (payment.refund_pending, payment.refunded, payment.refundable) == (0, 0, 10_000)


async def test_a_loss_in_another_currency(shop: Shop) -> None:
    """Paid in euros, settled in dollars: the loss is reckoned by the payment's own settlement."""
    disputed = await a_settled(shop, "EUR")
    gateway_id = await disputed.open(amount=11_000)
    await disputed.hear()
    payment, dispute = await disputed.go(gateway_id, "lost"), await disputed.one()

    assert (dispute.amount, dispute.currency) == (11_000, "EUR")
    assert dispute.funds is not None
    assert (dispute.funds.currency, dispute.funds.withdrawn) == ("USD", 11_880)
    assert (payment.dispute_lost, payment.dispute_fee) == (11_000, 1_389)
    assert (payment.refundable, payment.net) == (0, 10_000 - 300 - 318 - 11_000 - 1_389)


async def test_a_dispute_before_its_settlement(shop: Shop) -> None:
    """Decided before the payment's settlement is known, it is reckoned anew when that comes."""
    disputed = await a_fresh(shop, "EUR")
    gateway_id = await disputed.open()
    await disputed.hear("charge.dispute.created")
    await shop.control.decide(gateway_id, "lost")
    await disputed.hear("charge.dispute.closed")
    early = await disputed.now()
    late = await a_settlement(disputed)

    assert early.settlement is None
    assert (early.dispute_lost, early.dispute_fee) == (10_000, 1_389)
    assert late.settlement is not None
    assert (late.dispute_lost, late.dispute_fee) == (10_000, 1_389)
    assert late.net == 10_000 - 300 - 318 - 10_000 - 1_389


@pytest.mark.parametrize("seed", range(3))
async def test_any_order_and_any_number_end_the_same(shop: Shop, seed: int) -> None:
    """Events of two disputes, one lost and then won, one lost, shuffled and doubled: one end."""
    chance = random.Random(seed)  # noqa: S311 - reproducible on purpose
    disputed = await a_fresh(shop)
    turned, gone = await disputed.open(amount=4_000), await disputed.open(amount=2_500)
    for gateway_id, status in ((turned, "lost"), (gone, "under_review"), (turned, "won")):
        await shop.control.decide(gateway_id, status)
    await shop.control.decide(gone, "lost")
    events = await shop.gateway_events()
    for event in chance.sample(events * 2, 2 * len(events)):
        await shop.receive(event)
    await shop.work_off()
    payment = await a_settlement(disputed)

    assert {one.gateway_dispute_id: one.status for one in await disputed.disputes()} == {
        turned: D.WON,
        gone: D.LOST,
    }
    assert (payment.dispute_status, payment.dispute_lost) == (DisputeState.LOST, 2_500)
    assert payment.net == NET - 2_500 - 2 * FEE
    assert len(await shop.alerts()) == 2
