"""Prices, tenants and books in memory behind the schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from domain.caller import Actor
from domain.fee_report import FeeReportRow, ReportRequest
from domain.fees import FeeOverride, FeeTier
from domain.ledger import LedgerTransaction
from domain.pricing_rules import CreateTenant, PriceTier, SetOverride
from domain.reports import Page, PageRequest
from domain.tenant import Tenant


@dataclass
class PriceDesk:
    """Implements the use cases of prices and the platform's reads: notes what it is asked, and
    answers with what it has first."""

    tiers: list[FeeTier] = field(default_factory=list)
    all_overrides: list[FeeOverride] = field(default_factory=list)
    merchants: list[Tenant] = field(default_factory=list)
    heard: list[object] = field(default_factory=list)
    raises: Exception | None = None

    async def create_tier(self, actor: Actor, wanted: PriceTier) -> FeeTier:
        return self._tier(wanted)

    async def update_tier(self, actor: Actor, tier_id: str, wanted: PriceTier) -> FeeTier:
        return self._tier((tier_id, wanted))

    async def archive_tier(self, actor: Actor, tier_id: str) -> FeeTier:
        return self._tier(tier_id)

    async def assign_tier(self, actor: Actor, tenant_id: str, tier_id: str) -> Tenant:
        self._hear((tenant_id, tier_id))
        return self.merchants[0]

    async def set_override(self, actor: Actor, wanted: SetOverride) -> FeeOverride:
        self._hear(wanted)
        return self.all_overrides[0]

    async def end_override(self, actor: Actor, override_id: str) -> FeeOverride:
        self._hear(override_id)
        return self.all_overrides[0]

    async def create_tenant(self, actor: Actor, wanted: CreateTenant) -> Tenant:
        self._hear(wanted)
        return self.merchants[0]

    async def tenant_page(self, page: PageRequest) -> Page[Tenant]:
        return Page(self.merchants[: page.limit], has_next=False, has_previous=False)

    async def tenant_count(self) -> int | None:
        return len(self.merchants)

    async def tenants_by_ids(self, ids: Sequence[str]) -> Sequence[Tenant]:
        return [merchant for merchant in self.merchants if merchant.id in ids]

    async def overrides(self, tenant_id: str | None) -> Sequence[FeeOverride]:
        return [at for at in self.all_overrides if tenant_id in {None, at.tenant_id}]

    def _tier(self, heard: object) -> FeeTier:
        self._hear(heard)
        return self.tiers[0]

    def _hear(self, heard: object) -> None:
        self.heard.append(heard)
        if self.raises is not None:
            raise self.raises


@dataclass
class BookShelf:
    """Implements the reads of the books: what it is given, and the reports that it was asked."""

    transactions: list[LedgerTransaction] = field(default_factory=list)
    rows: list[FeeReportRow] = field(default_factory=list)
    asked: list[ReportRequest] = field(default_factory=list)

    async def of_payments(
        self, tenant_id: str, payment_ids: Sequence[str]
    ) -> Mapping[str, Sequence[LedgerTransaction]]:
        return {
            payment_id: [at for at in self.transactions if at.payment_id == payment_id]
            for payment_id in payment_ids
        }

    async def fee_rows(self, asked: ReportRequest) -> Sequence[FeeReportRow]:
        self.asked.append(asked)
        return self.rows
