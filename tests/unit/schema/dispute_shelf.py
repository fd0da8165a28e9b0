"""Disputes in memory behind the schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from domain.dispute import Dispute
from domain.reports import DisputeFilter, Page, PageRequest


@dataclass
class DisputeShelf:
    """Implements `DisputeReads` over a list, newest first, and notes the name of every call."""

    all_disputes: list[Dispute] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    async def disputes(self, tenant_id: str, ids: Sequence[str]) -> Mapping[str, Dispute]:
        self.calls.append("disputes")
        return {at.id: at for at in self._own(tenant_id) if at.id in ids}

    async def dispute_page(
        self, tenant_id: str, where: DisputeFilter, page: PageRequest
    ) -> Page[Dispute]:
        self.calls.append("dispute_page")
        own = self._own(tenant_id)
        found = [
            at
            for at in own
            if where.payment_id in (None, at.payment_id)
            and (where.status_in is None or at.status in where.status_in)
        ]
        return Page(found[: page.limit], has_next=len(found) > page.limit, has_previous=False)

    async def dispute_count(self, tenant_id: str, where: DisputeFilter) -> int | None:
        self.calls.append("dispute_count")
        return len(self._own(tenant_id))

    def _own(self, tenant_id: str) -> list[Dispute]:
        return [at for at in self.all_disputes if at.tenant_id == tenant_id]
