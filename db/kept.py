"""Connections that stay out of the pool between two statements of the same kind.

To take one out and to give it back costs several times what sending a statement does.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.engine import lent
from db.transactions import driver_of, tell


@dataclass(frozen=True, slots=True)
class _Lending:
    driver: Any
    until: AsyncExitStack


class KeptConnections:
    """As many connections as statements ran at once, which nobody else gets until `give_back`: the
    pool should be the owner's alone. One that failed at anything is given back, as is one that the
    server closed meanwhile. `engine` comes from `on_own_terms`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._idle: list[_Lending] = []

    async def send(self, statement: str, *arguments: object) -> str:
        """One statement, in a transaction of its own, and the server's word on it. Raises
        DatabaseUnavailable, and asyncpg's own PostgresError."""
        lending = await self._next()
        async with lending.until as until:
            told = await tell(lending.driver, statement, *arguments)
            self._idle.append(_Lending(lending.driver, until.pop_all()))
        return told

    async def give_back(self) -> None:
        """Returns to the pool what is not in use."""
        idle, self._idle = self._idle, []
        for lending in idle:
            await lending.until.aclose()

    async def _next(self) -> _Lending:
        while self._idle:
            lending = self._idle.pop()
            if not lending.driver.is_closed():
                return lending
            await lending.until.aclose()
        async with AsyncExitStack() as until:
            connection = await until.enter_async_context(lent(self._engine, AsyncConnection.close))
            return _Lending(await driver_of(connection), until.pop_all())
