"""The use cases that callers reach: orders opened and closed, payments made and undone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from domain.audit import AuditEntry
from domain.audit_lines import order_entry
from domain.caller import Actor
from domain.changing import decide_cancel, decide_capture, decide_refund
from domain.claiming import check_same_input, new_record
from domain.commands import (
    CancelOrder,
    CancelPayment,
    CapturePayment,
    Command,
    CreateOrder,
    OrderDone,
    PaymentDone,
    RefundDone,
    RefundPayment,
    StartPayment,
)
from domain.deciding import check_payable, invalid
from domain.errors import AttemptedOperation, InvalidState, NotFound
from domain.fees import FeeQuote, quote
from domain.gateway import PaymentGateway
from domain.hastening import Hastening
from domain.idempotency import IdempotencyOutcome, IdempotencyRecord
from domain.ids import Prefix, new_id
from domain.order import Order, OrderStatus, settle_order
from domain.payment import CaptureMethod, GatewayType, Payment
from domain.performing import Call, Performer
from domain.ports import Clock, Database, ReferenceTaken, Wake, Work
from domain.starting import decide_start


class OrderService:
    """Opens and closes orders; no gateway is involved, so each is one transaction."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def create(self, actor: Actor, tenant_id: str, command: CreateOrder) -> OrderDone:
        """Opens an order. Raises ValidationFailed and IdempotencyKeyReused."""
        check_payable(command.total, command.currency, "totalAmountCents")
        record = new_record(tenant_id, "CREATE_ORDER", command, self._clock)
        async with self._database.begin(tenant_id) as work:
            existing = await work.keys.claim(record)
            if existing is not None:
                check_same_input(existing, record)
                return OrderDone(await _recorded_order(work, existing), replayed=True)
            order = _new_order(tenant_id, command, record.created_at)
            try:
                await work.orders.add(order)
            except ReferenceTaken as taken:
                message = "An order with this reference exists."
                raise invalid("reference", "REFERENCE_TAKEN", message) from taken
            line = order_entry(None, order, actor, order.created_at, verb="created")
            await _finish(work, record, order, line)
        return OrderDone(order, replayed=False)

    async def cancel(self, actor: Actor, tenant_id: str, command: CancelOrder) -> OrderDone:
        """Closes an order on which nothing is live or captured. Raises NotFound, InvalidState."""
        record = new_record(tenant_id, AttemptedOperation.CANCEL_ORDER, command, self._clock)
        async with self._database.begin(tenant_id) as work:
            existing = await work.keys.claim(record)
            if existing is not None:
                check_same_input(existing, record)
                return OrderDone(await _recorded_order(work, existing), replayed=True)
            order = await work.orders.lock(tenant_id, command.order_id)
            payments = await work.payments.of_order(tenant_id, order.id)
            live = next((payment for payment in payments if payment.is_live), None)
            _check_cancelable(order, is_live=live is not None)
            canceled = replace(order, canceled_at=record.created_at)
            canceled = settle_order(canceled, payments, record.created_at)
            await work.orders.save(canceled)
            at = record.created_at
            line = order_entry(order, canceled, actor, at, reason=command.reason)
            await _finish(work, record, canceled, line)
        return OrderDone(canceled, replayed=False)


