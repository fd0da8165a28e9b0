"""Payments that their payers have left, across tenants, in the worker's role."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import DateTime, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import connected

_UNFINISHED = select(
    func.payments_unfinished(bindparam("before", type_=DateTime(timezone=True))).table_valued(
        "tenant_id", "payment_id"
    )
)


class SqlUnfinishedReads:
    """Implements `domain.unfinished.UnfinishedReads`. `engine` has the worker's role."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def unfinished(self, before: datetime) -> Sequence[tuple[str, str]]:
        async with connected(self._engine) as connection:
            rows = await connection.execute(_UNFINISHED, {"before": before})
            return [(row.tenant_id, row.payment_id) for row in rows]
