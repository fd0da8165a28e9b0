"""How far each gateway account was reconciled, what differs still, and the ports behind that."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.differences import Difference
from domain.movement_sums import Span
from domain.payment import GatewayType
from domain.webhook_cursors import WalkWork


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A payment that may go on at the gateway without its money moving: not ended, or with a refund
    or a dispute that is open."""

    tenant_id: str
    payment_id: str
    gateway_payment_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """One row of `reconciliations`, which belongs to a gateway row. Everything that the gateway
    has of before `reconciled_until` was held against ours. `repaired` counts differences since
    ever; `failures` the rounds since the last that came to its end, at `reconciled_at`.
    `looked_until` is the last payment under way that the round has looked at, once it is there."""

    gateway_id: str
    reconciled_until: datetime
    due_at: datetime
    repaired: int = 0
    failures: int = 0
    reconciled_at: datetime | None = None
    looked_until: str | None = None
    error_message: str | None = None


class ReconciliationStore(Protocol):
    """The rows, and the differences that are left. Rows of mode PLATFORM that are a tenant's have
    none: what is paid through the platform's account is reconciled there."""

    async def add_missing(self, now: datetime, *, oldest: datetime, livemode: bool) -> None:
        """Adds a row, due at once, for every gateway row of that mode that has none: it begins when
        the gateway row was made, at `oldest` at the earliest."""
        ...

    async def find(self, gateway_id: str) -> Reconciliation | None: ...

    async def first(self, *, livemode: bool) -> Reconciliation | None:
        """The row of that mode that is due first."""
        ...

    async def gateway_ids(self, *, livemode: bool) -> Sequence[str]:
        """The gateway rows of that mode that are reconciled, each an account at the gateway."""
        ...

    async def save(self, reconciliation: Reconciliation) -> None: ...

    async def platform_rows(
        self, gateway_type: GatewayType, *, livemode: bool
    ) -> Sequence[tuple[str, str]]:
        """Tenants and their gateway rows whose money moves in the platform's own account."""
        ...

    async def touched(self, tenant_id: str, gateway_id: str, span: Span) -> Sequence[str]:
        """Ids of payments of the tenant through this row that were made in the span, or of which
        anything was booked in it; those alone that have an intent."""
        ...

    async def under_way(self, gateway_id: str, *, after: str, limit: int) -> Sequence[UnderWay]:
        """Payments under way of any tenant whose money moves in the account, by their ids, from the
        first beyond `after`."""
        ...

    async def booked(self, tenant_id: str, fact_keys: Collection[str]) -> frozenset[str]:
        """Those of the facts that the tenant's books have."""
        ...

    async def differences(self, gateway_id: str) -> Sequence[Difference]:
        """What is left of the account's differences, none with its tenant."""
        ...

    async def replace(
        self,
        gateway_id: str,
        subject_ids: Collection[str],
        differences: Sequence[Difference],
        now: datetime,
    ) -> None:
        """Makes these all differences that the subjects have; how long they are known is kept."""
        ...


class ReconciliationWork(WalkWork, Protocol):
    """One transaction of a reconciliation."""

    @property
    def reconciliations(self) -> ReconciliationStore: ...


class ReconciliationDatabase(Protocol):
    """Opens transactions: for one tenant, or across tenants."""

    def begin(self, tenant_id: str) -> AbstractAsyncContextManager[ReconciliationWork]: ...

    def begin_across_tenants(self) -> AbstractAsyncContextManager[ReconciliationWork]: ...
