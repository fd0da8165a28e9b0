"""A payment as a row of `payments`, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from db.sealed import SealedColumn
from domain.fees import FeeRefundPolicy, FeeTerms
from domain.payment import (
    ApplicationFee,
    CaptureMethod,
    DisputeState,
    GatewayType,
    NextAction,
    Payment,
    PaymentFailure,
    PaymentMethod,
    PaymentMethodType,
    PaymentStatus,
    SettlementFacts,
)
from domain.ports import Cipher

NEXT_ACTION = SealedColumn("payments", "next_action")
"""What the payer must do, as `{"type": ..., "redirect_url": ..., "client_secret": ...}`."""

UNREADABLE_ACTION = NextAction("unreadable", None, None)
"""Stands for a next action that cannot be decrypted. The gateway still has it: the next reading of
the intent puts it right."""


def payment_of(row: Row[Any], cipher: Cipher) -> Payment:
    """The payment that a row holds; with `UNREADABLE_ACTION` where that cannot be decrypted."""
    return Payment(
        id=row.id,
        tenant_id=row.tenant_id,
        order_id=row.order_id,
        gateway_id=row.gateway_id,
        gateway_type=GatewayType(row.gateway_type),
        livemode=row.livemode,
        capture_method=CaptureMethod(row.capture_method),
        status=PaymentStatus(row.payment_status),
        currency=row.currency,
        total=row.total_amount_cents,
        fee_terms=_fee_terms(row),
        platform_fee=row.platform_fee_cents,
        gateway_fee=row.gateway_fee_cents,
        method=_method(row),
        metadata=row.metadata,
        created_at=row.created_at,
        updated_at=row.updated_at,
        authorized=row.authorized_amount_cents,
        captured=row.captured_amount_cents,
        refunded=row.refunded_amount_cents,
        refund_pending=row.refund_pending_cents,
        platform_fee_refunded=row.platform_fee_refunded_cents,
        gateway_fee_is_final=row.gateway_fee_is_final,
        dispute_lost=row.dispute_lost_cents,
        dispute_fee=row.dispute_fee_cents,
        dispute_status=DisputeState(row.dispute_status),
        refunds_blocked=row.refunds_blocked,
        settlement=_settlement(row),
        application_fee_refunded=row.application_fee_refunded_cents,
        failure=_failure(row),
        next_action=_next_action(row, cipher),
        gateway_payment_id=row.gateway_payment_id,
        gateway_charge_id=row.gateway_charge_id,
        capture_before=row.capture_before,
        intent_closed_at=row.intent_closed_at,
        version=row.version,
    )


def payment_columns(payment: Payment, cipher: Cipher) -> dict[str, object]:
    """The row of a payment, complete but for a next action that could not be decrypted."""
    return {
        **_identity(payment),
        **_amounts(payment),
        **_terms(payment),
        **_gateway_facts(payment),
        **_sealed_action(payment, cipher),
        "metadata": dict(payment.metadata),
        "version": payment.version,
        "created_at": payment.created_at,
        "updated_at": payment.updated_at,
    }


def _identity(payment: Payment) -> Mapping[str, object]:
    return {
        "tenant_id": payment.tenant_id,
        "id": payment.id,
        "order_id": payment.order_id,
        "gateway_id": payment.gateway_id,
        "gateway_type": payment.gateway_type.value,
        "livemode": payment.livemode,
        "capture_method": payment.capture_method.value,
        "payment_status": payment.status.value,
        "refund_status": payment.refund_status.value,
        "dispute_status": payment.dispute_status.value,
        "refunds_blocked": payment.refunds_blocked,
        "payment_method_type": payment.method.type.value,
    }


def _amounts(payment: Payment) -> Mapping[str, object]:
    return {
        "currency": payment.currency,
        "total_amount_cents": payment.total,
        "authorized_amount_cents": payment.authorized,
        "captured_amount_cents": payment.captured,
        "refunded_amount_cents": payment.refunded,
        "refund_pending_cents": payment.refund_pending,
        "dispute_lost_cents": payment.dispute_lost,
        "dispute_fee_cents": payment.dispute_fee,
        "platform_fee_cents": payment.platform_fee,
        "platform_fee_refunded_cents": payment.platform_fee_refunded,
        "application_fee_refunded_cents": payment.application_fee_refunded,
        "gateway_fee_cents": payment.gateway_fee,
        "gateway_fee_is_final": payment.gateway_fee_is_final,
        "net_amount_cents": payment.net,
    }


def _terms(payment: Payment) -> Mapping[str, object]:
    terms = payment.fee_terms
    settled = payment.settlement
    return {
        "fee_basis_points": terms.basis_points,
        "fee_fixed_cents": terms.fixed_fee,
        "fee_refund_policy": terms.refund_policy.value,
        "fee_tier_id": terms.tier_id,
        "fee_override_id": terms.override_id,
        "settlement_amount_cents": settled.amount if settled else None,
        "settlement_fee_cents": settled.fee if settled else None,
        "settlement_currency": settled.currency if settled else None,
        "settlement_exchange_rate": settled.exchange_rate if settled else None,
        **_application_fee_columns(settled.application_fee if settled else None),
    }


def _application_fee_columns(fee: ApplicationFee | None) -> Mapping[str, object]:
    return {
        "gateway_application_fee_id": fee.id if fee else None,
        "application_fee_cents": fee.amount if fee else None,
        "application_fee_settled_cents": fee.settled if fee else None,
    }


def _gateway_facts(payment: Payment) -> Mapping[str, object]:
    failure = payment.failure
    return {
        "gateway_response": _gateway_response(payment),
        "error_message": failure.user_message if failure else None,
        "failed_at": failure.at if failure else None,
        "gateway_payment_id": payment.gateway_payment_id,
        "gateway_charge_id": payment.gateway_charge_id,
        "capture_before": payment.capture_before,
        "intent_closed_at": payment.intent_closed_at,
    }


def _gateway_response(payment: Payment) -> Mapping[str, object]:
    method, failure = payment.method, payment.failure
    facts = {
        "brand": method.brand,
        "last4": method.last4,
        "exp_month": method.exp_month,
        "exp_year": method.exp_year,
        "decline_code": failure.decline_code if failure else None,
        "gateway_message": failure.gateway_message if failure else None,
    }
    return {name: value for name, value in facts.items() if value is not None}


def _method(row: Row[Any]) -> PaymentMethod:
    facts = row.gateway_response
    return PaymentMethod(
        type=PaymentMethodType(row.payment_method_type),
        brand=facts.get("brand"),
        last4=facts.get("last4"),
        exp_month=facts.get("exp_month"),
        exp_year=facts.get("exp_year"),
    )


def _failure(row: Row[Any]) -> PaymentFailure | None:
    if row.failed_at is None:
        return None
    return PaymentFailure(
        decline_code=row.gateway_response.get("decline_code"),
        gateway_message=row.gateway_response.get("gateway_message"),
        user_message=row.error_message,
        at=row.failed_at,
    )


def _fee_terms(row: Row[Any]) -> FeeTerms:
    return FeeTerms(
        basis_points=row.fee_basis_points,
        fixed_fee=row.fee_fixed_cents,
        refund_policy=FeeRefundPolicy(row.fee_refund_policy),
        tier_id=row.fee_tier_id,
        override_id=row.fee_override_id,
    )


def _settlement(row: Row[Any]) -> SettlementFacts | None:
    if row.settlement_amount_cents is None:
        return None
    return SettlementFacts(
        amount=row.settlement_amount_cents,
        fee=row.settlement_fee_cents,
        currency=row.settlement_currency,
        exchange_rate=row.settlement_exchange_rate,
        application_fee=_application_fee(row),
    )


def _application_fee(row: Row[Any]) -> ApplicationFee | None:
    if row.gateway_application_fee_id is None:
        return None
    return ApplicationFee(
        row.gateway_application_fee_id, row.application_fee_cents, row.application_fee_settled_cents
    )


def _sealed_action(payment: Payment, cipher: Cipher) -> Mapping[str, object]:
    action = payment.next_action
    if action == UNREADABLE_ACTION:
        return {}  # what is stored may be readable again with a key that is missing now
    if action is None:
        return {"next_action": None}
    value = {
        "type": action.type,
        "redirect_url": action.redirect_url,
        "client_secret": action.client_secret,
    }
    return {"next_action": NEXT_ACTION.seal(cipher, payment.tenant_id, payment.id, value)}


def _next_action(row: Row[Any], cipher: Cipher) -> NextAction | None:
    if row.next_action is None:
        return None
    value = NEXT_ACTION.read(cipher, row.tenant_id, row.id, row.next_action)
    if value is None:
        return UNREADABLE_ACTION
    return NextAction(
        type=str(value["type"]),
        redirect_url=_text(value["redirect_url"]),
        client_secret=_text(value["client_secret"]),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
