"""An audit log in memory behind the schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from domain.audit_reading import AuditFilter, SealedEntry
from domain.reports import Page, PageRequest


@dataclass
class AuditShelf:
    """Implements `AuditReads` over a list, newest first."""

    all_entries: list[SealedEntry] = field(default_factory=list)

    async def entries(self, tenant_id: str, ids: Sequence[str]) -> Mapping[str, SealedEntry]:
        return {
            at.id: at for at in self.all_entries if at.entry.tenant_id == tenant_id and at.id in ids
        }

    async def page(
        self, tenant_id: str, where: AuditFilter, page: PageRequest
    ) -> Page[SealedEntry]:
        found = [at for at in self.all_entries if at.entry.tenant_id == tenant_id]
        return Page(found[: page.limit], has_next=len(found) > page.limit, has_previous=False)

    async def count(self, tenant_id: str, where: AuditFilter) -> int | None:
        return len(self.all_entries)