class PaymentService:
    """Makes, captures, refunds and cancels payments through the operation protocol."""

    def __init__(
        self, database: Database, gateway: PaymentGateway, wake: Wake, clock: Clock
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._clock = clock
        self._performer = Performer(database, gateway, wake, clock)
        self._hastening = Hastening(database, wake, clock)

    async def authorize(self, actor: Actor, tenant_id: str, command: StartPayment) -> PaymentDone:
        """Reserves the order's remaining amount on the payer's card."""
        return await self._start(actor, tenant_id, command, CaptureMethod.MANUAL)

    async def charge(self, actor: Actor, tenant_id: str, command: StartPayment) -> PaymentDone:
        """Takes the order's remaining amount at once."""
        return await self._start(actor, tenant_id, command, CaptureMethod.AUTOMATIC)

    async def capture(self, actor: Actor, tenant_id: str, command: CapturePayment) -> PaymentDone:
        """Takes an authorized amount, or a part of it."""
        call = _call(actor, tenant_id, AttemptedOperation.CAPTURE, command)
        outcome, replayed = await self._performer.perform(
            call, lambda at: decide_capture(at, command)
        )
        return PaymentDone(outcome.payment, replayed)

    async def cancel(self, actor: Actor, tenant_id: str, command: CancelPayment) -> PaymentDone:
        """Releases a payment that was not captured."""
        call = _call(actor, tenant_id, AttemptedOperation.CANCEL, command)
        outcome, replayed = await self._performer.perform(
            call, lambda at: decide_cancel(at, command)
        )
        return PaymentDone(outcome.payment, replayed)

    async def refund(self, actor: Actor, tenant_id: str, command: RefundPayment) -> RefundDone:
        """Gives captured money back."""
        call = _call(actor, tenant_id, AttemptedOperation.REFUND, command)
        outcome, replayed = await self._performer.perform(
            call, lambda at: decide_refund(at, command)
        )
        if outcome.refund is None:
            raise NotFound(command.payment_id)
        return RefundDone(outcome.refund, outcome.payment, replayed)

    async def quote(self, tenant_id: str, amount: int, currency: str) -> FeeQuote:
        """What a payment would cost now. Raises ValidationFailed."""
        check_payable(amount, currency, "amountCents")
        async with self._database.begin(tenant_id) as work:
            tier, override = await work.tenants.fee_source(tenant_id, self._clock.now())
            account = await work.tenants.gateway(tenant_id, GatewayType.STRIPE)
            if account is None:
                account = await work.tenants.platform_gateway(
                    GatewayType.STRIPE, livemode=self._gateway.livemode
                )
        return quote(tier, override, account.fee_schedule, amount, currency)

    async def look_soon(self, payment: Payment) -> None:
        """Has what is not known of the payment looked at soon; see `Hastening`."""
        await self._hastening.look_soon(payment)

    async def drain(self) -> None:
        """Waits for the calls that are on their way."""
        await self._performer.drain()

    async def _start(
        self, actor: Actor, tenant_id: str, command: StartPayment, capture_method: CaptureMethod
    ) -> PaymentDone:
        manual = capture_method is CaptureMethod.MANUAL
        attempted = AttemptedOperation.AUTHORIZE if manual else AttemptedOperation.CHARGE
        call = _call(actor, tenant_id, attempted, command)
        outcome, replayed = await self._performer.perform(
            call, lambda at: decide_start(at, command, capture_method)
        )
        return PaymentDone(outcome.payment, replayed)


def _call(actor: Actor, tenant_id: str, attempted: AttemptedOperation, command: Command) -> Call:
    return Call(actor=actor, tenant_id=tenant_id, attempted=attempted, command=command)


def _new_order(tenant_id: str, command: CreateOrder, now: datetime) -> Order:
    return Order(
        id=new_id(Prefix.ORDER),
        tenant_id=tenant_id,
        reference=command.reference,
        currency=command.currency,
        total=command.total,
        remaining=command.total,
        metadata=command.metadata,
        customer_email=command.customer_email,
        created_at=now,
        updated_at=now,
    )


def _check_cancelable(order: Order, *, is_live: bool) -> None:
    if order.status is OrderStatus.CANCELED:
        detail_code, message = "ORDER_CANCELED", "The order is canceled already."
    elif is_live:
        detail_code, message = "PAYMENT_IN_PROGRESS", "A payment of this order is under way."
    elif order.captured:
        detail_code, message = "ORDER_PAID", "Money was captured for this order."
    else:
        return
    raise InvalidState(
        message,
        detail_code=detail_code,
        attempted=AttemptedOperation.CANCEL_ORDER,
        order=order,
        retryable=is_live,
    )


async def _recorded_order(work: Work, record: IdempotencyRecord) -> Order:
    order = await work.orders.find(record.tenant_id, record.order_id or "")
    if order is None:
        raise NotFound(record.order_id or record.id)
    return order


async def _finish(work: Work, record: IdempotencyRecord, order: Order, line: AuditEntry) -> None:
    """The audit entry, the finished key, the commit."""
    await work.audit.append(line)
    await work.keys.save(
        replace(
            record,
            order_id=order.id,
            outcome=IdempotencyOutcome.SUCCEEDED,
            finished_at=record.created_at,
        )
    )
    await work.commit()
