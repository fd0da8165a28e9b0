"""Disputes as the gateway reports them, for tests of the pure functions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from domain.dispute import Dispute, opened_dispute
from domain.payment import Payment, SettlementFacts
from domain.snapshot import BalanceTransaction, DisputeSnapshot, GatewayDisputeStatus
from tests.builders import INTENT, NOW, a_paid_payment

G = GatewayDisputeStatus
FEE = 1_500


def moved(amount: int, fee: int = 0, currency: str = "USD") -> BalanceTransaction:
    """A balance transaction; negative is money that left."""
    return BalanceTransaction(f"txn_{amount}_{fee}", amount, fee, amount - fee, currency)


def taken(amount: int = 10_000, currency: str = "USD") -> BalanceTransaction:
    """The withdrawal of a dispute, with its fee."""
    return moved(-amount, FEE, currency)


def a_picture(status: GatewayDisputeStatus, **changes: Any) -> DisputeSnapshot:
    """A dispute of all of `a_paid_payment`, as the gateway reports it."""
    picture = DisputeSnapshot(
        gateway_dispute_id="du_1",
        status=status,
        reason="fraudulent",
        amount=10_000,
        currency="USD",
        livemode=False,
        is_charge_refundable=False,
        gateway_payment_id=INTENT,
        gateway_charge_id="ch_3abc",
        evidence_due_at=NOW + timedelta(days=8),
        created=NOW - timedelta(hours=1),
    )
    return replace(picture, **changes)


def a_dispute(
    status: GatewayDisputeStatus, *transactions: BalanceTransaction, **changes: Any
) -> Dispute:
    """The dispute that a picture with these balance transactions opens."""
    picture = a_picture(status, balance_transactions=transactions, **changes)
    return opened_dispute(a_paid_payment(), picture, NOW)


def settled(payment: Payment, amount: int, fee: int, currency: str) -> Payment:
    """The payment with what the gateway settled for it."""
    facts = SettlementFacts(amount, fee, currency, "1.08")
    return replace(payment, settlement=facts, gateway_fee_is_final=True)
