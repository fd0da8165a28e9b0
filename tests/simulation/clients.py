"""Merchants' servers: they ask, hang up, ask again with one key, and remember what they heard."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from domain.caller import Actor, AuditActorType
from domain.commands import (
    CancelOrder,
    CancelPayment,
    CapturePayment,
    CreateOrder,
    OrderDone,
    PaymentDone,
    RefundDone,
    RefundPayment,
    StartPayment,
)
from domain.errors import (
    DomainError,
    GatewayUnavailable,
    IdempotencyInProgress,
    OutcomeUnknown,
)
from domain.order import Order
from domain.payment import GatewayType, Payment, PaymentMethodType, PaymentStatus
from domain.ports import DatabaseUnavailable
from domain.refund import RefundReason
from domain.tenant import Tenant
from tests.simulation.turns import Killed
from tests.simulation.world import World

_USER = Actor(AuditActorType.USER, "simulated")
_TRIES_MAX = 4

CARDS = (
    *(["pm_card_visa"] * 6),
    "pm_card_chargeDeclined",
    "pm_card_threeDSecureRequired",
    "pm_card_pendingRefund",
    "pm_card_refundFail",
    "pm_card_sandbox_processing",
)

STARTS = ("charge", "authorize")
KINDS = (*STARTS, *(["capture"] * 3), *(["refund"] * 4), "cancel", "cancel_order")

SENSIBLE: Mapping[PaymentStatus | None, Sequence[str]] = {
    PaymentStatus.PENDING: ("cancel",),
    PaymentStatus.REQUIRES_ACTION: ("cancel",),
    PaymentStatus.AUTHORIZED: ("capture", "capture", "capture", "cancel"),
    PaymentStatus.PAID: ("refund",),
}
"""For everything else, and for an order without a payment, STARTS."""

Done = PaymentDone | RefundDone | OrderDone
Ask = Callable[[], Awaitable[Done]]


@dataclass
class Heard:
    """What one call with one key was answered, in the order of the answers."""

    kind: str
    key: str
    order_id: str
    answers: list[Done | DomainError | str] = field(default_factory=list)

    @property
    def done(self) -> list[Done]:
        """The successes among them."""
        return [each for each in self.answers if isinstance(each, Done)]


@dataclass
class Shop:
    """One order, and whoever acts on it."""

    world: World
    tenant: Tenant
    order: Order
    chance: random.Random
    heard: list[Heard] = field(default_factory=list)
    acting: set[str] = field(default_factory=set)
    """Whoever acted on it, by the actor's name."""

    async def act(self) -> None:
        """One action that makes sense or not, with a key of its own, now and then at twice."""
        kind = await self._kind()
        heard = Heard(kind, f"{kind}-{len(self.heard)}-{self.chance.getrandbits(40):x}", "")
        heard.order_id = self.order.id
        ask = await self._ask(kind, heard.key)
        if ask is None:
            return
        self.heard.append(heard)
        if self.chance.random() < 0.35:
            self.world.turns.start(f"twin {heard.key}", self._insist(heard, ask))
        await self._insist(heard, ask)

    async def _kind(self) -> str:
        """What makes sense for the order as it is, mostly."""
        if self.chance.random() < 0.2:
            return self.chance.choice(KINDS)
        payment = await self._payment()
        status = None if payment is None else payment.status
        return self.chance.choice(SENSIBLE.get(status, STARTS))

    async def _insist(self, heard: Heard, ask: Ask) -> None:
        """Until there is an answer that says how it ended, or patience does."""
        for _ in range(_TRIES_MAX):
            try:
                heard.answers.append(await ask())
                return
            except (OutcomeUnknown, IdempotencyInProgress, GatewayUnavailable) as again:
                heard.answers.append(again)
            except DomainError as refusal:
                heard.answers.append(refusal)
                return
            except (DatabaseUnavailable, Killed) as lost:
                heard.answers.append(type(lost).__name__)
            if self.chance.random() < 0.3:
                return
            await self.world.turns.point("the client waits")

    async def _ask(self, kind: str, key: str) -> Ask | None:
        world, tenant = self.world, self.tenant.id
        if kind in {"charge", "authorize"}:
            command = self._start(key)
            return lambda: getattr(world.payments(), kind)(_USER, tenant, command)
        if kind == "cancel_order":
            close = CancelOrder(order_id=self.order.id, idempotency_key=key)
            return lambda: world.orders().cancel(_USER, tenant, close)
        payment = await self._payment()
        if payment is None:
            return None
        payment_id = payment.id
        amount = self.chance.choice((None, 2_500, 2_500, 4_000, 7_000))
        if kind == "capture":
            take = CapturePayment(payment_id=payment_id, amount=amount, idempotency_key=key)
            return lambda: world.payments().capture(_USER, tenant, take)
        if kind == "cancel":
            release = CancelPayment(payment_id=payment_id, idempotency_key=key)
            return lambda: world.payments().cancel(_USER, tenant, release)
        back = RefundPayment(
            payment_id=payment_id,
            amount=amount,
            reason=RefundReason.REQUESTED_BY_CUSTOMER,
            idempotency_key=key,
        )
        return lambda: world.payments().refund(_USER, tenant, back)

    def _start(self, key: str) -> StartPayment:
        return StartPayment(
            order_id=self.order.id,
            payment_method_type=PaymentMethodType.CARD,
            payment_method_ref=self.chance.choice(CARDS),
            gateway_type=GatewayType.STRIPE,
            idempotency_key=key,
            return_url="https://shop.example/back",
            metadata={},
        )

    async def _payment(self) -> Payment | None:
        """The newest payment of the order, as a merchant would look it up."""
        async with self.world.api_database.begin(self.tenant.id) as work:
            payments = await work.payments.of_order(self.tenant.id, self.order.id)
        return payments[-1] if payments else None


async def opened_order(world: World, tenant: Tenant, chance: random.Random) -> Shop:
    """A shop with a fresh order of 100.00."""
    reference = f"{chance.getrandbits(60):x}"
    command = CreateOrder(
        reference=reference, total=10_000, currency="USD", idempotency_key=reference, metadata={}
    )
    done = await world.orders().create(_USER, tenant.id, command)
    return Shop(world, tenant, done.order, chance)
