"""Domain objects with every field set, and changes by keyword."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from domain.alert import Alert, AlertSeverity
from domain.audit import AuditEntry
from domain.caller import Actor, AuditActorType
from domain.fees import FeeRefundPolicy, FeeTerms
from domain.idempotency import IdempotencyOutcome, IdempotencyRecord
from domain.ids import Prefix, new_id
from domain.inbox import WebhookEvent, WebhookEventSource, WebhookEventStatus
from domain.operation import GatewayRequest, Operation, OperationKind, OperationState
from domain.order import Order, OrderStatus
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
from domain.refund import Refund, RefundOrigin, RefundReason, RefundSettlement, RefundStatus
from tests.integration.db.conftest import Merchant

NOW = datetime(2026, 11, 23, 12, 30, 15, 123456, tzinfo=UTC)
TERMS = FeeTerms(300, 0, FeeRefundPolicy.RETURN_PROPORTIONALLY, "fee_starter", None)


def an_order(merchant: Merchant, *, reference: str | None = None, total: int = 10_000) -> Order:
    """An open order in USD."""
    order_id = new_id(Prefix.ORDER)
    return Order(
        id=order_id,
        tenant_id=merchant.id,
        reference=reference or f"reference of {order_id}",
        currency="USD",
        total=total,
        metadata={},
        created_at=NOW,
        updated_at=NOW,
        remaining=total,
    )


def a_full_order(merchant: Merchant) -> Order:
    """An order in which no field has its default."""
    return replace(
        an_order(merchant),
        metadata={"größe": "é 🙂", "empty": ""},
        status=OrderStatus.CANCELED,
        captured=9_000,
        refunded=4_000,
        remaining=1_000,
        is_disputed=True,
        customer_email="Ann@Example.com",
        canceled_at=NOW + timedelta(hours=1),
    )


def a_payment(merchant: Merchant, order: Order) -> Payment:
    """A pending charge of the whole order."""
    return Payment(
        id=new_id(Prefix.PAYMENT),
        tenant_id=order.tenant_id,
        order_id=order.id,
        gateway_id=merchant.gateway.id,
        gateway_type=GatewayType.STRIPE,
        livemode=False,
        capture_method=CaptureMethod.AUTOMATIC,
        status=PaymentStatus.PENDING,
        currency=order.currency,
        total=order.total,
        fee_terms=TERMS,
        platform_fee=300,
        gateway_fee=320,
        method=PaymentMethod(PaymentMethodType.CARD),
        metadata={},
        created_at=NOW,
        updated_at=NOW,
    )


def a_full_payment(merchant: Merchant, order: Order) -> Payment:
    """A payment in which no field has its default."""
    return replace(
        a_payment(merchant, order),
        livemode=True,
        capture_method=CaptureMethod.MANUAL,
        status=PaymentStatus.PAID,
        fee_terms=FeeTerms(150, 7, FeeRefundPolicy.RETAIN, "fee_tier", "fov_override"),
        method=PaymentMethod(PaymentMethodType.WALLET, "visa", "4242", 12, 2031),
        metadata={"größe": "é 🙂"},
        authorized=9_500,
        captured=9_000,
        refunded=2_000,
        refund_pending=1_000,
        platform_fee_refunded=66,
        application_fee_refunded=60,
        gateway_fee_is_final=True,
        dispute_lost=500,
        dispute_fee=1_500,
        dispute_status=DisputeState.LOST,
        refunds_blocked=True,
        settlement=SettlementFacts(
            8_100, 290, "EUR", "0.900000123456789", ApplicationFee(f"fee_{order.id}", 300, 270)
        ),
        failure=PaymentFailure("insufficient_funds", "Declined.", "The card was declined.", NOW),
        next_action=NextAction("redirect_to_url", "https://bank.example/3ds", "pi_1_secret_2"),
        gateway_payment_id=f"pi_{order.id}",
        gateway_charge_id=f"ch_{order.id}",
        capture_before=NOW + timedelta(days=7),
        intent_closed_at=NOW + timedelta(days=1),
        version=3,
    )


def a_refund(payment: Payment) -> Refund:
    """A refund of ours that the gateway has not answered."""
    return Refund(
        id=new_id(Prefix.REFUND),
        tenant_id=payment.tenant_id,
        payment_id=payment.id,
        status=RefundStatus.REQUESTED,
        amount=1_000,
        currency=payment.currency,
        reason=RefundReason.DUPLICATE,
        origin=RefundOrigin.API,
        created_at=NOW,
        updated_at=NOW,
    )


def a_full_refund(payment: Payment) -> Refund:
    """A refund in which no field has its default."""
    refund = a_refund(payment)
    return replace(
        refund,
        status=RefundStatus.SUCCEEDED,
        origin=RefundOrigin.GATEWAY,
        note="as agreed",
        platform_fee_refunded=30,
        gateway_refund_id=f"re_{refund.id}",
        failure_reason="expired_or_canceled_card",
        settlement=RefundSettlement(1_800, 1_790, "EUR"),
    )


def an_operation(
    payment: Payment, *, kind: OperationKind = OperationKind.CHARGE, due_at: datetime = NOW
) -> Operation:
    """An operation that was not sent."""
    operation_id = new_id(Prefix.OPERATION)
    return Operation(
        id=operation_id,
        tenant_id=payment.tenant_id,
        payment_id=payment.id,
        gateway_id=payment.gateway_id,
        kind=kind,
        state=OperationState.CREATED,
        gateway_key=operation_id,
        request=GatewayRequest("/v1/payment_intents", {"amount": 10_000}),
        created_at=NOW,
        updated_at=NOW,
        due_at=due_at,
    )


def a_sent_operation(payment: Payment, sent_at: datetime) -> Operation:
    """An operation whose request is on its way."""
    return replace(
        an_operation(payment),
        state=OperationState.SENDING,
        attempts=1,
        first_sent_at=sent_at,
        last_sent_at=sent_at,
    )


def a_full_operation(payment: Payment, refund: Refund) -> Operation:
    """An operation in which no field has its default."""
    parameters = {
        "amount": 1_000,
        "metadata": {"tollgate_payment_id": payment.id},
        "expand": ["latest_charge"],
        "confirm": True,
        "note": None,
    }
    return replace(
        an_operation(payment, kind=OperationKind.REFUND, due_at=NOW + timedelta(minutes=1)),
        state=OperationState.UNKNOWN,
        request=GatewayRequest("/v1/refunds", parameters),
        amount=1_000,
        refund_id=refund.id,
        idempotency_record_id="idem_1",
        attempts=2,
        first_sent_at=NOW,
        last_sent_at=NOW + timedelta(seconds=5),
        absent_at=NOW + timedelta(seconds=9),
        gateway_request_id="req_1",
        error="timed out",
    )


def a_record(merchant: Merchant, *, key: str = "key-1") -> IdempotencyRecord:
    """A key whose call is running."""
    return IdempotencyRecord(
        id=new_id(Prefix.OPERATION),
        tenant_id=merchant.id,
        mutation="chargePayment",
        key=key,
        input_hash="0" * 64,
        outcome=IdempotencyOutcome.RUNNING,
        created_at=NOW,
    )


def a_full_record(merchant: Merchant) -> IdempotencyRecord:
    """A key in which no field has its default."""
    return replace(
        a_record(merchant),
        outcome=IdempotencyOutcome.DECLINED,
        operation_id="op_1",
        order_id="ord_1",
        payment_id="pay_1",
        refund_id="re_1",
        detail_code="card_declined",
        message="The card was declined.",
        finished_at=NOW,
    )


def an_event(merchant: Merchant, *, event_id: str = "evt_1") -> WebhookEvent:
    """An event that was just received."""
    return WebhookEvent(
        id=new_id(Prefix.WEBHOOK_EVENT),
        gateway_id=merchant.gateway.id,
        livemode=False,
        event_id=event_id,
        event_type="payment_intent.succeeded",
        api_version=None,
        account=None,
        payload={"data": {"object": {"id": "pi_1", "object": "payment_intent"}}},
        status=WebhookEventStatus.RECEIVED,
        created_at=NOW,
    )


def a_full_event(merchant: Merchant) -> WebhookEvent:
    """An event in which no field has its default."""
    return replace(
        an_event(merchant),
        livemode=True,
        api_version="2026-10-28.endive",
        account="acct_1",
        status=WebhookEventStatus.RETRY,
        attempts=2,
        tenant_id=merchant.id,
        payment_id="pay_1",
        error_message="timed out",
        next_attempt_at=NOW,
        lease_until=NOW + timedelta(seconds=30),
        processed_at=NOW + timedelta(seconds=1),
        attempts_before_replay=1,
        replayed_at=NOW - timedelta(seconds=1),
        replayed_by="user_1",
        source=WebhookEventSource.LISTED,
    )


def an_entry(merchant: Merchant, *, subject_id: str, status: str = "PAID") -> AuditEntry:
    """An audit entry of the shape that a payment's timeline reads."""
    return AuditEntry(
        id=new_id(Prefix.AUDIT_ENTRY),
        tenant_id=merchant.id,
        at=NOW,
        actor=Actor(AuditActorType.GATEWAY, "evt_1", "req-1", "192.0.2.1"),
        action=f"payment.{status.lower()}",
        subject_id=subject_id,
        before={"status": "PENDING"},
        after={"status": status, "amount": 10_000, "message": f"The payment became {status}."},
    )


def an_alert(merchant: Merchant | None, *, subject_id: str = "pay_1") -> Alert:
    """An alert about one payment."""
    return Alert(
        id=new_id(Prefix.ALERT),
        rule="payment.late_money",
        severity=AlertSeverity.CRITICAL,
        subject_id=subject_id,
        message="Look at it.",
        tenant_id=merchant.id if merchant else None,
        opened_at=NOW,
    )
