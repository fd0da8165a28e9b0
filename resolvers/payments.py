"""Payments: reading them, and the mutations that move money.

A malformed, a missing and a foreign id are the same answer: None here, NotFound in a mutation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from domain.commands import (
    CancelPayment,
    CapturePayment,
    PaymentDone,
    RefundDone,
    RefundPayment,
    StartPayment,
)
from domain.errors import Issue, NotFound, ValidationFailed
from domain.ids import Prefix, is_id
from domain.payment import Payment
from domain.reports import Page, PageRequest, PaymentEvent, PaymentFilter
from resolvers.access import is_bound, reaches_order
from resolvers.context import Context


async def by_ids(context: Context, ids: Sequence[str]) -> list[Payment | None]:
    """The payments with these ids, in this order."""
    wanted = [text for text in ids if is_id(text, Prefix.PAYMENT)]
    found = await context.reads.payments(context.tenant_id, wanted) if wanted else {}
    payments = (found.get(text) for text in ids)
    return [
        payment if payment and reaches_order(context.caller, payment.order_id) else None
        for payment in payments
    ]


async def look_soon(context: Context, payment: Payment) -> None:
    """Has the gateway asked soon for what is not known of a payment that somebody waits for."""
    await context.payments.look_soon(payment)


async def page(context: Context, where: PaymentFilter, request: PageRequest) -> Page[Payment]:
    """One slice of the payments that match, newest first."""
    if where.order_id is not None and not is_id(where.order_id, Prefix.ORDER):
        return Page((), has_next=False, has_previous=False)
    return await context.reads.payment_page(context.tenant_id, where, request)


async def count(context: Context, where: PaymentFilter) -> int | None:
    """How many payments match; None when there are too many to count."""
    if where.order_id is not None and not is_id(where.order_id, Prefix.ORDER):
        return 0
    return await context.reads.payment_count(context.tenant_id, where)


async def timeline_page(
    context: Context, payment_id: str, request: PageRequest
) -> Page[PaymentEvent]:
    """One slice of what happened to the payment, newest first."""
    return await context.reads.timeline_page(context.tenant_id, payment_id, request)


async def timeline_count(context: Context, payment_id: str) -> int | None:
    """How many entries the payment's timeline has; None when there are too many to count."""
    return await context.reads.timeline_count(context.tenant_id, payment_id)


async def authorize(context: Context, command: StartPayment) -> PaymentDone:
    """Reserves what the order has remaining."""
    command = _started(context, command)
    return await context.payments.authorize(context.caller.actor, context.tenant_id, command)


async def charge(context: Context, command: StartPayment) -> PaymentDone:
    """Takes what the order has remaining at once."""
    command = _started(context, command)
    return await context.payments.charge(context.caller.actor, context.tenant_id, command)


async def capture(context: Context, command: CapturePayment) -> PaymentDone:
    """Takes an authorized amount."""
    _check_payment(command.payment_id)
    return await context.payments.capture(context.caller.actor, context.tenant_id, command)


async def cancel(context: Context, command: CancelPayment) -> PaymentDone:
    """Releases a payment that was not captured."""
    _check_payment(command.payment_id)
    return await context.payments.cancel(context.caller.actor, context.tenant_id, command)


async def refund(context: Context, command: RefundPayment) -> RefundDone:
    """Gives captured money back."""
    _check_payment(command.payment_id)
    return await context.payments.refund(context.caller.actor, context.tenant_id, command)


def _started(context: Context, command: StartPayment) -> StartPayment:
    """The command as this caller may give it. A shopper's page sets no metadata: the merchant's own
    programs believe what they find there. Raises NotFound, ValidationFailed."""
    caller, order_id = context.caller, command.order_id
    if not (is_id(order_id, Prefix.ORDER) and reaches_order(caller, order_id)):
        raise NotFound(order_id)
    if not is_bound(caller):
        return command
    if command.metadata:
        message = "A checkout token sets no metadata."
        raise ValidationFailed(Issue(("input", "metadata"), "METADATA_FORBIDDEN", message))
    return replace(command, from_checkout=True)


def _check_payment(payment_id: str) -> None:
    if not is_id(payment_id, Prefix.PAYMENT):
        raise NotFound(payment_id)
