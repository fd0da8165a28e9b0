"""What the domain needs of the database for the books; `db` implements it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from domain.fee_report import FeeReportRow, ReportRequest
from domain.ledger import LedgerTransaction


class LedgerStore(Protocol):
    """A payment's books are written under that payment's lock alone, and never changed."""

    async def of_payment(self, tenant_id: str, payment_id: str) -> Sequence[LedgerTransaction]:
        """All transactions of the payment, oldest first, each with its debits first."""
        ...

    async def add(self, transactions: Sequence[LedgerTransaction]) -> None:
        """Books them. The database refuses what does not balance, at commit."""
        ...


class LedgerReads(Protocol):
    """What readers see of the books."""

    async def of_payments(
        self, tenant_id: str, payment_ids: Sequence[str]
    ) -> Mapping[str, Sequence[LedgerTransaction]]:
        """The transactions of each of the tenant's payments that has any, oldest first."""
        ...

    async def fee_rows(self, asked: ReportRequest) -> Sequence[FeeReportRow]:
        """The rows of a report; of every tenant where none is named. Raises TooManyRows."""
        ...
