"""What a database holds, to be held against what was restored from it."""

from __future__ import annotations

from collections.abc import Sequence

from app.clock import SystemClock
from app.database import cipher_of
from app.settings import Settings
from db.engine import make_engine
from db.work import SqlDatabase
from domain.operation import UNREADABLE_REQUEST
from domain.sealing import Sealer
from domain.verifying import Noted, Verdict, Verifier
from tests.proofs.site import rows

Rows = list[tuple[object, ...]]

_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
# Parentheses are left out of constraints: a BETWEEN that was dumped comes back with fewer.
_CATALOG = (
    """
SELECT tablename, policyname, permissive, cmd, qual, with_check,
    (SELECT string_agg(role::text, ',' ORDER BY role) FROM unnest(roles) role)
FROM pg_policies ORDER BY 1, 2
""",
    """
SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity, pg_get_userbyid(c.relowner),
    (SELECT string_agg(grantee::regrole || ' ' || privilege_type, ','
        ORDER BY grantee::regrole::text, privilege_type)
        FROM aclexplode(c.relacl) WHERE grantee <> c.relowner)
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' ORDER BY 1
""",
    """
SELECT p.proname, p.prosecdef, pg_get_userbyid(p.proowner),
    (SELECT string_agg(grantee::regrole || ' ' || privilege_type, ','
        ORDER BY grantee::regrole::text)
        FROM aclexplode(p.proacl) WHERE grantee <> p.proowner)
FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND NOT EXISTS
    (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') ORDER BY 1
""",
    """
SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2
""",
    """
SELECT conrelid::regclass::text, conname, translate(pg_get_constraintdef(oid), '()', '')
FROM pg_constraint
WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2
""",
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
)


def contents(url: str) -> Rows:
    """For each table how many rows it has and a hash of all that is in them."""
    found: Rows = []
    for (table,) in rows(url, _TABLES):
        digest = "md5(string_agg(t::text, '|' ORDER BY t::text COLLATE \"C\"))"
        counted = f"SELECT count(*), {digest} FROM {table} t"  # noqa: S608 - a table of ours
        found += [(table, *row) for row in rows(url, counted)]
    return found


def catalog(url: str) -> Rows:
    """Policies, grants, owners, functions, triggers, constraints and indexes."""
    return [row for query in _CATALOG for row in rows(url, query)]


def check_same(one: Rows, other: Rows) -> None:
    """Both have the same rows; else an AssertionError names those that only one has."""
    different = [row for row in (*one, *other) if (row in one) != (row in other)]
    assert not different, different


async def sealed(url: str, settings: Settings) -> dict[str, Noted]:
    """Seal every tenant's audit; the ends of the chains."""
    async with _Opened(url, settings) as database:
        sealer = Sealer(database, SystemClock())
        for tenant_id in await sealer.tenant_ids():
            await sealer.seal(tenant_id)
    verdicts = await verified(url, settings, {})
    return {
        found.tenant_id: Noted(found.end.sequence, found.end.hash)
        for found in verdicts
        if found.end
    }


async def verified(url: str, settings: Settings, noted: dict[str, Noted]) -> list[Verdict]:
    """What there is to say of each tenant's chain."""
    async with _Opened(url, settings) as database:
        verifier = Verifier(database, SystemClock())
        return [
            await verifier.check(tenant_id, noted=noted.get(tenant_id), checked=lambda _: None)
            for tenant_id in await verifier.tenant_ids()
        ]


async def readable(url: str, settings: Settings, operations: Sequence[tuple[str, str]]) -> int:
    """How many requests of these operations (tenant and id) the settings' keys decrypt."""
    count = 0
    async with _Opened(url, settings) as database:
        for tenant_id, operation_id in operations:
            async with database.begin(tenant_id) as work:
                operation = await work.operations.lock(tenant_id, operation_id)
                count += operation.request != UNREADABLE_REQUEST
    return count


class _Opened:
    """The database of a URL, with the settings' keys."""

    def __init__(self, url: str, settings: Settings) -> None:
        self._engine = make_engine(url, pool_size=2)
        self._cipher = cipher_of(settings)

    async def __aenter__(self) -> SqlDatabase:
        return SqlDatabase(self._engine, self._cipher)

    async def __aexit__(self, *_: object) -> None:
        await self._engine.dispose()
