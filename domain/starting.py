"""authorizePayment and chargePayment: what is decided under the order's lock."""

from __future__ import annotations

from collections.abc import Sequence

from domain.audit_lines import created_entry
from domain.commands import StartPayment
from domain.deciding import Deciding, application_fee, check_payable, invalid, new_operation
from domain.errors import AttemptedOperation, InvalidState
from domain.fees import quote
from domain.ids import Prefix, new_id
from domain.operation import Operation, OperationKind
from domain.order import Order, OrderStatus, settle_order
from domain.payment import CaptureMethod, Payment, PaymentMethod, PaymentStatus
from domain.recording import save_order
from domain.tenant import GatewayAccount


async def decide_start(
    at: Deciding, command: StartPayment, capture_method: CaptureMethod
) -> tuple[Operation, GatewayAccount]:
    """Authorize or charge the order's whole remaining amount."""
    manual = capture_method is CaptureMethod.MANUAL
    attempted = AttemptedOperation.AUTHORIZE if manual else AttemptedOperation.CHARGE
    order = await at.work.orders.lock(at.tenant_id, command.order_id)
    payments = await at.work.payments.of_order(at.tenant_id, order.id)
    _check_payable(order, payments, attempted)
    account = await at.work.tenants.gateway(at.tenant_id, command.gateway_type)
    if account is None:
        raise invalid("gatewayType", "GATEWAY_NOT_ENABLED", "This gateway is not set up.")
    payment = await _new_payment(at, command, order, account, capture_method)
    request = at.gateway.create_intent_request(
        payment,
        payment_method_ref=command.payment_method_ref,
        return_url=command.return_url,
        application_fee=application_fee(account, payment.platform_fee, payment.currency),
    )
    await at.work.payments.add(payment)
    await at.work.audit.append(created_entry(payment, at.actor, at.now))
    settled = settle_order(order, [*payments, payment], at.now)
    await save_order(at.work, order, settled, actor=at.actor, now=at.now)
    kind = OperationKind.AUTHORIZE if manual else OperationKind.CHARGE
    return new_operation(at, kind, payment, request, amount=payment.total), account


async def _new_payment(
    at: Deciding,
    command: StartPayment,
    order: Order,
    account: GatewayAccount,
    capture_method: CaptureMethod,
) -> Payment:
    tier, override = await at.work.tenants.fee_source(at.tenant_id, at.now)
    price = quote(tier, override, account.fee_schedule, order.remaining, order.currency)
    check_payable(order.remaining, order.currency, "orderId")
    return Payment(
        id=new_id(Prefix.PAYMENT),
        tenant_id=at.tenant_id,
        order_id=order.id,
        gateway_id=account.id,
        gateway_type=account.gateway_type,
        livemode=account.livemode,
        capture_method=capture_method,
        status=PaymentStatus.PENDING,
        currency=order.currency,
        total=order.remaining,
        fee_terms=price.terms,
        platform_fee=price.platform_fee,
        gateway_fee=price.gateway_fee_estimate,
        method=PaymentMethod(command.payment_method_type),
        metadata=command.metadata,
        created_at=at.now,
        updated_at=at.now,
    )


def _check_payable(
    order: Order, payments: Sequence[Payment], attempted: AttemptedOperation
) -> None:
    if order.status is OrderStatus.CANCELED:
        raise InvalidState(
            "The order is canceled.",
            detail_code="ORDER_CANCELED",
            attempted=attempted,
            order=order,
        )
    live = next((payment for payment in payments if payment.is_live), None)
    if live is not None:
        declined = live.status is PaymentStatus.FAILED
        raise InvalidState(
            "The declined payment is being closed at the gateway; repeat the call in a moment."
            if declined
            else "A payment of this order is under way.",
            detail_code="PAYMENT_IN_PROGRESS",
            attempted=attempted,
            order=order,
            payment=live,
            retryable=True,
        )
    if order.remaining == 0:
        raise InvalidState(
            "The order is paid.",
            detail_code="ORDER_PAID",
            attempted=attempted,
            order=order,
        )
