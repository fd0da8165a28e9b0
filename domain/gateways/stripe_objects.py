"""Stripe's JSON into snapshots: only the fields that Tollgate reads, in ISO 4217 minor units.

A missing or misshapen field raises KeyError, TypeError or ValueError: the answer is unreadable.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from domain.currency import from_gateway
from domain.gateway import AccountFacts
from domain.gateways.stripe_fields import (
    Json,
    flag_of,
    maybe_number,
    maybe_object,
    maybe_text,
    maybe_time,
    number_of,
    reference,
    text_of,
    time_of,
)
from domain.gateways.stripe_money import (
    balance_transaction_of,
    refund_fee_of,
    refund_settlement_of,
    settlement_of,
)
from domain.gateways.stripe_requests import OPERATION_ID, PAYMENT_ID, REFUND_ID
from domain.payment import NextAction
from domain.snapshot import (
    CardDetails,
    Decline,
    DisputeSnapshot,
    FeeRefundSnapshot,
    GatewayDisputeStatus,
    GatewayRefundStatus,
    IntentSnapshot,
    IntentStatus,
    RefundSnapshot,
)

TENANT_ID = "tollgate_tenant_id"
"""Metadata by which the platform says whose an intent, or a connected account, is. A connected
account's metadata are its platform's: the account's own keys and dashboard do not reach them
(docs.stripe.com/api/accounts/update)."""


def intent_snapshot(intent: Json) -> IntentSnapshot:
    """A PaymentIntent, with its latest charge where that was expanded."""
    currency = text_of(intent, "currency").upper()
    charge = maybe_object(intent, "latest_charge")
    return IntentSnapshot(
        gateway_payment_id=text_of(intent, "id"),
        status=IntentStatus(text_of(intent, "status")),
        amount=from_gateway(number_of(intent, "amount"), currency),
        amount_capturable=from_gateway(number_of(intent, "amount_capturable"), currency),
        amount_received=from_gateway(number_of(intent, "amount_received"), currency),
        currency=currency,
        livemode=flag_of(intent, "livemode"),
        created=time_of(number_of(intent, "created")),
        tollgate_payment_id=_metadata(intent, PAYMENT_ID),
        cancellation_reason=maybe_text(intent, "cancellation_reason"),
        canceled_at=maybe_time(intent, "canceled_at"),
        decline=_decline(maybe_object(intent, "last_payment_error")),
        next_action=_next_action(intent),
        gateway_charge_id=_charge_id(intent, charge),
        card=_card(charge),
        capture_before=_capture_before(charge),
        settlement=settlement_of(charge),
        tollgate_tenant_id=_metadata(intent, TENANT_ID),
    )


def refund_snapshot(refund: Json) -> RefundSnapshot:
    """A Refund; its `charge` and `payment_intent` are ids, expanded or not."""
    currency = text_of(refund, "currency").upper()
    return RefundSnapshot(
        gateway_refund_id=text_of(refund, "id"),
        status=GatewayRefundStatus(text_of(refund, "status")),
        amount=from_gateway(number_of(refund, "amount"), currency),
        currency=currency,
        gateway_payment_id=reference(refund, "payment_intent"),
        gateway_charge_id=reference(refund, "charge"),
        tollgate_refund_id=_metadata(refund, REFUND_ID),
        failure_reason=maybe_text(refund, "failure_reason"),
        reason=maybe_text(refund, "reason"),
        created=time_of(number_of(refund, "created")),
        gateway_balance_transaction_id=reference(refund, "balance_transaction"),
        settlement=refund_settlement_of(refund),
        gateway_fee=refund_fee_of(refund),
    )


def fee_refund_snapshot(returned: Json) -> FeeRefundSnapshot:
    """A fee refund. What reached the connected account is in that account's books only."""
    currency = text_of(returned, "currency").upper()
    return FeeRefundSnapshot(
        gateway_fee_refund_id=text_of(returned, "id"),
        gateway_application_fee_id=reference(returned, "fee") or text_of(returned, "fee"),
        amount=from_gateway(number_of(returned, "amount"), currency),
        currency=currency,
        tollgate_operation_id=_metadata(returned, OPERATION_ID),
    )


