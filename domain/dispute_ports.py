"""What the domain needs of the database for disputes; `db` implements it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from domain.dispute import Dispute
from domain.reports import DisputeFilter, Page, PageRequest


class DisputeStore(Protocol):
    """A dispute's row is written under its payment's lock alone."""

    async def add(self, dispute: Dispute) -> None: ...

    async def find_by_gateway_id(
        self, tenant_id: str, gateway_dispute_id: str
    ) -> Dispute | None: ...

    async def of_payment(self, tenant_id: str, payment_id: str) -> Sequence[Dispute]:
        """All disputes of the payment, oldest first."""
        ...

    async def save(self, dispute: Dispute) -> None: ...


class DisputeReads(Protocol):
    """What readers see of disputes."""

    async def disputes(self, tenant_id: str, ids: Sequence[str]) -> Mapping[str, Dispute]: ...

    async def dispute_page(
        self, tenant_id: str, where: DisputeFilter, page: PageRequest
    ) -> Page[Dispute]: ...

    async def dispute_count(self, tenant_id: str, where: DisputeFilter) -> int | None: ...
