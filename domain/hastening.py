"""Who reads a payment of which something is not known has it looked at now."""

from __future__ import annotations

import logging

from domain.payment import Payment, PaymentStatus
from domain.ports import Clock, Database, DatabaseUnavailable, Wake
from domain.settling import LEASE

_SETTLED = frozenset({PaymentStatus.FAILED, PaymentStatus.CANCELED, PaymentStatus.EXPIRED})
_log = logging.getLogger(__name__)


class Hastening:
    """Brings the settler's next look forward. The reader does not wait for it."""

    def __init__(self, database: Database, wake: Wake, clock: Clock) -> None:
        self._database = database
        self._wake = wake
        self._clock = clock

    async def look_soon(self, payment: Payment) -> None:
        """Has the payment's operations of unknown outcome looked at, where their next look is more
        than a lease away: what is due sooner may be in a worker's hands, who must stay alone with
        it. Never raises for the database: the payment was read, and the settler comes anyway.
        """
        if payment.status in _SETTLED or (
            payment.status is PaymentStatus.PAID and not payment.refund_pending
        ):
            return
        now = self._clock.now()
        try:
            async with self._database.begin(payment.tenant_id) as work:
                hastened = await work.operations.hasten(
                    payment.tenant_id, payment.id, now, due_after=now + LEASE
                )
                if hastened:
                    await work.commit()
        except DatabaseUnavailable as away:
            _log.info("payment %s is not looked at sooner: %s", payment.id, away)
            return
        for operation_id in hastened:
            await self._wake.operation(operation_id)
