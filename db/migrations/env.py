"""Runs the migrations, online, over the driver that the service uses.

The database is DATABASE_URL. Alembic's lock on a fresh schema is an advisory one, so that two
deployments at once apply each migration once.
"""

from __future__ import annotations

import asyncio
import os

from alembic import context
from sqlalchemy import Connection, text

from db.engine import make_engine
from db.tables import metadata

_LOCK = 0x70_6C_6C_67
"""An arbitrary number, the same for every run of these migrations."""


def migrate(connection: Connection) -> None:
    """Apply what is missing, all of it in one transaction."""
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        context.run_migrations()


async def connect() -> None:
    """Open one connection without the service's time limits: a migration may take long."""
    engine = make_engine(
        os.environ["DATABASE_URL"],
        pool_size=1,
        application_name="tollgate-migrate",
        statement_timeout_seconds=0,
        lock_timeout_seconds=0,
    )
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
        await connection.commit()
    await engine.dispose()


if context.is_offline_mode():
    raise SystemExit("Migrations run against a database; SQL output is not supported.")
asyncio.run(connect())
