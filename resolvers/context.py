"""What a resolver is given: who asks, the use cases, and the reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.alert import Alert
from domain.alert_ports import AlertReads
from domain.audit_reading import AuditReads
from domain.caller import Actor, Caller
from domain.checkout import CheckoutToken
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
from domain.configuring import ShownGateway
from domain.errors import Forbidden
from domain.fees import FeeOverride, FeeQuote, FeeTier
from domain.gateway_rules import ConfigureGateway
from domain.inbox_reading import EventFilter, EventRecord, InboxReads
from domain.ledger_ports import LedgerReads
from domain.metrics import MetricReads
from domain.payment import Payment
from domain.ports import Reads
from domain.pricing_ports import PlatformReads
from domain.pricing_rules import CreateTenant, PriceTier, SetOverride
from domain.replaying import BulkReplayed
from domain.tenant import Tenant
from resolvers.access import TENANT_NEEDED


class OrderUseCases(Protocol):
    """Opens and closes orders. Each raises the errors of `domain.errors`."""

    async def create(self, actor: Actor, tenant_id: str, command: CreateOrder) -> OrderDone: ...

    async def cancel(self, actor: Actor, tenant_id: str, command: CancelOrder) -> OrderDone: ...


class PaymentUseCases(Protocol):
    """Moves money. Each raises the errors of `domain.errors`."""

    async def authorize(
        self, actor: Actor, tenant_id: str, command: StartPayment
    ) -> PaymentDone: ...

    async def charge(self, actor: Actor, tenant_id: str, command: StartPayment) -> PaymentDone: ...

    async def capture(
        self, actor: Actor, tenant_id: str, command: CapturePayment
    ) -> PaymentDone: ...

    async def cancel(self, actor: Actor, tenant_id: str, command: CancelPayment) -> PaymentDone: ...

    async def refund(self, actor: Actor, tenant_id: str, command: RefundPayment) -> RefundDone: ...

    async def quote(self, tenant_id: str, amount: int, currency: str) -> FeeQuote: ...

    async def look_soon(self, payment: Payment) -> None: ...


class CheckoutUseCases(Protocol):
    """Gives out checkout tokens."""

    async def create(
        self, actor: Actor, tenant_id: str, order_id: str, ttl_seconds: int
    ) -> CheckoutToken: ...


class GatewayUseCases(Protocol):
    """Shows and changes whose accounts take a tenant's money."""

    async def of_tenant(self, tenant_id: str) -> Sequence[ShownGateway]: ...

    async def configure(
        self, actor: Actor, tenant_id: str, command: ConfigureGateway, *, by_platform: bool
    ) -> ShownGateway: ...


class PricingUseCases(Protocol):
    """Sets prices and takes on tenants. Each raises the errors of `domain.errors`."""

    async def create_tier(self, actor: Actor, wanted: PriceTier) -> FeeTier: ...

    async def update_tier(self, actor: Actor, tier_id: str, wanted: PriceTier) -> FeeTier: ...

    async def archive_tier(self, actor: Actor, tier_id: str) -> FeeTier: ...

    async def assign_tier(self, actor: Actor, tenant_id: str, tier_id: str) -> Tenant: ...

    async def set_override(self, actor: Actor, wanted: SetOverride) -> FeeOverride: ...

    async def end_override(self, actor: Actor, override_id: str) -> FeeOverride: ...

    async def create_tenant(self, actor: Actor, wanted: CreateTenant) -> Tenant: ...


class AlertUseCases(Protocol):
    """Takes on alerts."""

    async def acknowledge(self, actor: Actor, alert_id: str) -> Alert: ...


class ReplayUseCases(Protocol):
    """Has webhook events worked off once more."""

    async def replay(self, actor: Actor, tenant_id: str, webhook_event_id: str) -> EventRecord: ...

    async def replay_dead(
        self, actor: Actor, tenant_id: str, where: EventFilter
    ) -> BulkReplayed: ...


class ActingUseCases(Protocol):
    """Writes down that the platform's people act within a tenant."""

    async def record(
        self, actor: Actor, tenant_id: str, *, reason: str, operation: str
    ) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One request: the caller, and what serves it."""

    caller: Caller
    orders: OrderUseCases
    payments: PaymentUseCases
    checkout: CheckoutUseCases
    gateways: GatewayUseCases
    replays: ReplayUseCases
    acting: ActingUseCases
    pricing: PricingUseCases
    alerts: AlertUseCases
    watch: AlertReads
    metrics: MetricReads
    platform: PlatformReads
    books: LedgerReads
    reads: Reads
    audit: AuditReads
    inbox: InboxReads

    @property
    def tenant_id(self) -> str:
        """The tenant that the request is about. Raises Forbidden when the token names none."""
        if self.caller.tenant_id is None:
            raise Forbidden(TENANT_NEEDED)
        return self.caller.tenant_id
