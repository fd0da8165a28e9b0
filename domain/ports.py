"""What the domain needs from outside. `db`, `webhooks` and `domain.gateways` implement it.

Lock order, everywhere: order, payment, then its refunds, disputes and operations, then their keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from domain.alert import Alert
from domain.audit import AuditEntry
from domain.dispute_ports import DisputeReads, DisputeStore
from domain.fees import FeeOverride, FeeTier
from domain.idempotency import IdempotencyRecord
from domain.inbox_store import InboxStore
from domain.ledger_ports import LedgerStore
from domain.operation import Operation
from domain.order import Order
from domain.payment import GatewayType, Payment
from domain.refund import Refund
from domain.reports import OrderFilter, Page, PageRequest, PaymentEvent, PaymentFilter
from domain.tenant import GatewayAccount, Tenant


class DatabaseUnavailable(Exception):
    """The database did not do it now: unreachable, shutting down, out of connections, or a lock or
    a statement took too long. Nothing was kept; only where `commit` raised it, that is not known.
    Any call of a store, of `Database` or of `Reads` may raise it."""


class DatabaseContended(DatabaseUnavailable):
    """Two transactions stood in each other's way, and this one was ended: nothing of it was kept,
    and the same may well do it now."""


class StaleWrite(Exception):
    """The row is not the one that was read: it was written without being locked first."""


class ReferenceTaken(Exception):
    """The tenant already has an order with this reference. The transaction can go on."""


class Clock(Protocol):
    """The time, aware and in UTC."""

    def now(self) -> datetime: ...


class Cipher(Protocol):
    """Authenticated encryption. `context` is bound to the ciphertext and must be the same again."""

    def encrypt(self, plaintext: bytes, context: str) -> bytes: ...

    def decrypt(self, ciphertext: bytes, context: str) -> bytes:
        """Raises ValueError for a ciphertext that was altered, moved or made with a lost key."""
        ...


class Wake(Protocol):
    """Shortens the worker's wait after a commit. It never raises: the loops find the work."""

    async def operation(self, operation_id: str) -> None: ...

    async def webhook_event(self, webhook_event_id: str, attempts: int) -> None: ...

    async def webhook_events(self, webhook_event_ids: Sequence[str]) -> None: ...


class OrderStore(Protocol):
    async def add(self, order: Order) -> None:
        """Raises ReferenceTaken when the tenant already has an order with this reference."""
        ...

    async def find(self, tenant_id: str, order_id: str) -> Order | None: ...

    async def lock(self, tenant_id: str, order_id: str) -> Order:
        """The order, its row locked until the transaction ends. Raises NotFound."""
        ...

    async def save(self, order: Order) -> None: ...


class PaymentStore(Protocol):
    async def add(self, payment: Payment) -> None: ...

    async def find(self, tenant_id: str, payment_id: str) -> Payment | None: ...

    async def lock(self, tenant_id: str, payment_id: str) -> Payment:
        """The payment, its row locked until the transaction ends; its order must be locked first.
        Raises NotFound."""
        ...

    async def of_order(self, tenant_id: str, order_id: str) -> Sequence[Payment]:
        """All payments of the order, oldest first."""
        ...

    async def save(self, payment: Payment) -> None:
        """Writes the payment and raises its version by one. Raises StaleWrite when the stored
        version is not the payment's."""
        ...


class RefundStore(Protocol):
    async def add(self, refund: Refund) -> None: ...

    async def find(self, tenant_id: str, refund_id: str) -> Refund | None: ...

    async def find_by_gateway_id(self, tenant_id: str, gateway_refund_id: str) -> Refund | None: ...

    async def of_payment(self, tenant_id: str, payment_id: str) -> Sequence[Refund]:
        """All refunds of the payment, oldest first."""
        ...

    async def save(self, refund: Refund) -> None: ...


class OperationStore(Protocol):
    async def add(self, operation: Operation) -> None: ...

    async def find(self, tenant_id: str, operation_id: str) -> Operation | None: ...

    async def lock(self, tenant_id: str, operation_id: str) -> Operation:
        """The operation, its row locked until the transaction ends. Raises NotFound."""
        ...

    async def open_of_payment(self, tenant_id: str, payment_id: str) -> Sequence[Operation]:
        """Operations of the payment in a state of `operation.OPEN`, oldest first."""
        ...

    async def save(self, operation: Operation) -> None: ...

    async def hasten(
        self, tenant_id: str, payment_id: str, now: datetime, *, due_after: datetime
    ) -> Sequence[str]:
        """Makes UNKNOWN operations of the payment due now that were due after `due_after`; their
        ids."""
        ...

    async def claim_due(
        self, now: datetime, *, lease_until: datetime, sending_before: datetime, limit: int
    ) -> Sequence[Operation]:
        """Operations of any tenant to settle: CREATED or UNKNOWN with `due_at` <= now, and SENDING
        whose `last_sent_at` is before `sending_before`, which becomes UNKNOWN. Sets their `due_at`
        to `lease_until`; leaves out rows that another worker holds."""
        ...

    async def claim(
        self, operation_id: str, now: datetime, *, lease_until: datetime, sending_before: datetime
    ) -> Operation | None:
        """The same for one operation, None when it is not due or another worker holds it."""
        ...


