"""Stripe's objects, full-size, read into snapshots."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.gateways.stripe_errors import UNREADABLE
from domain.gateways.stripe_objects import dispute_snapshot, intent_snapshot, refund_snapshot
from domain.refund import RefundSettlement
from domain.snapshot import (
    CardDetails,
    GatewayDisputeStatus,
    GatewayRefundStatus,
    IntentStatus,
    Settlement,
)
from tests.events import older
from tests.events.charges import balance_transaction, charge, refund
from tests.events.disputes import dispute
from tests.events.facts import Facts, Json
from tests.events.payment_intents import payment_intent

FACTS = Facts(
    tollgate={"tollgate_payment_id": "pay_1"}, refund_metadata={"tollgate_refund_id": "re_ours"}
)


def expanded(status: str = "succeeded") -> Json:
    """The intent as it is read: with its charge and that charge's balance transaction."""
    settled = {**charge(FACTS), "balance_transaction": balance_transaction(FACTS)}
    return {**payment_intent(FACTS, status), "latest_charge": settled}


def test_a_whole_intent() -> None:
    """Status, amounts, our own id, card and settlement are found among all that is not ours."""
    snapshot = intent_snapshot(expanded())

    assert (snapshot.gateway_payment_id, snapshot.tollgate_payment_id) == (FACTS.intent, "pay_1")
    assert (snapshot.status, snapshot.amount, snapshot.amount_received) == (
        IntentStatus.SUCCEEDED,
        10_000,
        10_000,
    )
    assert (snapshot.currency, snapshot.livemode) == ("USD", False)
    assert snapshot.created == datetime.fromtimestamp(FACTS.created, UTC)
    assert snapshot.gateway_charge_id == FACTS.charge
    assert snapshot.card == CardDetails("visa", "4242", 12, 2034)
    assert snapshot.settlement == Settlement(FACTS.transaction, 10_000, 320, "USD", None)


def test_a_whole_decline() -> None:
    """The latest decline is read from the error, not from the payment method within it."""
    snapshot = intent_snapshot(payment_intent(FACTS, "requires_payment_method"))

    assert snapshot.status is IntentStatus.REQUIRES_PAYMENT_METHOD
    assert snapshot.decline is not None
    assert (snapshot.decline.code, snapshot.decline.decline_code) == (
        "card_declined",
        "generic_decline",
    )


@pytest.mark.parametrize("status", ["succeeded", "requires_capture", "canceled"])
def test_an_older_intent_tells_no_charge(status: str) -> None:
    """An older intent is read for what it still has: its charges are a list there, and what is not
    where it is looked for counts as not told."""
    snapshot = intent_snapshot(older.payment_intent(FACTS, status))

    assert (snapshot.status, snapshot.tollgate_payment_id) == (IntentStatus(status), "pay_1")
    assert (snapshot.gateway_charge_id, snapshot.card, snapshot.settlement) == (None, None, None)


@pytest.mark.parametrize("status", ["succeeded", "pending", "failed"])
def test_a_whole_refund(status: str) -> None:
    """Both shapes of a refund read the same."""
    snapshot = refund_snapshot(refund(FACTS, status=status))

    assert snapshot == refund_snapshot(older.refund(FACTS, status=status))
    assert (snapshot.status, snapshot.amount) == (GatewayRefundStatus(status), 4_000)
    assert (snapshot.gateway_payment_id, snapshot.gateway_charge_id) == (FACTS.intent, FACTS.charge)
    assert snapshot.tollgate_refund_id == "re_ours"
    assert snapshot.failure_reason == ("expired_or_canceled_card" if status == "failed" else None)


def test_what_a_refund_took_and_what_came_back() -> None:
    """Told where its balance transactions are expanded: the first is money that left."""
    taken = {"id": "txn_1", "amount": -3_800, "fee": 0, "net": -3_800, "currency": "eur"}
    back = {**taken, "id": "txn_2", "amount": 3_700, "net": 3_700}
    told = [
        {**refund(FACTS), **given}
        for given in (
            {"balance_transaction": "txn_1"},
            {"balance_transaction": taken},
            {"balance_transaction": taken, "failure_balance_transaction": "txn_2"},
            {"balance_transaction": taken, "failure_balance_transaction": back},
        )
    ]

    assert [refund_snapshot(each).settlement for each in told] == [
        None,
        RefundSettlement(3_800, None, "EUR"),
        RefundSettlement(3_800, None, "EUR"),
        RefundSettlement(3_800, 3_700, "EUR"),
    ]
    assert {refund_snapshot(each).gateway_balance_transaction_id for each in told} == {"txn_1"}


@pytest.mark.parametrize("status", ["needs_response", "warning_needs_response", "won", "lost"])
def test_a_whole_dispute(status: str) -> None:
    """Both shapes of a dispute read the same, with every balance transaction."""
    made = dispute(FACTS, status=status, withdrawn=not status.startswith("warning"))
    snapshot = dispute_snapshot(made)

    assert snapshot == dispute_snapshot(
        older.dispute(FACTS, status=status, withdrawn=not status.startswith("warning"))
    )
    assert (snapshot.status, snapshot.amount) == (GatewayDisputeStatus(status), 10_000)
    assert snapshot.is_charge_refundable is (status in ("warning_needs_response", "won"))
    assert [moved.net for moved in snapshot.balance_transactions] == {
        "needs_response": [-11_500],
        "warning_needs_response": [],
        "won": [-11_500, 10_000],
        "lost": [-11_500],
    }[status]


@pytest.mark.parametrize("field", ["created", "canceled_at"])
@pytest.mark.parametrize("moment", [10**30, -(10**30), 10**13, 1.5, "1795000000", True, [1]])
def test_a_moment_that_is_none_is_unreadable(field: str, moment: object) -> None:
    """A moment beyond every calendar, or of another type, makes the object unreadable, as any
    other field does: it is no error of ours."""
    with pytest.raises(UNREADABLE):
        intent_snapshot({**payment_intent(FACTS, "canceled"), field: moment})


@pytest.mark.parametrize(
    "field", ["id", "status", "amount", "amount_capturable", "amount_received", "currency"]
)
def test_an_intent_that_lacks_a_field_is_unreadable(field: str) -> None:
    """What is read is there, or the intent is not read at all."""
    lacking = {name: at for name, at in expanded().items() if name != field}

    with pytest.raises(UNREADABLE):
        intent_snapshot(lacking)
