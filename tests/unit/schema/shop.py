"""A shop in memory behind the schema: what the database and the use cases would answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from strawberry.types import ExecutionResult

from domain.caller import Actor, Caller, Role
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
from domain.fees import FeeOverride, FeeQuote, FeeRefundPolicy, FeeTier
from domain.ids import Prefix, new_id
from domain.order import Order
from domain.payment import Payment
from domain.refund import Refund
from domain.reports import OrderFilter, Page, PageRequest, PaymentEvent, PaymentFilter
from domain.tenant import Tenant
from resolvers.context import Context
from schema.context import GraphContext
from schema.schema import schema
from tests.builders import NOW, TENANT, a_payment, a_refund, an_order
from tests.unit.schema.audit_shelf import AuditShelf
from tests.unit.schema.dispute_shelf import DisputeShelf
from tests.unit.schema.event_shelf import EventShelf, ReplayDesk
from tests.unit.schema.gateway_desk import GatewayDesk
from tests.unit.schema.journal import CheckoutDesk, Journal
from tests.unit.schema.metric_shelf import MetricShelf
from tests.unit.schema.price_desk import BookShelf, PriceDesk
from tests.unit.schema.watch_desk import WatchDesk

OTHER_ORDER = new_id(Prefix.ORDER)
TIER = FeeTier(
    id=new_id(Prefix.FEE_TIER),
    name="Starter",
    level=1,
    basis_points=300,
    fixed_fees={"USD": 30, "EUR": 25},
    description="For a start.",
    refund_policy=FeeRefundPolicy.RETURN_PROPORTIONALLY,
    is_default=True,
    is_archived=False,
)
MERCHANT = Tenant(
    id=TENANT,
    name="Acme",
    slug="acme",
    fee_tier_id=TIER.id,
    default_currency="USD",
    is_active=True,
    created_at=NOW,
)
CHARGE = """
    mutation ($order: ID!, $token: SafeText! = "pm_card_visa") {
      chargePayment(input: {
        orderId: $order, paymentMethod: {type: CARD, token: $token}, idempotencyKey: "k"
      }) {
        __typename
        ... on Error { code detailCode message retryable }
        ... on ValidationError { issues { path rule message } }
        ... on NotFoundError { id }
        ... on InvalidStateError { attempted order { id } }
        ... on PaymentDeclinedError { declineCode payment { status failure { userMessage } } }
        ... on GatewayError { gatewayType unsettled: payment { id } retryAfterSeconds }
        ... on IdempotencyError { idempotencyKey }
        ... on PaymentSuccess { replayed payment { id } }
      }
    }
"""
"""A charge that reads whatever comes of it. The schema's members differ in whether their payment
may be null, so one of them needs another name."""


def a_caller(*roles: Role, tenant_id: str | None = TENANT, order_id: str | None = None) -> Caller:
    """A caller with these roles, for the shop's tenant unless told otherwise."""
    return Caller(
        subject="user-1",
        tenant_id=tenant_id,
        roles=frozenset(roles),
        expires_at=datetime.now(UTC) + timedelta(hours=1),
        request_id="req-1",
        order_id=order_id,
    )


@dataclass
class Shelf(DisputeShelf):
    """Implements `Reads` over lists, newest first, and notes the name of every call."""

    all_payments: list[Payment] = field(default_factory=list)
    all_orders: list[Order] = field(default_factory=list)
    all_refunds: list[Refund] = field(default_factory=list)
    tiers: list[FeeTier] = field(default_factory=list)
    overrides: list[FeeOverride] = field(default_factory=list)
    merchant: Tenant | None = None

    async def tenant(self, tenant_id: str) -> Tenant | None:
        self.calls.append("tenant")
        return self.merchant if self.merchant and self.merchant.id == tenant_id else None

    async def payments(self, tenant_id: str, ids: Sequence[str]) -> Mapping[str, Payment]:
        self.calls.append("payments")
        return {at.id: at for at in self.all_payments if _own(at, tenant_id) and at.id in ids}

    async def orders(self, tenant_id: str, ids: Sequence[str]) -> Mapping[str, Order]:
        self.calls.append("orders")
        return {at.id: at for at in self.all_orders if _own(at, tenant_id) and at.id in ids}

    async def refunds(self, tenant_id: str, ids: Sequence[str]) -> Mapping[str, Refund]:
        self.calls.append("refunds")
        return {at.id: at for at in self.all_refunds if _own(at, tenant_id) and at.id in ids}

    async def order_by_reference(self, tenant_id: str, reference: str) -> Order | None:
        self.calls.append("order_by_reference")
        own = (at for at in self.all_orders if _own(at, tenant_id))
        return next((at for at in own if at.reference == reference), None)

    async def payment_page(
        self, tenant_id: str, where: PaymentFilter, page: PageRequest
    ) -> Page[Payment]:
        self.calls.append("payment_page")
        own = [at for at in self.all_payments if _own(at, tenant_id)]
        found = [at for at in own if where.order_id in (None, at.order_id)]
        return Page(found[: page.limit], has_next=len(found) > page.limit, has_previous=False)

    async def payment_count(self, tenant_id: str, where: PaymentFilter) -> int | None:
        self.calls.append("payment_count")
        return len(self.all_payments)

    async def order_page(
        self, tenant_id: str, where: OrderFilter, page: PageRequest
    ) -> Page[Order]:
        self.calls.append("order_page")
        found = [at for at in self.all_orders if _own(at, tenant_id)]
        return Page(found[: page.limit], has_next=len(found) > page.limit, has_previous=False)

    async def order_count(self, tenant_id: str, where: OrderFilter) -> int | None:
        self.calls.append("order_count")
        return len(self.all_orders)

    async def refund_page(self, tenant_id: str, payment_id: str, page: PageRequest) -> Page[Refund]:
        self.calls.append("refund_page")
        found = [at for at in self.all_refunds if at.payment_id == payment_id]
        return Page(found[: page.limit], has_next=len(found) > page.limit, has_previous=False)

    async def refund_count(self, tenant_id: str, payment_id: str) -> int | None:
        self.calls.append("refund_count")
        return len(self.all_refunds)

    async def timeline_page(
        self, tenant_id: str, payment_id: str, page: PageRequest
    ) -> Page[PaymentEvent]:
        self.calls.append("timeline_page")
        return Page((), has_next=False, has_previous=False)

    async def timeline_count(self, tenant_id: str, payment_id: str) -> int | None:
        self.calls.append("timeline_count")
        return 0

    async def fee_tiers(self, *, include_archived: bool) -> Sequence[FeeTier]:
        self.calls.append("fee_tiers")
        return [tier for tier in self.tiers if include_archived or not tier.is_archived]

    async def fee_overrides_of(self, tenant_id: str) -> Sequence[FeeOverride]:
        self.calls.append("fee_overrides_of")
        return [at for at in self.overrides if _own(at, tenant_id)]

    async def fee_overrides(self, tenant_id: str, ids: Sequence[str]) -> Mapping[str, FeeOverride]:
        self.calls.append("fee_overrides")
        return {at.id: at for at in self.overrides if _own(at, tenant_id) and at.id in ids}


