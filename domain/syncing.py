"""One payment brought in step with the gateway at somebody's word: what a lost event or a crash has
left behind is read and recorded now, by the code that events and the settler record with."""

from __future__ import annotations

from dataclasses import dataclass

from domain.caller import Actor
from domain.errors import NotFound
from domain.event_ends import READS_MAX
from domain.event_reading import Picture, read_everything, record_picture
from domain.gateway import PaymentGateway
from domain.operation import Operation, OperationState
from domain.payment import Payment
from domain.ports import Clock, Database, Wake
from domain.recording import lock_payment
from domain.settling import Settler
from domain.tenant import GatewayAccount

_MAY_HAVE_TAKEN_EFFECT = frozenset(
    {OperationState.SENDING, OperationState.UNKNOWN, OperationState.MANUAL_REVIEW}
)


class PaymentMoves(Exception):
    """The payment moved with every read of the gateway; nothing was recorded by this one."""


@dataclass(frozen=True, slots=True)
class Synced:
    """The payment before and after, and the operations that are still open."""

    before: Payment
    after: Payment
    still_open: tuple[Operation, ...]


class PaymentSync:
    """Reads the gateway about a payment. It sends nothing that moves money."""

    def __init__(
        self, database: Database, gateway: PaymentGateway, wake: Wake, clock: Clock
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._wake = wake
        self._clock = clock
        self._settler = Settler(database, gateway, wake, clock)

    async def sync(
        self, tenant_id: str, payment_id: str, actor: Actor, *, found_intent_id: str | None = None
    ) -> Synced:
        """Settles the payment's operations whose outcome is unknown, as far as reading settles
        them, and records its intent, refunds and disputes as the gateway has them. Where we do not
        know its intent, it is the one that was found.

        Raises NotFound, GatewayProblem, SnapshotMismatch, TooEarly and PaymentMoves; what was
        recorded before stays.
        """
        before, account, operations = await self._at_hand(tenant_id, payment_id)
        for operation in operations:
            if operation.state in _MAY_HAVE_TAKEN_EFFECT:
                await self._settler.read(operation, actor)
        await self._record(before, account, actor, found_intent_id)
        after, _, still_open = await self._at_hand(tenant_id, payment_id)
        return Synced(before, after, still_open)

    async def _at_hand(
        self, tenant_id: str, payment_id: str
    ) -> tuple[Payment, GatewayAccount, tuple[Operation, ...]]:
        async with self._database.begin(tenant_id) as work:
            payment = await work.payments.find(tenant_id, payment_id)
            if payment is None:
                raise NotFound(payment_id)
            account = await work.tenants.gateway_by_id(payment.gateway_id)
            if account is None:
                raise NotFound(payment.gateway_id)
            operations = await work.operations.open_of_payment(tenant_id, payment_id)
        return payment, account, tuple(operations)

    async def _record(
        self, payment: Payment, account: GatewayAccount, actor: Actor, found_intent_id: str | None
    ) -> None:
        for _ in range(READS_MAX):
            payment, _, _ = await self._at_hand(payment.tenant_id, payment.id)
            intent_id = payment.gateway_payment_id or found_intent_id
            if intent_id is None:
                return  # nothing of it is at the gateway, as far as is known
            picture = await read_everything(self._gateway, account, intent_id)
            if await self._recorded(payment, picture, actor):
                return
        raise PaymentMoves(payment.id)

    async def _recorded(self, read: Payment, picture: Picture, actor: Actor) -> bool:
        """False, with nothing written, where the payment moved since it was read."""
        async with self._database.begin(read.tenant_id) as work:
            _, payment = await lock_payment(work, read.tenant_id, read.id)
            if payment.version != read.version:
                return False
            woken = await record_picture(work, payment, picture, actor=actor, now=self._clock.now())
            await work.commit()
        for operation_id in woken:
            await self._wake.operation(operation_id)
        return True
