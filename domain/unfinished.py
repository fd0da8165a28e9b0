"""Payments whose payers began 3-D Secure and never came back: their orders wait for nobody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from domain.audit_lines import asked_entry
from domain.caller import Actor, AuditActorType
from domain.operation import OperationKind
from domain.payment import PaymentStatus
from domain.ports import Clock, Database, Wake
from domain.progress import unsent_operation
from domain.recording import lock_payment

ACTION_MAX = timedelta(hours=1)
"""How long a payer has for what the bank asks. Meanwhile the payment holds its order; the gateway
itself keeps such an intent open for good (docs.stripe.com/payments/paymentintents/lifecycle)."""

_WHY = "The payer did not finish it in time."
_CLEANER = Actor(AuditActorType.SYSTEM, "unfinished payments")


class UnfinishedReads(Protocol):
    """What the worker may know of every tenant's payments."""

    async def unfinished(self, before: datetime) -> Sequence[tuple[str, str]]:
        """Tenant and payment of those that were made before then and wait for their payers, oldest
        first, 100 at most. Raises DatabaseUnavailable."""
        ...


class UnfinishedPayments:
    """Has them canceled at the gateway, by the operation protocol."""

    def __init__(
        self, database: Database, reads: UnfinishedReads, wake: Wake, clock: Clock
    ) -> None:
        self._database = database
        self._reads = reads
        self._wake = wake
        self._clock = clock

    async def cancel_old(self) -> int:
        """Asks for the cancel of each that is ACTION_MAX old; how many. Raises DatabaseUnavailable.

        A payer who finishes at that very moment wins or loses at the gateway, as against any
        cancel.
        """
        before = self._clock.now() - ACTION_MAX
        asked = 0
        for tenant_id, payment_id in await self._reads.unfinished(before):
            asked += await self._cancel(tenant_id, payment_id)
        return asked

    async def _cancel(self, tenant_id: str, payment_id: str) -> bool:
        now = self._clock.now()
        async with self._database.begin(tenant_id) as work:
            _, payment = await lock_payment(work, tenant_id, payment_id)
            under_way = await work.operations.open_of_payment(tenant_id, payment_id)
            if payment.status is not PaymentStatus.REQUIRES_ACTION or under_way:
                return False
            cancel = unsent_operation(OperationKind.CANCEL, payment, now)
            await work.operations.add(cancel)
            await work.audit.append(asked_entry("cancel", payment, _CLEANER, now, reason=_WHY))
            await work.commit()
        await self._wake.operation(cancel.id)
        return True
