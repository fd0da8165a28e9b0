"""Whose turn a periodic loop is: one row a loop, taken for seconds at a time.

The database's clock alone counts, so that workers whose clocks differ agree. Each call is a short
transaction of its own: nothing is held open between them, and a pooler such as PgBouncer may hand
the connection on.
"""

from __future__ import annotations

from sqlalchemy import Float, Update, bindparam, func, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from db.tables import loop_leases
from db.transactions import begun, commit, on_own_terms

_LEASE = loop_leases.c
_FREE_AT = func.clock_timestamp() + func.make_interval(
    0, 0, 0, 0, 0, 0, bindparam("of_seconds", type_=Float())
)
_ADD = insert(loop_leases).values(
    name=bindparam("of_name"), holder=bindparam("of_holder"), free_at=_FREE_AT
)
_TAKE = _ADD.on_conflict_do_update(
    index_elements=["name"],
    set_={"holder": _ADD.excluded.holder, "free_at": _ADD.excluded.free_at},
    where=_LEASE.free_at <= func.clock_timestamp(),
)
_KEEP = (
    update(loop_leases)
    .where(_LEASE.name == bindparam("of_name"), _LEASE.holder == bindparam("of_holder"))
    .values(free_at=_FREE_AT)
)


class LoopLeases:
    """The leases as one worker sees them. Every call may raise DatabaseUnavailable."""

    def __init__(self, engine: AsyncEngine, holder: str) -> None:
        """`holder` names this worker and no other, now or later."""
        self._engine = on_own_terms(engine)
        self._holder = holder

    async def take(self, name: str, seconds: float) -> bool:
        """Whether the loop is ours now, for so many seconds; it was nobody's, or its lease ran out.
        A lease of our own is no exception: it may be that of a round that hangs."""
        return await self._run(_TAKE, name, seconds)

    async def keep(self, name: str, seconds: float) -> bool:
        """Keeps the loop for so many seconds from now, also 0; False when it is another's."""
        return await self._run(_KEEP, name, seconds)

    async def _run(self, statement: Insert | Update, name: str, seconds: float) -> bool:
        values = {"of_name": name, "of_holder": self._holder, "of_seconds": seconds}
        async with begun(self._engine, None) as connection:
            changed = await connection.execute(statement, values)
            await commit(connection)
        return changed.rowcount == 1
