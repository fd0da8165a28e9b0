"""Domain objects with everything filled in, so that a test names only what it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from domain.caller import Actor, AuditActorType
from domain.fees import FeeRefundPolicy, FeeTerms, GatewayFeeSchedule
from domain.ids import Prefix, new_id
from domain.inbox import WebhookEventStatus
from domain.inbox_reading import EventRecord
from domain.operation import GatewayRequest, Operation, OperationKind, OperationState
from domain.order import Order
from domain.payment import (
    CaptureMethod,
    GatewayType,
    Payment,
    PaymentMethod,
    PaymentMethodType,
    PaymentStatus,
)
from domain.refund import Refund, RefundOrigin, RefundReason, RefundStatus
from domain.snapshot import (
    Decline,
    GatewayRefundStatus,
    IntentSnapshot,
    IntentStatus,
    RefundSnapshot,
)
from domain.tenant import GatewayAccount, GatewayMode

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SCHEDULE = GatewayFeeSchedule(basis_points=290, fixed_fee=30)
STARTER = FeeTerms(300, 0, FeeRefundPolicy.RETURN_PROPORTIONALLY, "fee_starter", None)
ACTOR = Actor(AuditActorType.USER, "user-1", "req-1", "127.0.0.1")
TENANT = new_id(Prefix.TENANT)
GATEWAY = new_id(Prefix.GATEWAY)
INTENT = "pi_3abc"


def a_payment(**changes: Any) -> Payment:
    """A pending charge of 100.00 USD at Starter."""
    payment = Payment(
        id="pay_0000000000000000000000000a",
        tenant_id=TENANT,
        order_id="ord_0000000000000000000000000a",
        gateway_id=GATEWAY,
        gateway_type=GatewayType.STRIPE,
        livemode=False,
        capture_method=CaptureMethod.AUTOMATIC,
        status=PaymentStatus.PENDING,
        currency="USD",
        total=10_000,
        fee_terms=STARTER,
        platform_fee=300,
        gateway_fee=320,
        method=PaymentMethod(PaymentMethodType.CARD),
        metadata={},
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(payment, **changes)


def a_paid_payment(**changes: Any) -> Payment:
    """A captured charge of 100.00 USD at Starter."""
    paid = a_payment(
        status=PaymentStatus.PAID,
        authorized=10_000,
        captured=10_000,
        gateway_payment_id=INTENT,
        gateway_charge_id="ch_3abc",
    )
    return replace(paid, **changes)


def an_order(**changes: Any) -> Order:
    """An open order of 100.00 USD."""
    order = Order(
        id="ord_0000000000000000000000000a",
        tenant_id=TENANT,
        reference="A-1",
        currency="USD",
        total=10_000,
        remaining=10_000,
        metadata={},
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(order, **changes)


def a_refund(**changes: Any) -> Refund:
    """A requested refund of 40.00 USD."""
    refund = Refund(
        id=new_id(Prefix.REFUND),
        tenant_id=TENANT,
        payment_id="pay_0000000000000000000000000a",
        status=RefundStatus.REQUESTED,
        amount=4_000,
        currency="USD",
        reason=RefundReason.REQUESTED_BY_CUSTOMER,
        origin=RefundOrigin.API,
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(refund, **changes)


def an_operation(**changes: Any) -> Operation:
    """A charge on its way."""
    operation = Operation(
        id="op_0000000000000000000000000a",
        tenant_id=TENANT,
        payment_id="pay_0000000000000000000000000a",
        gateway_id=GATEWAY,
        kind=OperationKind.CHARGE,
        state=OperationState.SENDING,
        gateway_key="op_0000000000000000000000000a",
        request=GatewayRequest("/v1/payment_intents", {"amount": 10_000}),
        created_at=NOW,
        updated_at=NOW,
        due_at=NOW,
        amount=10_000,
        idempotency_record_id="idem_0000000000000000000000000a",
        attempts=1,
        first_sent_at=NOW,
        last_sent_at=NOW,
    )
    return replace(operation, **changes)


def an_account(**changes: Any) -> GatewayAccount:
    """A tenant's account in mode PLATFORM, in test mode."""
    account = GatewayAccount(
        id=GATEWAY,
        tenant_id=TENANT,
        gateway_type=GatewayType.STRIPE,
        mode=GatewayMode.PLATFORM,
        livemode=False,
        is_enabled=True,
        fee_schedule=SCHEDULE,
    )
    return replace(account, **changes)


def an_intent(status: IntentStatus, **changes: Any) -> IntentSnapshot:
    """The intent of `a_payment` in the given status, with amounts that fit it."""
    capturable = 10_000 if status is IntentStatus.REQUIRES_CAPTURE else 0
    received = 10_000 if status is IntentStatus.SUCCEEDED else 0
    declined = status is IntentStatus.REQUIRES_PAYMENT_METHOD
    intent = IntentSnapshot(
        gateway_payment_id=INTENT,
        status=status,
        amount=10_000,
        amount_capturable=capturable,
        amount_received=received,
        currency="USD",
        livemode=False,
        created=NOW,
        tollgate_payment_id="pay_0000000000000000000000000a",
        cancellation_reason=None,
        canceled_at=None,
        decline=Decline("card_declined", "insufficient_funds", "No money.") if declined else None,
        next_action=None,
        gateway_charge_id=None,
        card=None,
        capture_before=None,
        settlement=None,
    )
    return replace(intent, **changes)


def a_gateway_refund(refund: Refund, **changes: Any) -> RefundSnapshot:
    """The refund as the gateway reports it: succeeded."""
    snapshot = RefundSnapshot(
        gateway_refund_id="re_3abc",
        status=GatewayRefundStatus.SUCCEEDED,
        amount=refund.amount,
        currency=refund.currency,
        gateway_payment_id=INTENT,
        gateway_charge_id="ch_3abc",
        tollgate_refund_id=refund.id,
        failure_reason=None,
        reason="requested_by_customer",
        created=NOW,
    )
    return replace(snapshot, **changes)


def an_event_record(**changes: Any) -> EventRecord:
    """A dead event of TENANT, as readers of the inbox see it."""
    record = EventRecord(
        id="we_1",
        gateway_id="gw_1",
        livemode=False,
        event_id="evt_1",
        event_type="charge.succeeded",
        api_version=None,
        account=None,
        has_payload=True,
        status=WebhookEventStatus.DEAD,
        attempts=8,
        tenant_id=TENANT,
        payment_id=None,
        error_message="It would not.",
        next_attempt_at=None,
        processed_at=None,
        replayed_at=None,
        replayed_by=None,
        created_at=NOW,
    )
    return replace(record, **changes)
