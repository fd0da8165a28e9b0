"""Charges, their refunds and their balance transactions, of API version 2026-10-28.endive
(docs.stripe.com/api/charges/object, /refunds/object, /balance_transactions/object)."""

from __future__ import annotations

from tests.events.cards import billing_details, charged
from tests.events.facts import EMAIL, Facts, Json, fee_details, metadata
from tests.events.payment_intents import shipping

RECEIPT = "https://pay.stripe.com/receipts/payment/CAcaFwoVYWNjdF8xTmlyRDgyZVp2S1lsbzJD"


def charge(facts: Facts, *, status: str = "succeeded", captured: bool = True) -> Json:
    """The charge; one that captured asynchronously has no balance transaction yet."""
    failed = status == "failed"
    return {
        "id": facts.charge,
        "object": "charge",
        "amount": facts.amount,
        "amount_captured": facts.captured if captured else 0,
        "amount_refunded": facts.refunded,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": billing_details(),
        "calculated_statement_descriptor": "TOLLGATE* A-731",
        "captured": captured,
        "created": facts.created + 1,
        "currency": facts.currency,
        "customer": facts.customer,
        "description": "Bestellung A-731: 2 × Überseekoffer, 1 × Schloss",
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": "card_declined" if failed else None,
        "failure_message": "Your card was declined." if failed else None,
        "fraud_details": {},
        "livemode": facts.livemode,
        "metadata": metadata(facts),
        "on_behalf_of": None,
        "outcome": _outcome(failed=failed),
        "paid": not failed,
        "payment_intent": facts.intent,
        "payment_method": facts.method,
        "payment_method_details": charged(facts, failed=failed),
        "radar_options": {},
        "receipt_email": EMAIL,
        "receipt_number": None if failed else "1482-7731",
        "receipt_url": None if failed else f"{RECEIPT}?s=ap",
        "refunded": facts.refunded == facts.amount,
        "review": None,
        "shipping": shipping(),
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": "A-731",
        "status": status,
        "transfer_data": None,
        "transfer_group": "group_A-731",
    }


def _outcome(*, failed: bool) -> Json:
    return {
        "advice_code": "try_again_later" if failed else None,
        "network_advice_code": "02" if failed else None,
        "network_decline_code": "05" if failed else None,
        "network_status": "declined_by_network" if failed else "approved_by_network",
        "reason": "generic_decline" if failed else None,
        "risk_level": "normal",
        "risk_score": 21,
        "seller_message": "The bank returned no reason." if failed else "Payment complete.",
        "type": "issuer_declined" if failed else "authorized",
    }


def refund(facts: Facts, *, status: str = "succeeded") -> Json:
    """The refund; a failed one names the transaction that brought its money back."""
    failed = status == "failed"
    made: Json = {
        "id": facts.refund,
        "object": "refund",
        "amount": facts.refund_amount,
        "balance_transaction": f"{facts.transaction}r",
        "charge": facts.charge,
        "created": facts.created + 3_600,
        "currency": facts.currency,
        "destination_details": {
            "card": {
                "reference": "24492164161000412345678",
                "reference_status": "available",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "metadata": {"note": "Koffer kam beschädigt an", **facts.refund_metadata},
        "payment_intent": facts.intent,
        "payment_method": facts.method,
        "reason": "requested_by_customer",
        "receipt_number": "3721-0093",
        "source_transfer_reversal": None,
        "status": status,
        "transfer_reversal": None,
    }
    if failed:
        made["failure_reason"] = "expired_or_canceled_card"
        made["failure_balance_transaction"] = f"{facts.transaction}f"
    if status == "pending":
        made["pending_reason"] = "processing"
    return made


def balance_transaction(facts: Facts) -> Json:
    """What the charge brought in, less Stripe's fee."""
    fee = (facts.captured * 29 + 500) // 1000 + 30
    return {
        "id": facts.transaction,
        "object": "balance_transaction",
        "amount": facts.captured,
        "available_on": facts.created + 2 * 86_400,
        "balance_type": "payments",
        "created": facts.created + 1,
        "currency": facts.currency,
        "description": "Bestellung A-731",
        "exchange_rate": None,
        "fee": fee,
        "fee_details": fee_details(facts),
        "net": facts.captured - fee,
        "reporting_category": "charge",
        "source": facts.charge,
        "status": "pending",
        "type": "charge",
    }