Command = CreateOrder | CancelOrder | StartPayment | CapturePayment | CancelPayment | RefundPayment


@dataclass
class Till:
    """Implements the use cases: notes each command, and raises or gives what it was told."""

    raises: Exception | None = None
    quoted: FeeQuote | None = None
    heard: list[Command] = field(default_factory=list)

    async def create(self, actor: Actor, tenant_id: str, command: CreateOrder) -> OrderDone:
        self._hear(command)
        return OrderDone(an_order(reference=command.reference), replayed=False)

    async def authorize(self, actor: Actor, tenant_id: str, command: StartPayment) -> PaymentDone:
        return self._paid(command)

    async def charge(self, actor: Actor, tenant_id: str, command: StartPayment) -> PaymentDone:
        return self._paid(command)

    async def capture(self, actor: Actor, tenant_id: str, command: CapturePayment) -> PaymentDone:
        return self._paid(command)

    async def cancel(self, actor: Actor, tenant_id: str, command: CancelPayment) -> PaymentDone:
        return self._paid(command)

    async def refund(self, actor: Actor, tenant_id: str, command: RefundPayment) -> RefundDone:
        self._hear(command)
        return RefundDone(a_refund(), a_payment(), replayed=False)

    async def quote(self, tenant_id: str, amount: int, currency: str) -> FeeQuote:
        if self.raises is not None or self.quoted is None:
            raise self.raises or LookupError("nothing to quote")
        return self.quoted

    async def look_soon(self, payment: Payment) -> None: ...

    def _paid(self, command: Command) -> PaymentDone:
        self._hear(command)
        return PaymentDone(a_payment(), replayed=False)

    def _hear(self, command: Command) -> None:
        self.heard.append(command)
        if self.raises is not None:
            raise self.raises


@dataclass
class OrderDesk:
    """Implements the use cases of orders over a till."""

    till: Till

    async def create(self, actor: Actor, tenant_id: str, command: CreateOrder) -> OrderDone:
        return await self.till.create(actor, tenant_id, command)

    async def cancel(self, actor: Actor, tenant_id: str, command: CancelOrder) -> OrderDone:
        self.till.heard.append(command)
        if self.till.raises is not None:
            raise self.till.raises
        return OrderDone(an_order(), replayed=False)


def a_context(
    caller: Caller,
    shelf: Shelf | None = None,
    till: Till | None = None,
    gateways: GatewayDesk | None = None,
    replays: ReplayDesk | None = None,
    prices: PriceDesk | None = None,
    watch: WatchDesk | None = None,
    metrics: MetricShelf | None = None,
) -> Context:
    """One request of the caller to the shop."""
    till, prices, watch = till or Till(), prices or PriceDesk(), watch or WatchDesk()
    return Context(
        caller=caller,
        orders=OrderDesk(till),
        payments=till,
        checkout=CheckoutDesk(),
        gateways=gateways or GatewayDesk(),
        replays=replays or ReplayDesk(),
        acting=Journal(),
        pricing=prices,
        platform=prices,
        alerts=watch,
        watch=watch,
        metrics=metrics or MetricShelf(),
        books=BookShelf(),
        reads=shelf or Shelf(),
        audit=AuditShelf(),
        inbox=replays.shelf if replays else EventShelf(),
    )


async def execute(
    document: str,
    *,
    caller: Caller,
    shelf: Shelf | None = None,
    till: Till | None = None,
    gateways: GatewayDesk | None = None,
    replays: ReplayDesk | None = None,
    prices: PriceDesk | None = None,
    watch: WatchDesk | None = None,
    metrics: MetricShelf | None = None,
    variables: dict[str, object] | None = None,
) -> ExecutionResult:
    """The schema's answer to the caller."""
    base = a_context(caller, shelf, till, gateways, replays, prices, watch, metrics)
    context = GraphContext(base, may_introspect=True)
    return await schema.execute(document, variable_values=variables, context_value=context)


def _own(at: Payment | Order | Refund | FeeOverride, tenant_id: str) -> bool:
    return at.tenant_id == tenant_id
