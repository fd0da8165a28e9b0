"""The books: a payment's entries, and the report on fees that is made of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import strawberry

from domain import fee_report
from domain.ledger import LedgerTransaction
from schema.context import Info
from schema.fee_tier import FeeTier
from schema.fields import computed
from schema.node import Node
from schema.scalars import Currency, SignedCents
from schema.tenant import Tenant


@strawberry.type(
    description="One line of the books. Those with one transactionId come to zero in each currency."
)
class LedgerEntry:
    id: strawberry.ID = strawberry.field(description="Its id.")
    transaction_id: strawberry.ID = strawberry.field(description="What it was booked with.")
    account: str = strawberry.field(
        description="gateway_clearing, merchant_payable, platform_fee_revenue, "
        "platform_fee_receivable, gateway_fee_expense, dispute_hold, dispute_loss, fx_clearing or "
        "fx_difference."
    )
    amount_cents: SignedCents = strawberry.field(
        description="Minor units of its currency; a debit is above zero, a credit below."
    )
    currency: Currency = strawberry.field(description="Its currency.")
    reason: str = strawberry.field(description="What happened, in a few words.")
    created_at: datetime = strawberry.field(description="When it was booked.")

    @classmethod
    def all_of(cls, transactions: Sequence[LedgerTransaction]) -> Iterator[LedgerEntry]:
        """The entries of all these, as a client sees them."""
        for booked in transactions:
            for entry in booked.entries:
                yield cls(
                    id=strawberry.ID(entry.id),
                    transaction_id=strawberry.ID(booked.id),
                    account=entry.posting.account.value,
                    amount_cents=SignedCents(entry.posting.amount),
                    currency=Currency(entry.posting.currency),
                    reason=booked.reason,
                    created_at=booked.created_at,
                )


@strawberry.type
class Booked(Node):
    @computed(
        "What it put into the books, oldest first, each transaction with its debits first.",
        allow="Payment.ledgerEntries",
    )
    async def ledger_entries(self, info: Info) -> list[LedgerEntry]:
        found = await info.context.loaders.ledger.load(self.id)
        return list(LedgerEntry.all_of(found or ()))


@strawberry.type(description="A span of time of one tenant on one tier. Amounts are minor units.")
class FeeReportRow:
    start: datetime = strawberry.field(description="When the span starts, in UTC.")
    payment_count: int = strawberry.field(description="How many payments were captured in it.")
    gross_cents: SignedCents = strawberry.field(description="What was captured.")
    platform_fee_cents: SignedCents = strawberry.field(
        description="The platform's fee on it, before any of it went back."
    )
    gateway_fee_cents: SignedCents = strawberry.field(
        description="What the gateway kept, where its figure is known."
    )
    net_cents: SignedCents = strawberry.field(
        description="What the merchant keeps of what was booked in the span."
    )
    tenant_id: strawberry.Private[str]
    tier_id: strawberry.Private[str | None]

    @classmethod
    def of(cls, row: fee_report.FeeReportRow) -> FeeReportRow:
        """The row as a client sees it."""
        amounts = row.amounts
        return cls(
            start=row.start,
            payment_count=row.payments,
            gross_cents=SignedCents(amounts.gross),
            platform_fee_cents=SignedCents(amounts.platform_fee),
            gateway_fee_cents=SignedCents(amounts.gateway_fee),
            net_cents=SignedCents(amounts.net),
            tenant_id=row.tenant_id,
            tier_id=row.tier_id,
        )

    @computed("Whose it is.")
    async def tenant(self, info: Info) -> Tenant | None:
        found = await info.context.loaders.any_tenant.load(self.tenant_id)
        return Tenant.of(found) if found else None

    @computed("The tier that set the price; null where an override did.")
    async def tier(self, info: Info) -> FeeTier | None:
        if self.tier_id is None:
            return None
        found = await info.context.loaders.fee_tier.load(self.tier_id)
        return FeeTier.of(found) if found else None


@strawberry.type(
    description="What was taken, kept and paid in fees, from the books, by when it was booked. "
    "Amounts are minor units; the rows come to the totals."
)
class FeeReport:
    currency: Currency = strawberry.field(description="The currency of all amounts.")
    gross_cents: SignedCents = strawberry.field(description="What was captured.")
    refunded_cents: SignedCents = strawberry.field(description="What went back to payers.")
    platform_fee_cents: SignedCents = strawberry.field(
        description="The platform's fee on what was captured."
    )
    platform_fee_refunded_cents: SignedCents = strawberry.field(
        description="What of it went back with refunds."
    )
    gateway_fee_cents: SignedCents = strawberry.field(
        description="What the gateway kept, where its figure is known."
    )
    dispute_loss_cents: SignedCents = strawberry.field(
        description="What disputes took for good, the gateway's fees for them included."
    )
    net_cents: SignedCents = strawberry.field(
        description="What merchants keep: gross, less all the others, plus the fee that went back."
    )
    rows: list[FeeReportRow] = strawberry.field(
        description="By time, tenant and tier; spans in which nothing was booked are left out."
    )

    @classmethod
    def of(cls, report: fee_report.FeeReport) -> FeeReport:
        """The report as a client sees it."""
        totals = report.totals
        return cls(
            currency=Currency(report.currency),
            gross_cents=SignedCents(totals.gross),
            refunded_cents=SignedCents(totals.refunded),
            platform_fee_cents=SignedCents(totals.platform_fee),
            platform_fee_refunded_cents=SignedCents(totals.platform_fee_refunded),
            gateway_fee_cents=SignedCents(totals.gateway_fee),
            dispute_loss_cents=SignedCents(totals.dispute_loss),
            net_cents=SignedCents(totals.net),
            rows=[FeeReportRow.of(row) for row in report.rows],
        )