def dispute_snapshot(dispute: Json) -> DisputeSnapshot:
    """A Dispute, which always brings its balance transactions along."""
    currency = text_of(dispute, "currency").upper()
    moved = dispute["balance_transactions"]
    if not isinstance(moved, list):
        raise TypeError("balance_transactions is not a list")
    # Stripe says 0 where the bank takes no answer.
    due_by = maybe_number(maybe_object(dispute, "evidence_details") or {}, "due_by")
    return DisputeSnapshot(
        gateway_dispute_id=text_of(dispute, "id"),
        status=GatewayDisputeStatus(text_of(dispute, "status")),
        reason=text_of(dispute, "reason"),
        amount=from_gateway(number_of(dispute, "amount"), currency),
        currency=currency,
        livemode=flag_of(dispute, "livemode"),
        is_charge_refundable=flag_of(dispute, "is_charge_refundable"),
        gateway_payment_id=reference(dispute, "payment_intent"),
        gateway_charge_id=reference(dispute, "charge") or text_of(dispute, "charge"),
        evidence_due_at=time_of(due_by) if due_by else None,
        created=time_of(number_of(dispute, "created")),
        balance_transactions=tuple(balance_transaction_of(each) for each in moved),
    )


def account_facts(account: Json) -> AccountFacts:
    """An account. A key that may not read all of it is told no `charges_enabled`: only a plain
    refusal counts as one."""
    charges_enabled = account.get("charges_enabled") is not False
    return AccountFacts(
        text_of(account, "id"),
        charges_enabled=charges_enabled,
        tenant_id=_metadata(account, TENANT_ID),
    )


def error_intent(body: object) -> IntentSnapshot | None:
    """The intent inside an error body, as Stripe attaches it to a decline."""
    if not isinstance(body, Mapping):
        return None
    error = maybe_object(body, "error")
    intent = maybe_object(error, "payment_intent") if error else None
    return intent_snapshot(intent) if intent else None


def error_decline_code(body: object) -> str | None:
    """The `decline_code` of an error body."""
    if not isinstance(body, Mapping):
        return None
    error = maybe_object(body, "error")
    return maybe_text(error, "decline_code") if error else None


def page(body: object) -> tuple[list[Json], bool]:
    """The objects of a list and whether there are more."""
    if not isinstance(body, Mapping):
        raise TypeError("a list was expected")
    data = body["data"]
    if not isinstance(data, list) or not all(isinstance(item, Mapping) for item in data):
        raise TypeError("a list of objects was expected")
    return data, flag_of(body, "has_more")


def _decline(error: Json | None) -> Decline | None:
    if error is None:
        return None
    return Decline(
        maybe_text(error, "code"),
        maybe_text(error, "decline_code"),
        maybe_text(error, "message"),
    )


def _next_action(intent: Json) -> NextAction | None:
    action = maybe_object(intent, "next_action")
    if action is None:
        return None
    redirect = maybe_object(action, "redirect_to_url")
    return NextAction(
        type=text_of(action, "type"),
        redirect_url=maybe_text(redirect, "url") if redirect else None,
        client_secret=maybe_text(intent, "client_secret"),
    )


def _charge_id(intent: Json, charge: Json | None) -> str | None:
    return text_of(charge, "id") if charge else maybe_text(intent, "latest_charge")


def _card(charge: Json | None) -> CardDetails | None:
    card = _card_object(charge)
    if card is None:
        return None
    return CardDetails(
        brand=maybe_text(card, "brand"),
        last4=maybe_text(card, "last4"),
        exp_month=maybe_number(card, "exp_month"),
        exp_year=maybe_number(card, "exp_year"),
    )


def _capture_before(charge: Json | None) -> datetime | None:
    card = _card_object(charge)
    return maybe_time(card, "capture_before") if card else None


def _card_object(charge: Json | None) -> Json | None:
    details = maybe_object(charge, "payment_method_details") if charge else None
    return maybe_object(details, "card") if details else None


def _metadata(holder: Json, name: str) -> str | None:
    metadata = maybe_object(holder, "metadata")
    return maybe_text(metadata, name) if metadata else None
