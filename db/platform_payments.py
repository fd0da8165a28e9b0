"""Whose a payment is, for the platform's own people."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import connected
from db.tables import payments


async def tenant_of_payment(engine: AsyncEngine, payment_id: str) -> str | None:
    """The tenant's id; None where no payment has this id. Needs the platform's role. Raises
    DatabaseUnavailable."""
    async with connected(engine) as connection:
        found = await connection.scalar(
            select(payments.c.tenant_id).where(payments.c.id == payment_id)
        )
    return None if found is None else str(found)
