"""Operations under review, for the platform's own people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import connected
from db.tables import operations, payments

_O = operations.c
_UNDER_REVIEW = (
    select(
        _O.id,
        _O.kind,
        _O.tenant_id,
        _O.payment_id,
        _O.amount_cents,
        payments.c.currency,
        _O.first_sent_at,
        _O.error_message,
    )
    .join(payments, (payments.c.tenant_id == _O.tenant_id) & (payments.c.id == _O.payment_id))
    # In words, so that their partial index is one for it.
    .where(text("gateway_operations.state = 'MANUAL_REVIEW'"))
    .order_by(_O.id)
)


@dataclass(frozen=True, slots=True)
class UnderReview:
    """An operation for people. `amount` is in minor units; `error` is the last fault of a look."""

    operation_id: str
    kind: str
    tenant_id: str
    payment_id: str
    amount: int | None
    currency: str
    sent_at: datetime
    error: str | None


async def under_review(engine: AsyncEngine) -> Sequence[UnderReview]:
    """All operations in MANUAL_REVIEW, oldest first. Needs the platform's role. Raises
    DatabaseUnavailable."""
    async with connected(engine) as connection:
        found = await connection.execute(_UNDER_REVIEW)
        return [UnderReview(*row) for row in found]


async def tenant_of_operation(engine: AsyncEngine, operation_id: str) -> str | None:
    """The tenant's id; None where no operation has this id. Needs the platform's role. Raises
    DatabaseUnavailable."""
    async with connected(engine) as connection:
        found = await connection.scalar(select(_O.tenant_id).where(_O.id == operation_id))
    return None if found is None else str(found)
