"""What readers see of the audit log: entries with their seals, narrowed and paged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.audit import AuditEntry
from domain.reports import Page, PageRequest, TimeRange


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Conditions that must all hold. `actor` is the actor's id, whole."""

    actor: str | None = None
    action: str | None = None
    subject_id: str | None = None
    at: TimeRange | None = None


@dataclass(frozen=True, slots=True)
class SealedEntry:
    """An entry and its place in its tenant's chain; None for both until it is sealed."""

    entry: AuditEntry
    sequence: int | None
    hash: str | None

    @property
    def id(self) -> str:
        """The entry's id."""
        return self.entry.id


class AuditReads(Protocol):
    """Reads of the audit log; every call leads with the tenant. Each may raise
    DatabaseUnavailable."""

    async def entries(self, tenant_id: str, ids: Sequence[str]) -> Mapping[str, SealedEntry]: ...

    async def page(
        self, tenant_id: str, where: AuditFilter, page: PageRequest
    ) -> Page[SealedEntry]:
        """One slice of the entries that match, newest first."""
        ...

    async def count(self, tenant_id: str, where: AuditFilter) -> int | None:
        """How many there are; None above `reports.COUNT_MAX`."""
        ...
