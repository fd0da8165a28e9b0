"""Stripe's JSON into snapshots: only the fields that Tollgate reads, in ISO 4217 minor units.

A missing or misshapen field raises KeyError, TypeError or ValueError: the answer is unreadable.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from domain.currency import from_gateway
from domain.gateway import AccountFacts
from domain.gateways.stripe_requests import PAYMENT_ID, REFUND_ID
from domain.payment import ApplicationFee, NextAction
from domain.snapshot import (
    BalanceTransaction,
    CardDetails,
    Decline,
    DisputeSnapshot,
    GatewayDisputeStatus,
    GatewayRefundStatus,
    IntentSnapshot,
    IntentStatus,
    RefundSnapshot,
    Settlement,
)

Json = Mapping[str, object]

TENANT_ID = "tollgate_tenant_id"
"""Metadata by which the platform says whose connected account it is. A connected account's metadata
are its platform's: the account's own keys and dashboard do not reach them
(docs.stripe.com/api/accounts/update)."""


def intent_snapshot(intent: Json) -> IntentSnapshot:
    """A PaymentIntent, with its latest charge where that was expanded."""
    currency = _text(intent, "currency").upper()
    charge = _maybe_object(intent, "latest_charge")
    return IntentSnapshot(
        gateway_payment_id=_text(intent, "id"),
        status=IntentStatus(_text(intent, "status")),
        amount=from_gateway(_number(intent, "amount"), currency),
        amount_capturable=from_gateway(_number(intent, "amount_capturable"), currency),
        amount_received=from_gateway(_number(intent, "amount_received"), currency),
        currency=currency,
        livemode=_flag(intent, "livemode"),
        created=_time(_number(intent, "created")),
        tollgate_payment_id=_metadata(intent, PAYMENT_ID),
        cancellation_reason=_maybe_text(intent, "cancellation_reason"),
        canceled_at=_maybe_time(intent, "canceled_at"),
        decline=_decline(_maybe_object(intent, "last_payment_error")),
        next_action=_next_action(intent),
        gateway_charge_id=_charge_id(intent, charge),
        card=_card(charge),
        capture_before=_capture_before(charge),
        settlement=_settlement(charge),
    )


def refund_snapshot(refund: Json) -> RefundSnapshot:
    """A Refund; its `charge` and `payment_intent` are ids, expanded or not."""
    currency = _text(refund, "currency").upper()
    return RefundSnapshot(
        gateway_refund_id=_text(refund, "id"),
        status=GatewayRefundStatus(_text(refund, "status")),
        amount=from_gateway(_number(refund, "amount"), currency),
        currency=currency,
        gateway_payment_id=_reference(refund, "payment_intent"),
        gateway_charge_id=_reference(refund, "charge"),
        tollgate_refund_id=_metadata(refund, REFUND_ID),
        failure_reason=_maybe_text(refund, "failure_reason"),
        reason=_maybe_text(refund, "reason"),
        created=_time(_number(refund, "created")),
        gateway_balance_transaction_id=_reference(refund, "balance_transaction"),
    )


def dispute_snapshot(dispute: Json) -> DisputeSnapshot:
    """A Dispute, which always brings its balance transactions along."""
    currency = _text(dispute, "currency").upper()
    moved = dispute["balance_transactions"]
    if not isinstance(moved, list):
        raise TypeError("balance_transactions is not a list")
    # Stripe says 0 where the bank takes no answer.
    due_by = _maybe_number(_maybe_object(dispute, "evidence_details") or {}, "due_by")
    return DisputeSnapshot(
        gateway_dispute_id=_text(dispute, "id"),
        status=GatewayDisputeStatus(_text(dispute, "status")),
        reason=_text(dispute, "reason"),
        amount=from_gateway(_number(dispute, "amount"), currency),
        currency=currency,
        livemode=_flag(dispute, "livemode"),
        is_charge_refundable=_flag(dispute, "is_charge_refundable"),
        gateway_payment_id=_reference(dispute, "payment_intent"),
        gateway_charge_id=_reference(dispute, "charge") or _text(dispute, "charge"),
        evidence_due_at=_time(due_by) if due_by else None,
        created=_time(_number(dispute, "created")),
        balance_transactions=tuple(_balance_transaction(each) for each in moved),
    )


def account_facts(account: Json) -> AccountFacts:
    """An account. A key that may not read all of it is told no `charges_enabled`: only a plain
    refusal counts as one."""
    charges_enabled = account.get("charges_enabled") is not False
    return AccountFacts(
        _text(account, "id"),
        charges_enabled=charges_enabled,
        tenant_id=_metadata(account, TENANT_ID),
    )


def error_intent(body: object) -> IntentSnapshot | None:
    """The intent inside an error body, as Stripe attaches it to a decline."""
    if not isinstance(body, Mapping):
        return None
    error = _maybe_object(body, "error")
    intent = _maybe_object(error, "payment_intent") if error else None
    return intent_snapshot(intent) if intent else None


def error_decline_code(body: object) -> str | None:
    """The `decline_code` of an error body."""
    if not isinstance(body, Mapping):
        return None
    error = _maybe_object(body, "error")
    return _maybe_text(error, "decline_code") if error else None


def page(body: object) -> tuple[list[Json], bool]:
    """The objects of a list and whether there are more."""
    if not isinstance(body, Mapping):
        raise TypeError("a list was expected")
    data = body["data"]
    if not isinstance(data, list) or not all(isinstance(item, Mapping) for item in data):
        raise TypeError("a list of objects was expected")
    return data, _flag(body, "has_more")


def _decline(error: Json | None) -> Decline | None:
    if error is None:
        return None
    return Decline(
        _maybe_text(error, "code"),
        _maybe_text(error, "decline_code"),
        _maybe_text(error, "message"),
    )


def _next_action(intent: Json) -> NextAction | None:
    action = _maybe_object(intent, "next_action")
    if action is None:
        return None
    redirect = _maybe_object(action, "redirect_to_url")
    return NextAction(
        type=_text(action, "type"),
        redirect_url=_maybe_text(redirect, "url") if redirect else None,
        client_secret=_maybe_text(intent, "client_secret"),
    )


def _charge_id(intent: Json, charge: Json | None) -> str | None:
    return _text(charge, "id") if charge else _maybe_text(intent, "latest_charge")


def _card(charge: Json | None) -> CardDetails | None:
    card = _card_object(charge)
    if card is None:
        return None
    return CardDetails(
        brand=_maybe_text(card, "brand"),
        last4=_maybe_text(card, "last4"),
        exp_month=_maybe_number(card, "exp_month"),
        exp_year=_maybe_number(card, "exp_year"),
    )


def _capture_before(charge: Json | None) -> datetime | None:
    card = _card_object(charge)
    return _maybe_time(card, "capture_before") if card else None


def _card_object(charge: Json | None) -> Json | None:
    details = _maybe_object(charge, "payment_method_details") if charge else None
    return _maybe_object(details, "card") if details else None


def _settlement(charge: Json | None) -> Settlement | None:
    settled = _maybe_object(charge, "balance_transaction") if charge else None
    if charge is None or settled is None:
        return None
    currency = _text(settled, "currency").upper()
    rate = settled.get("exchange_rate")
    return Settlement(
        gateway_balance_transaction_id=_text(settled, "id"),
        amount=from_gateway(_number(settled, "amount"), currency),
        fee=from_gateway(_gateway_fee(settled), currency),
        currency=currency,
        exchange_rate=None if rate is None else str(rate),
        application_fee=_application_fee(charge, settled),
    )


def _application_fee(charge: Json, settled: Json) -> ApplicationFee | None:
    fee_id, taken = _reference(charge, "application_fee"), _fees(settled, of_application=True)
    if fee_id is None:
        return None
    currency, own = _text(charge, "currency").upper(), _text(settled, "currency").upper()
    amount = from_gateway(_number(charge, "application_fee_amount"), currency)
    return ApplicationFee(fee_id, amount, from_gateway(taken, own))


def _gateway_fee(settled: Json) -> int:
    # On a connected account the total also holds the platform's own application fee.
    if not isinstance(settled.get("fee_details"), list):
        return _number(settled, "fee")
    return _fees(settled, of_application=False)


def _fees(settled: Json, *, of_application: bool) -> int:
    details = settled.get("fee_details")
    return sum(
        _number(detail, "amount")
        for detail in (details if isinstance(details, list) else ())
        if isinstance(detail, Mapping)
        and (detail.get("type") == "application_fee") is of_application
    )


def _balance_transaction(moved: Json) -> BalanceTransaction:
    currency = _text(moved, "currency").upper()
    return BalanceTransaction(
        gateway_balance_transaction_id=_text(moved, "id"),
        amount=from_gateway(_number(moved, "amount"), currency),
        fee=from_gateway(_number(moved, "fee"), currency),
        net=from_gateway(_number(moved, "net"), currency),
        currency=currency,
    )


def _metadata(holder: Json, name: str) -> str | None:
    metadata = _maybe_object(holder, "metadata")
    return _maybe_text(metadata, name) if metadata else None


def _reference(holder: Json, name: str) -> str | None:
    value = holder.get(name)
    return _text(value, "id") if isinstance(value, Mapping) else _maybe_text(holder, name)


def _text(holder: Json, name: str) -> str:
    value = holder[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is not a text")
    return value


def _maybe_text(holder: Json, name: str) -> str | None:
    value = holder.get(name)
    return value if isinstance(value, str) else None


def _number(holder: Json, name: str) -> int:
    value = holder[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} is not a whole number")
    return value


def _maybe_number(holder: Json, name: str) -> int | None:
    return None if holder.get(name) is None else _number(holder, name)


def _flag(holder: Json, name: str) -> bool:
    value = holder[name]
    if not isinstance(value, bool):
        raise TypeError(f"{name} is not a flag")
    return value


def _maybe_object(holder: Json, name: str) -> Json | None:
    value = holder.get(name)
    return value if isinstance(value, Mapping) else None


def _time(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError("a moment beyond every calendar") from error


def _maybe_time(holder: Json, name: str) -> datetime | None:
    seconds = _maybe_number(holder, name)
    return None if seconds is None else _time(seconds)
