"""What the audit says of orders, payments, refunds and disputes: one entry for each change, with
the amounts and states before and after it. No name, address, metadata or secret is ever part of
one: an entry is kept for ever, and a payer's data must be erasable. `audit_actions` lists the
actions.

An entry whose `after` has a payment's status and a message is a line of that payment's timeline.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from domain.audit import AuditEntry
from domain.caller import Actor
from domain.dispute import Dispute
from domain.free_text import withheld
from domain.ids import Prefix, new_id
from domain.operation import Operation
from domain.order import Order
from domain.payment import Payment
from domain.refund import Refund

Asked = Literal["capture", "cancel"]


def order_entry(
    before: Order | None,
    after: Order,
    actor: Actor,
    now: datetime,
    *,
    verb: str | None = None,
    reason: str | None = None,
) -> AuditEntry:
    """An order made, closed, or moved by its payments. Amounts are in minor units."""
    given = {} if reason is None else {"reason": withheld(reason)}
    return AuditEntry(
        id=new_id(Prefix.AUDIT_ENTRY),
        tenant_id=after.tenant_id,
        at=now,
        actor=actor,
        action=f"order.{verb or after.status.lower()}",
        subject_id=after.id,
        before=None if before is None else _order(before),
        after=_order(after) | given,
    )


def created_entry(payment: Payment, actor: Actor, now: datetime) -> AuditEntry:
    """The first line of a payment's timeline."""
    after = _payment(payment) | {"message": "The payment was sent to the gateway."}
    return _entry("payment.created", payment, actor, now, before=None, after=after)


def asked_entry(
    asked: Asked, payment: Payment, actor: Actor, now: datetime, **details: int | str | None
) -> AuditEntry:
    """Who asked for what, in the commit before the gateway is: `payment.capture_requested`,
    `payment.cancel_requested`. Should the answer be lost, the settler's line names nobody."""
    given = {
        name: withheld(value) if isinstance(value, str) else value
        for name, value in details.items()
    }
    after = _step(payment, f"A {asked} was requested.") | given
    return _entry(f"payment.{asked}_requested", payment, actor, now, before=None, after=after)


def unknown_entry(
    operation: Operation, payment: Payment, actor: Actor, now: datetime
) -> AuditEntry:
    """The answer to what the actor asked for was lost, and the settler will find out."""
    after = _of_operation(operation, payment, "Nobody knows yet what came of the {}.")
    return _entry("payment.outcome_unknown", payment, actor, now, before=None, after=after)


def review_entry(operation: Operation, payment: Payment, actor: Actor, now: datetime) -> AuditEntry:
    """The settler could not find out for a day, and people are called."""
    after = _of_operation(operation, payment, "People are to find out what came of the {}.")
    return _entry("payment.operation_in_review", payment, actor, now, before=None, after=after)


def given_up_entry(
    operation: Operation, payment: Payment, actor: Actor, now: datetime, reason: str
) -> AuditEntry:
    """Who ended an operation of unknown outcome, and why, in the commit before it ends."""
    said = "Somebody said that the {} was never performed."
    after = _of_operation(operation, payment, said) | {"reason": withheld(reason)}
    return _entry("payment.operation_given_up", payment, actor, now, before=None, after=after)


def payment_entry(before: Payment, after: Payment, actor: Actor, now: datetime) -> AuditEntry:
    """A payment moved, or its details became known."""
    verb = after.status.lower() if before.status is not after.status else "updated"
    picture = _payment(after) | {"message": _message(before, after)}
    return _entry(f"payment.{verb}", after, actor, now, before=_payment(before), after=picture)


def refund_entry(
    before: Refund | None, after: Refund, payment: Payment, actor: Actor, now: datetime
) -> AuditEntry:
    """The line that a refund adds to its payment's timeline."""
    moved = before is None or before.status is not after.status
    became = f"A refund became {after.status.value}."
    picture = _refund(after) | {
        "status": payment.status.value,
        "refunded": payment.refunded,
        "message": became if moved else "A refund's details were updated.",
    }
    return _entry(
        f"refund.{after.status.lower() if moved else 'updated'}",
        payment,
        actor,
        now,
        before=None if before is None else _refund(before),
        after=picture,
    )


