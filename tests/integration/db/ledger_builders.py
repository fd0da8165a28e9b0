"""Transactions of the books for the stores."""

from __future__ import annotations

from domain.ids import Prefix, new_id
from domain.ledger import LedgerAccount, LedgerEntry, LedgerTransaction, Posting
from domain.payment import Payment
from tests.integration.db.builders import NOW


def a_booking(payment: Payment, fact_key: str, *postings: Posting) -> LedgerTransaction:
    """A transaction of the payment with these postings, debits first."""
    ordered = sorted(postings, key=lambda posting: (-posting.amount, posting.account))
    return LedgerTransaction(
        id=new_id(Prefix.LEDGER_TRANSACTION),
        tenant_id=payment.tenant_id,
        payment_id=payment.id,
        fact_key=fact_key,
        reason="captured",
        created_at=NOW,
        entries=tuple(LedgerEntry(new_id(Prefix.LEDGER_ENTRY), posting) for posting in ordered),
    )


def a_full_booking(payment: Payment) -> LedgerTransaction:
    """A capture of 100.00 with a platform fee of 3.00."""
    account, currency = LedgerAccount, payment.currency
    return a_booking(
        payment,
        f"capture:{payment.gateway_charge_id}",
        Posting(account.GATEWAY_CLEARING, 10_000, currency, payment.gateway_id),
        Posting(account.MERCHANT_PAYABLE, -9_700, currency),
        Posting(account.PLATFORM_FEE_REVENUE, -300, currency),
    )