class IdempotencyStore(Protocol):
    async def claim(self, record: IdempotencyRecord) -> IdempotencyRecord | None:
        """Inserts the record and returns None, or returns the one that is there, not locked. Waits
        for a concurrent transaction that claims the same key."""
        ...

    async def find(self, tenant_id: str, record_id: str) -> IdempotencyRecord | None: ...

    async def save(self, record: IdempotencyRecord) -> None: ...


class TenantStore(Protocol):
    async def find(self, tenant_id: str) -> Tenant | None: ...

    async def gateway(self, tenant_id: str, gateway_type: GatewayType) -> GatewayAccount | None:
        """The tenant's enabled account at this gateway."""
        ...

    async def gateway_by_id(self, gateway_id: str) -> GatewayAccount | None: ...

    async def gateway_by_account(self, account_id: str, *, livemode: bool) -> GatewayAccount | None:
        """The row of a connected account."""
        ...

    async def platform_gateway(
        self, gateway_type: GatewayType, *, livemode: bool
    ) -> GatewayAccount:
        """The platform's own row of that mode."""
        ...

    async def fee_source(self, tenant_id: str, at: datetime) -> tuple[FeeTier, FeeOverride | None]:
        """The tenant's tier and its override in force at that time. Raises NotFound."""
        ...


class AuditStore(Protocol):
    async def append(self, entry: AuditEntry) -> None: ...


class AlertStore(Protocol):
    async def open(self, alert: Alert) -> bool:
        """Opens the alert unless one with its rule and subject is open; says whether it did."""
        ...

    async def count_open(self, rule: str, tenant_id: str | None) -> int:
        """How many alerts of the rule are open about this tenant, or about nobody's matters; for
        the worker, who alone may see them."""
        ...

    async def close(self, tenant_id: str, rule: str, subject_id: str, now: datetime) -> None:
        """Closes the alert where it is open; for the worker, who alone may."""
        ...


class Work(Protocol):
    """One database transaction. Nothing is kept unless `commit` is called."""

    @property
    def orders(self) -> OrderStore: ...
    @property
    def payments(self) -> PaymentStore: ...
    @property
    def refunds(self) -> RefundStore: ...
    @property
    def disputes(self) -> DisputeStore: ...

    @property
    def ledger(self) -> LedgerStore: ...
    @property
    def operations(self) -> OperationStore: ...
    @property
    def keys(self) -> IdempotencyStore: ...
    @property
    def tenants(self) -> TenantStore: ...
    @property
    def audit(self) -> AuditStore: ...
    @property
    def alerts(self) -> AlertStore: ...
    @property
    def inbox(self) -> InboxStore: ...

    async def commit(self) -> None: ...


class Database(Protocol):
    """Opens transactions: for one tenant, or for the worker across tenants."""

    def begin(self, tenant_id: str) -> AbstractAsyncContextManager[Work]: ...

    def begin_across_tenants(self) -> AbstractAsyncContextManager[Work]: ...


class Reads(DisputeReads, Protocol):
    """What readers see; every call leads with the tenant and opens its own short transaction."""

    async def tenant(self, tenant_id: str) -> Tenant | None: ...

    async def payments(self, tenant_id: str, ids: Sequence[str]) -> Mapping[str, Payment]: ...

    async def orders(self, tenant_id: str, ids: Sequence[str]) -> Mapping[str, Order]: ...

    async def refunds(self, tenant_id: str, ids: Sequence[str]) -> Mapping[str, Refund]: ...

    async def order_by_reference(self, tenant_id: str, reference: str) -> Order | None: ...

    async def payment_page(
        self, tenant_id: str, where: PaymentFilter, page: PageRequest
    ) -> Page[Payment]: ...

    async def payment_count(self, tenant_id: str, where: PaymentFilter) -> int | None:
        """How many there are; None above `reports.COUNT_MAX`."""
        ...

    async def order_page(
        self, tenant_id: str, where: OrderFilter, page: PageRequest
    ) -> Page[Order]: ...

    async def order_count(self, tenant_id: str, where: OrderFilter) -> int | None: ...

    async def refund_page(
        self, tenant_id: str, payment_id: str, page: PageRequest
    ) -> Page[Refund]: ...

    async def refund_count(self, tenant_id: str, payment_id: str) -> int | None: ...

    async def timeline_page(
        self, tenant_id: str, payment_id: str, page: PageRequest
    ) -> Page[PaymentEvent]:
        """The payment's audit entries as a timeline, newest first."""
        ...

    async def timeline_count(self, tenant_id: str, payment_id: str) -> int | None: ...

    async def fee_tiers(self, *, include_archived: bool) -> Sequence[FeeTier]: ...

    async def fee_overrides_of(self, tenant_id: str) -> Sequence[FeeOverride]:
        """All overrides of the tenant, newest first."""
        ...

    async def fee_overrides(
        self, tenant_id: str, ids: Sequence[str]
    ) -> Mapping[str, FeeOverride]: ...
