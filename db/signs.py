"""Signs of life, each a statement of its own."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import connected
from db.tables import processes, request_minutes
from domain.signs import ProcessKind, RequestCounts, Sign

_ADD = insert(processes)
_BEAT = _ADD.on_conflict_do_update(
    index_elements=["id"],
    set_={
        name: _ADD.excluded[name]
        for name in ("beat_at", "pool_size", "pool_in_use", "pool_full_since")
    },
)
_END = delete(processes).where(processes.c.id == bindparam("of_id"))
_ADD_COUNTS = insert(request_minutes)
_COUNT = _ADD_COUNTS.on_conflict_do_update(
    index_elements=["minute", "process_id"],
    set_={
        name: request_minutes.c[name] + _ADD_COUNTS.excluded[name]
        for name in ("requests", "slow", "failed")
    },
)
_LAST = select(func.max(processes.c.beat_at)).where(processes.c.kind == bindparam("of_kind"))


class SqlSigns:
    """Implements `domain.signs.SignStore`, and reads who lives."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def beat(self, sign: Sign, counts: RequestCounts) -> None:
        columns = {
            "id": sign.process_id,
            "kind": sign.kind.value,
            "version": sign.version,
            "started_at": sign.started_at,
            "beat_at": sign.beat_at,
            "pool_size": sign.pool_size,
            "pool_in_use": sign.pool_in_use,
            "pool_full_since": sign.pool_full_since,
        }
        counted = {
            "minute": sign.beat_at.replace(second=0, microsecond=0),
            "process_id": sign.process_id,
            "requests": counts.requests,
            "slow": counts.slow,
            "failed": counts.failed,
        }
        async with connected(self._engine) as connection:
            await connection.execute(_BEAT, columns)
            if counts.requests:
                await connection.execute(_COUNT, counted)

    async def end(self, process_id: str) -> None:
        async with connected(self._engine) as connection:
            await connection.execute(_END, {"of_id": process_id})

    async def last_beat(self, kind: ProcessKind) -> datetime | None:
        """When a process of this kind last told that it lives. Raises DatabaseUnavailable."""
        async with connected(self._engine) as connection:
            at: datetime | None = await connection.scalar(_LAST, {"of_kind": kind.value})
        return at
