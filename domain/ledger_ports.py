"""What the domain needs of the database for the books; `db` implements it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from domain.ledger import LedgerTransaction


class LedgerStore(Protocol):
    """A payment's books are written under that payment's lock alone, and never changed."""

    async def of_payment(self, tenant_id: str, payment_id: str) -> Sequence[LedgerTransaction]:
        """All transactions of the payment, oldest first, each with its debits first."""
        ...

    async def add(self, transactions: Sequence[LedgerTransaction]) -> None:
        """Books them. The database refuses what does not balance, at commit."""
        ...
