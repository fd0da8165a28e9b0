"""The migrations: up from nothing, down again, and no drift between them and the tables."""

import os
import subprocess
import sys

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import make_engine
from db.tables import metadata
from domain.ids import Prefix, is_id
from tests.conftest import ROOT, alembic

_COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    l.collname, a.attgenerated::text, pg_get_expr(d.adbin, d.adrelid)
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r'
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
LEFT JOIN pg_collation l ON l.oid = a.attcollation
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relname <> 'alembic_version'
ORDER BY c.relname, a.attnum
"""
_CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND conrelid <> 0
    AND conrelid::regclass::text <> 'alembic_version' AND contype <> 't'
ORDER BY 1, 2
"""
"""Without constraint triggers, which a table of SQLAlchemy cannot have."""

_INDEXES = """
SELECT tablename, indexname, indexdef FROM pg_indexes
WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1, 2
"""


async def catalog(engine: AsyncEngine) -> list[tuple[object, ...]]:
    """Every column, constraint and index, as PostgreSQL itself describes them."""
    async with engine.connect() as connection:
        return [
            tuple(row)
            for query in (_COLUMNS, _CONSTRAINTS, _INDEXES)
            for row in await connection.execute(text(query))
        ]


async def test_the_migrations_make_the_tables_that_the_code_knows(
    engine: AsyncEngine, empty_database_url: str
) -> None:
    """Columns, CHECKs, keys and indexes are the same, made by migrations or from the tables. So a
    word added to an enum of the domain needs its migration."""
    fresh = make_engine(empty_database_url)
    async with fresh.begin() as connection:
        await connection.execute(text("CREATE EXTENSION btree_gist"))
        await connection.run_sync(metadata.create_all)
    expected = await catalog(fresh)
    await fresh.dispose()

    assert len(expected) > 100
    assert expected == await catalog(engine)


def test_alembic_sees_no_drift(database_url: str) -> None:
    """`alembic check` finds nothing to generate."""
    checked = alembic(database_url, "check")

    assert checked.returncode == 0, checked.stderr + checked.stdout


async def test_every_migration_goes_down_and_up_again(database_url: str) -> None:
    """Going down leaves no table and no function; up again makes everything anew."""
    down = alembic(database_url, "downgrade", "base")
    assert down.returncode == 0, down.stderr

    engine = make_engine(database_url)
    assert await catalog(engine) == []
    async with engine.connect() as connection:
        functions = text(
            "SELECT proname FROM pg_proc p WHERE pronamespace = 'public'::regnamespace AND NOT"
            " EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
        )
        assert (await connection.execute(functions)).all() == []
    await engine.dispose()

    up = alembic(database_url, "upgrade", "head")
    assert up.returncode == 0, up.stderr


def test_two_deployments_at_once_migrate_once(empty_database_url: str) -> None:
    """Both succeed: the second waits for the first and finds nothing left to do."""
    command = [sys.executable, "-m", "alembic", "-c", str(ROOT / "alembic.ini"), "upgrade", "head"]
    both = [
        subprocess.Popen(  # noqa: S603 - our own command
            command,
            env=os.environ | {"DATABASE_URL": empty_database_url},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    errors = [process.communicate(timeout=60)[1].decode() for process in both]

    assert [process.returncode for process in both] == [0, 0], errors


async def test_the_seeded_prices(engine: AsyncEngine) -> None:
    """Three tiers, the first the default, none with a fixed fee; a platform row for each mode."""
    async with engine.connect() as connection:
        tiers = text(
            "SELECT name, level, basis_points, fixed_fees, refund_policy, is_default, is_archived"
            " FROM platform_fee_tiers ORDER BY level"
        )
        found = [tuple(row) for row in await connection.execute(tiers)]
        tier_ids = text("SELECT id FROM platform_fee_tiers")
        ids = (await connection.execute(tier_ids)).scalars().all()
        platform = text("SELECT livemode, mode, is_enabled FROM tenant_payment_gateways ORDER BY 1")
        gateways = [tuple(row) for row in await connection.execute(platform)]

    assert found == [
        ("Starter", 1, 300, {}, "RETURN_PROPORTIONALLY", True, False),
        ("Professional", 2, 150, {}, "RETURN_PROPORTIONALLY", False, False),
        ("Enterprise", 3, 50, {}, "RETURN_PROPORTIONALLY", False, False),
    ]
    assert all(is_id(tier_id, Prefix.FEE_TIER) for tier_id in ids)
    assert gateways == [(False, "PLATFORM", True), (True, "PLATFORM", True)]
