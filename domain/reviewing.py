"""Operations whose outcome nobody could find for a day: handed to people, and ended by them.

Money is booked by the gateway's own object alone. So a person can say one thing, that the gateway
never did it; what it did is read from it (`domain.syncing`), however late.
"""

from __future__ import annotations

from domain.answers import NEVER_PERFORMED
from domain.audit_lines import given_up_entry
from domain.caller import Actor
from domain.errors import NotFound
from domain.gateway import PaymentGateway
from domain.operation import OperationState
from domain.operations import OperationRunner, Outcome
from domain.ports import Clock, Database, Wake
from domain.recording import lock_payment


class NotUnderReview(Exception):
    """The operation is not in MANUAL_REVIEW: it has ended, or the settler is still at it."""


class OperationReview:
    """Ends operations at a person's word."""

    def __init__(
        self, database: Database, gateway: PaymentGateway, wake: Wake, clock: Clock
    ) -> None:
        self._database = database
        self._clock = clock
        self._runner = OperationRunner(database, gateway, wake, clock)

    async def give_up(
        self, tenant_id: str, operation_id: str, actor: Actor, *, reason: str
    ) -> Outcome:
        """Ends the operation as never performed: what it had reserved is free again, and a payment
        without an intent has failed. `reason` is kept in the audit, with `actor`.

        Should the gateway have done it after all, its event is booked and alerted. Raises NotFound,
        NotUnderReview and DatabaseUnavailable.
        """
        now = self._clock.now()
        async with self._database.begin(tenant_id) as work:
            found = await work.operations.find(tenant_id, operation_id)
            if found is None:
                raise NotFound(operation_id)
            _, payment = await lock_payment(work, tenant_id, found.payment_id)
            operation = await work.operations.lock(tenant_id, operation_id)
            if operation.state is not OperationState.MANUAL_REVIEW:
                raise NotUnderReview(operation.state)
            await work.audit.append(given_up_entry(operation, payment, actor, now, reason))
            await work.commit()
        return await self._runner.record(operation, NEVER_PERFORMED, actor)
