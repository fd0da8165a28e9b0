"""Tokens revoked before their end. The API reads this table; `tollgate token revoke` writes it as
the platform's role."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from db.audit import SqlAuditStore
from db.engine import connected
from db.tables import revoked_tokens
from domain.audit import AuditEntry

_FIND = select(revoked_tokens.c.jti).where(revoked_tokens.c.jti == bindparam("token_id"))
_ADD = insert(revoked_tokens)
# The later end counts: a token is never revoked for a shorter time than once said.
_REVOKE = _ADD.on_conflict_do_update(
    index_elements=["jti"],
    set_={"expires_at": func.greatest(revoked_tokens.c.expires_at, _ADD.excluded.expires_at)},
)
# A day of grace, more than clocks ever differ: a row outlives its token.
_FORGET = delete(revoked_tokens).where(
    revoked_tokens.c.expires_at < func.now() - func.make_interval(0, 0, 0, 1)
)


class SqlRevocations:
    """The revoked tokens, by their jti or, for a token without one, a digest of it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        # One statement, one round trip: there is no transaction to begin and to end.
        self._asking = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def is_revoked(self, token_id: str) -> bool:
        """Whether the token was revoked. Raises DatabaseUnavailable."""
        async with connected(self._asking) as connection:
            found = await connection.execute(_FIND, {"token_id": token_id})
            return found.first() is not None

    async def revoke(
        self, token_id: str, expires_at: datetime, entry: AuditEntry | None = None
    ) -> None:
        """Refuses the token from now on, and writes `entry` in the same commit. Revocations of
        tokens that have ended by themselves are forgotten on the way. Raises DatabaseUnavailable.
        """
        async with connected(self._engine) as connection:
            await connection.execute(_REVOKE, {"jti": token_id, "expires_at": expires_at})
            await connection.execute(_FORGET)
            if entry is not None:
                await SqlAuditStore(connection).append(entry)
            await connection.commit()
