"""What `tollgate doctor` reads, as the role `tollgate_platform`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import connected
from db.tables import gateways, operations, processes
from domain.operation import OperationState
from domain.signs import ProcessKind

_O, _P = operations.c, processes.c
_CLOCK = select(func.clock_timestamp())
# The platform has a row of each mode from the start; a tenant's tell which is used.
_LIVEMODES = select(gateways.c.livemode).where(gateways.c.tenant_id.is_not(None)).distinct()
_BEATS = select(_P.kind, func.max(_P.beat_at).label("beat_at")).group_by(_P.kind)
_FULL = select(func.count()).where(_P.pool_full_since.is_not(None))
_UNKNOWN = select(func.count().label("number"), func.min(_O.first_sent_at).label("since")).where(
    _O.state == OperationState.UNKNOWN.value
)


class SqlDoctorReads:
    """Each call may raise DatabaseUnavailable."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def clock_difference(self, now: Callable[[], datetime]) -> float:
        """How many seconds our clock is ahead of the database's, half a round trip taken off."""
        async with connected(self._engine) as connection:
            await connection.scalar(_CLOCK)
            before = now()
            theirs = (await connection.execute(_CLOCK)).scalar_one()
            ours = before + (now() - before) / 2
        return float((ours - theirs).total_seconds())

    async def livemodes(self) -> frozenset[bool]:
        """The modes of tenants' gateway rows."""
        async with connected(self._engine) as connection:
            return frozenset((await connection.execute(_LIVEMODES)).scalars())

    async def last_beats(self) -> Mapping[ProcessKind, datetime]:
        """When a process of each kind last gave a sign of life."""
        async with connected(self._engine) as connection:
            rows = await connection.execute(_BEATS)
            return {ProcessKind(row.kind): row.beat_at for row in rows}

    async def full_pools(self) -> int:
        """How many processes say that all their connections are in use."""
        async with connected(self._engine) as connection:
            return int(await connection.scalar(_FULL) or 0)

    async def unknown_operations(self) -> tuple[int, datetime | None]:
        """How many have no outcome, and when the first of them was sent."""
        async with connected(self._engine) as connection:
            row = (await connection.execute(_UNKNOWN)).one()
        return row.number, row.since