def dispute_entry(
    before: Dispute | None, after: Dispute, payment: Payment, actor: Actor, now: datetime
) -> AuditEntry:
    """The line that a dispute adds to its payment's timeline."""
    picture = _dispute(after) | {
        "status": payment.status.value,
        "dispute_lost": payment.dispute_lost,
        "dispute_fee": payment.dispute_fee,
    }
    if after.currency == payment.currency:
        picture["amount"] = after.amount
    if before is None:
        verb, message = "opened", f"A dispute was opened ({after.reason})."
    elif before.status is not after.status:
        verb, message = after.status.lower(), f"A dispute became {after.status.value}."
    else:
        verb, message = "updated", "A dispute's details were updated."
    return _entry(
        f"dispute.{verb}",
        payment,
        actor,
        now,
        before=None if before is None else _dispute(before),
        after=picture | {"message": message},
    )


def _entry(
    action: str,
    payment: Payment,
    actor: Actor,
    now: datetime,
    *,
    before: Mapping[str, object] | None,
    after: Mapping[str, object],
) -> AuditEntry:
    return AuditEntry(
        id=new_id(Prefix.AUDIT_ENTRY),
        tenant_id=payment.tenant_id,
        at=now,
        actor=actor,
        action=action,
        subject_id=payment.id,
        before=before,
        after=after,
    )


def _step(payment: Payment, message: str) -> dict[str, object]:
    """A line that tells of no change of the payment."""
    return {
        "status": payment.status.value,
        "amount": payment.captured or payment.total,
        "currency": payment.currency,
        "message": message,
    }


def _of_operation(operation: Operation, payment: Payment, message: str) -> dict[str, object]:
    kind = operation.kind.value
    amount = {} if operation.amount is None else {"amount": operation.amount}
    named = {"operation_id": operation.id, "kind": kind}
    return _step(payment, message.format(kind.replace("_", " "))) | amount | named


def _order(order: Order) -> dict[str, object]:
    return {
        "status": order.status.value,
        "total": order.total,
        "captured": order.captured,
        "refunded": order.refunded,
        "remaining": order.remaining,
        "is_disputed": order.is_disputed,
        "currency": order.currency,
    }


def _payment(payment: Payment) -> dict[str, object]:
    return {
        "status": payment.status.value,
        "amount": payment.captured or payment.total,
        "currency": payment.currency,
        "authorized": payment.authorized,
        "captured": payment.captured,
        "refunded": payment.refunded,
        "platform_fee": payment.platform_fee,
        "platform_fee_refunded": payment.platform_fee_refunded,
        "gateway_fee": payment.gateway_fee,
        "gateway_fee_is_final": payment.gateway_fee_is_final,
        "dispute_lost": payment.dispute_lost,
        "dispute_fee": payment.dispute_fee,
        "gateway_payment_id": payment.gateway_payment_id,
        "decline_code": payment.failure.decline_code if payment.failure else None,
        "intent_is_closed": payment.intent_closed_at is not None,
    }


def _refund(refund: Refund) -> dict[str, object]:
    return {
        "refund_id": refund.id,
        "refund_status": refund.status.value,
        "amount": refund.amount,
        "platform_fee_refunded": refund.platform_fee_refunded,
    }


def _dispute(dispute: Dispute) -> dict[str, object]:
    funds = dispute.funds
    return {
        "dispute_id": dispute.id,
        "dispute_status": dispute.status.value,
        "disputed": dispute.amount,
        "disputed_currency": dispute.currency,
        "is_charge_refundable": dispute.is_charge_refundable,
        "withdrawn": funds.withdrawn if funds else 0,
        "reinstated": funds.reinstated if funds else 0,
        "fee_charged": funds.fee if funds else 0,
        "funds_currency": funds.currency if funds else None,
    }


def _message(before: Payment, after: Payment) -> str:
    if before.status is not after.status:
        return f"The payment became {after.status.value}."
    if after.intent_closed_at is not None and before.intent_closed_at is None:
        return "The gateway's intent was closed."
    if after.gateway_fee_is_final and not before.gateway_fee_is_final:
        return "The gateway's fee became known."
    return "The payment's details were updated."
