"""How far the migrations of a database have come, against those of this version."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import connected

_APPLIED = text("SELECT version_num FROM alembic_version")


class Migrations(StrEnum):
    """How a database stands to this version."""

    OK = "ok"
    BEHIND = "behind"
    """It lacks migrations that this version needs."""

    AHEAD = "ahead"
    """A newer version has migrated it, which an older one goes on working with."""


@cache
def known_revisions() -> tuple[str, ...]:
    """The migrations of this version, the newest first."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    return tuple(script.revision for script in scripts.walk_revisions())


async def applied_revision(engine: AsyncEngine) -> str | None:
    """The database's newest migration; None without one. Raises DatabaseUnavailable."""
    async with connected(engine) as connection:
        revision: str | None = await connection.scalar(_APPLIED)
    return revision


def standing(applied: str | None) -> Migrations:
    """How a database with this newest migration stands."""
    known = known_revisions()
    if applied == known[0]:
        return Migrations.OK
    return Migrations.BEHIND if applied is None or applied in known else Migrations.AHEAD
