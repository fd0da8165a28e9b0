"""The database as one of the service's roles sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import make_engine
from db.roles import DatabaseRole


@asynccontextmanager
async def engine_as(database_url: str, role: DatabaseRole) -> AsyncIterator[AsyncEngine]:
    """A pool whose connections have this role, as the process's own has."""
    engine = make_engine(database_url, pool_size=2, role=role)
    try:
        yield engine
    finally:
        await engine.dispose()
