"""What the platform took of a connected account beyond its fee, and the operation that returns it.

It is planned in the commit that makes it due, a refund or a capture, and sent by the worker: no
answer waits for it, and its failure fails nothing else.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from domain.currency import floor_to_gateway
from domain.operation import OperationKind
from domain.payment import Payment
from domain.ports import Work
from domain.progress import unsent_operation


def due_fee_refund(payment: Payment) -> int:
    """What is to be returned now, in minor units: no more than the gateway can express."""
    return floor_to_gateway(payment.fee_to_return, payment.currency)


async def plan_fee_refund(work: Work, payment: Payment, now: datetime) -> tuple[str, ...]:
    """Adds the operation that returns what is due, unless one is open, whose end plans the next.
    The payment must be locked. Returns operations to wake after the commit."""
    amount = due_fee_refund(payment)
    if amount == 0:
        return ()
    open_operations = await work.operations.open_of_payment(payment.tenant_id, payment.id)
    if any(found.kind is OperationKind.FEE_REFUND for found in open_operations):
        return ()
    operation = replace(unsent_operation(OperationKind.FEE_REFUND, payment, now), amount=amount)
    await work.operations.add(operation)
    return (operation.id,)
