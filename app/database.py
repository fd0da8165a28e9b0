"""The database as the settings give it: pools for a role, and the cipher of its columns."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncEngine

from app.settings import Settings
from db.cipher import AesGcmCipher
from db.engine import STATEMENT_TIMEOUT_SECONDS, make_engine
from db.roles import DatabaseRole


def cipher_of(settings: Settings) -> AesGcmCipher:
    """Encrypts with the first of the credential keys, decrypts with any of them."""
    keys = settings.credential_keys
    return AesGcmCipher({key.id: key.key for key in keys}, keys[0].id)


@asynccontextmanager
async def command_engine(
    database_url: str,
    role: DatabaseRole,
    *,
    command: str,
    statement_timeout_seconds: float = STATEMENT_TIMEOUT_SECONDS,
) -> AsyncIterator[AsyncEngine]:
    """One connection in this role for a command, which PostgreSQL shows by its name."""
    engine = make_engine(
        database_url,
        pool_size=1,
        application_name=f"tollgate {command}",
        role=role,
        statement_timeout_seconds=statement_timeout_seconds,
    )
    try:
        yield engine
    finally:
        await engine.dispose()
