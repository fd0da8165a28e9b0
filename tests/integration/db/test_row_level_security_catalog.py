"""What the catalog says: grants, policies and functions, complete, so that a new one is noticed."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from db.roles import DatabaseRole
from db.tables import metadata
from tests.integration.db.world import TENANT_TABLES

_API, _WORKER, _PLATFORM = DatabaseRole.API, DatabaseRole.WORKER, DatabaseRole.PLATFORM

GRANTS: Mapping[str, Mapping[DatabaseRole, str]] = {
    "alerts": {
        _API: "INSERT SELECT",
        _WORKER: "INSERT SELECT UPDATE",
        _PLATFORM: "INSERT SELECT UPDATE",
    },
    "alembic_version": {_API: "SELECT", _WORKER: "SELECT", _PLATFORM: "SELECT"},
    "alert_notices": {_WORKER: "INSERT SELECT UPDATE", _PLATFORM: "SELECT"},
    "audit_log": {_API: "INSERT SELECT", _WORKER: "INSERT SELECT", _PLATFORM: "INSERT SELECT"},
    "audit_seals": {_API: "SELECT", _WORKER: "INSERT SELECT", _PLATFORM: "SELECT"},
    "daily_runs": {_WORKER: "INSERT SELECT UPDATE"},
    "disputes": {_API: "SELECT", _WORKER: "INSERT SELECT UPDATE", _PLATFORM: "SELECT"},
    "endpoint_secrets": {_API: "INSERT SELECT UPDATE", _WORKER: "SELECT", _PLATFORM: "SELECT"},
    "gateway_operations": {
        _API: "INSERT SELECT UPDATE",
        _WORKER: "INSERT SELECT UPDATE",
        _PLATFORM: "SELECT",
    },
    "idempotency_keys": {
        _API: "INSERT SELECT UPDATE",
        _WORKER: "SELECT UPDATE",
        _PLATFORM: "SELECT",
    },
    "ledger_entries": {_API: "INSERT SELECT", _WORKER: "INSERT SELECT", _PLATFORM: "SELECT"},
    "ledger_transactions": {_API: "INSERT SELECT", _WORKER: "INSERT SELECT", _PLATFORM: "SELECT"},
    "loop_leases": {_WORKER: "INSERT SELECT UPDATE"},
    "orders": {_API: "INSERT SELECT UPDATE", _WORKER: "SELECT UPDATE", _PLATFORM: "SELECT"},
    **{
        f"{kind}_{name}": {_API: "SELECT", _WORKER: "SELECT", _PLATFORM: "SELECT"}
        for kind in ("payment", "webhook")
        for name in ("figures", "figure_changes")
    },
    "payments": {_API: "INSERT SELECT UPDATE", _WORKER: "SELECT UPDATE", _PLATFORM: "SELECT"},
    "platform_fee_overrides": {
        _API: "SELECT",
        _WORKER: "SELECT",
        _PLATFORM: "INSERT SELECT UPDATE",
    },
    "platform_fee_tiers": {_API: "SELECT", _WORKER: "SELECT", _PLATFORM: "INSERT SELECT UPDATE"},
    "processes": {
        _API: "DELETE INSERT SELECT UPDATE",
        _WORKER: "DELETE INSERT SELECT UPDATE",
        _PLATFORM: "SELECT",
    },
    "reconciliation_differences": {_WORKER: "DELETE INSERT SELECT UPDATE", _PLATFORM: "SELECT"},
    "reconciliations": {_WORKER: "INSERT SELECT UPDATE", _PLATFORM: "SELECT"},
    "refunds": {
        _API: "INSERT SELECT UPDATE",
        _WORKER: "INSERT SELECT UPDATE",
        _PLATFORM: "SELECT",
    },
    "request_minutes": {
        _API: "INSERT SELECT UPDATE",
        _WORKER: "DELETE SELECT",
        _PLATFORM: "SELECT",
    },
    "revoked_tokens": {
        _API: "SELECT",
        _WORKER: "DELETE SELECT",
        _PLATFORM: "DELETE INSERT SELECT UPDATE",
    },
    "tenant_payment_gateways": {
        _API: "INSERT SELECT UPDATE",
        _WORKER: "SELECT",
        _PLATFORM: "INSERT SELECT",
    },
    "tenants": {_API: "SELECT", _WORKER: "SELECT", _PLATFORM: "INSERT SELECT UPDATE"},
    "webhook_attempts": {_API: "SELECT", _WORKER: "INSERT SELECT", _PLATFORM: "SELECT"},
    "webhook_cursors": {_WORKER: "INSERT SELECT UPDATE", _PLATFORM: "SELECT"},
    "webhook_events": {_API: "INSERT SELECT", _WORKER: "INSERT SELECT UPDATE", _PLATFORM: "SELECT"},
    "webhook_replays": {_WORKER: "INSERT SELECT UPDATE"},
}
"""All that each role may do to each table."""

OF_COLUMNS = {
    *(
        ("webhook_events", column, "tollgate_api", "UPDATE")
        for column in (
            *("status", "attempts_before_replay", "error_message", "next_attempt_at"),
            *("lease_until", "processed_at", "replayed_at", "replayed_by"),
        )
    ),
    ("tenant_payment_gateways", "is_enabled", "tollgate_worker", "UPDATE"),
    ("tenant_payment_gateways", "updated_at", "tollgate_worker", "UPDATE"),
}
"""All that a role may do to single columns: the API may set what a replay changes, the worker
switch a gateway account off."""

OPEN_TO: Mapping[str, frozenset[DatabaseRole]] = {
    "tenant_of_platform_payment": frozenset({_WORKER}),
    "tenant_of_account": frozenset({_API}),
    "tenant_of_endpoint": frozenset({_API}),
    "payment_outcomes": frozenset({_WORKER}),
    "refund_outcomes": frozenset({_WORKER}),
    "authorizations_ending": frozenset({_WORKER}),
    "payments_under_way": frozenset({_WORKER}),
    "payments_unfinished": frozenset({_WORKER}),
    "evidence_due": frozenset({_WORKER}),
    "fold_payment_figures": frozenset({_WORKER}),
    "fold_webhook_figures": frozenset({_WORKER}),
    "note_payment_figures": frozenset(),
    "note_webhook_figures": frozenset(),
}
"""The functions that look past row-level security, and who may call each."""

OF_ANOTHER_ROW: Mapping[str, str] = {
    "webhook_attempts": (
        "(EXISTS ( SELECT FROM webhook_events e WHERE (e.id = webhook_attempts.webhook_event_id)))"
    )
}
"""Tables without a tenant of their own, and what API and worker see of them: what belongs to a row
that they see, by that row's own policies."""

_ACLS = """
SELECT c.relname, coalesce(r.rolname, 'PUBLIC'),
    string_agg(a.privilege_type, ' ' ORDER BY a.privilege_type)
FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE c.relnamespace = 'public'::regnamespace AND a.grantee <> c.relowner
GROUP BY 1, 2
"""
_PARTS = """
SELECT c.relname, a.attname, r.rolname, x.privilege_type
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
CROSS JOIN LATERAL aclexplode(a.attacl) x JOIN pg_roles r ON r.oid = x.grantee
WHERE c.relnamespace = 'public'::regnamespace AND a.attacl IS NOT NULL
"""
_LOCKED = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relrowsecurity AND relforcerowsecurity
"""
_POLICIES = """
SELECT tablename, policyname, role.name, coalesce(qual, '') || coalesce(with_check, ''), permissive
FROM pg_policies CROSS JOIN LATERAL unnest(roles) AS role (name) WHERE schemaname = 'public'
"""
_FUNCTIONS = """
SELECT p.proname, p.prosecdef, coalesce(p.proconfig, '{}'), p.prosqlbody IS NOT NULL, r.rolname,
    coalesce(has_function_privilege(r.oid, p.oid, 'EXECUTE'), false)
FROM pg_proc p CROSS JOIN pg_roles r
WHERE p.pronamespace = 'public'::regnamespace
    AND r.rolname IN ('tollgate_api', 'tollgate_worker', 'tollgate_platform')
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
"""
_OTHERS = """
SELECT relname, relkind::text FROM pg_class WHERE relnamespace = 'public'::regnamespace
    AND relkind NOT IN ('r', 'i')
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = pg_class.oid AND d.deptype = 'e')
"""


async def rows(engine: AsyncEngine, statement: str) -> list[tuple[object, ...]]:
    """What the statement finds."""
    async with engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(text(statement))]


async def test_each_role_has_these_grants_and_no_others(engine: AsyncEngine) -> None:
    """Every table of the metadata is listed, no right is anybody else's; of single columns are
    those with which the worker switches a gateway account off, and those of a replay."""
    found: dict[str, dict[str, str]] = {}
    for table, role, rights in await rows(engine, _ACLS):
        found.setdefault(str(table), {})[str(role)] = str(rights)

    assert set(GRANTS) == {*metadata.tables, "alembic_version"}
    assert found == {table: dict(grants) for table, grants in GRANTS.items()}
    of_columns = await rows(engine, _PARTS)
    assert set(of_columns) == OF_COLUMNS
    assert len(of_columns) == len(OF_COLUMNS)


async def test_every_table_of_tenants_is_locked(engine: AsyncEngine) -> None:
    """Row-level security is on and forced where a table knows tenants, by itself or by the row it
    belongs to, and nowhere else."""
    locked = {name for (name,) in await rows(engine, _LOCKED)}

    assert locked == {table.name for table in TENANT_TABLES} | OF_ANOTHER_ROW.keys()


async def test_every_policy_asks_for_the_tenant(engine: AsyncEngine) -> None:
    """A policy of API or worker names the setting, save two that are about no tenant's rows; only
    the platform's and the owner's let everything through; none is for PUBLIC."""
    of_nobody = {
        ("tenant_payment_gateways", "platform_row", "(tenant_id IS NULL)"),
        ("webhook_events", "received", "(tenant_id IS NULL)"),
    }
    seen: dict[str, set[str]] = {}
    tables = {table.name for table in TENANT_TABLES}
    for table, policy, role, rows_of, permissive in await rows(engine, _POLICIES):
        if table in OF_ANOTHER_ROW:
            of_role = OF_ANOTHER_ROW[str(table)] if role in (_API, _WORKER) else "true"
            assert (permissive, " ".join(str(rows_of).split())) == ("PERMISSIVE", of_role)
            continue
        if table not in tables:
            assert table == "revoked_tokens", table  # of no tenant: its policies keep rows longer
            continue
        seen.setdefault(str(role), set()).add(str(table))
        assert permissive == "PERMISSIVE"
        if role in (_API, _WORKER):
            asks = "NULLIF(current_setting('tollgate.tenant_id'::text, true), ''::text)" in str(
                rows_of
            )
            assert asks or (table, policy, rows_of) in of_nobody, (table, policy)
        else:
            assert policy == ("platform" if role == _PLATFORM else "owner")
            assert rows_of == "true"

    (owner,) = seen.keys() - set(DatabaseRole)
    assert seen[owner] == seen[_PLATFORM] == seen[_API] == seen[_WORKER] == tables


async def test_these_functions_look_past_it(engine: AsyncEngine) -> None:
    """SECURITY DEFINER are those, with their names resolved when they were made, and a
    search_path that nobody else can write to, and callable by those who need them."""
    definers: dict[str, set[str]] = {}
    for name, is_definer, config, is_parsed, role, may_call in await rows(engine, _FUNCTIONS):
        if not is_definer:
            assert name in {"refuse_change", "refuse_unbalanced"}, name
            continue
        # A trigger's function cannot be in plain SQL; it names its schema instead.
        is_safe = is_parsed or str(name).startswith("note_")
        assert (config, is_safe) == (["search_path=pg_catalog, pg_temp"], True), name
        definers.setdefault(str(name), set())
        if may_call:
            definers[str(name)].add(str(role))

    assert definers == {name: set(roles) for name, roles in OPEN_TO.items()}


async def test_there_are_tables_and_nothing_else(engine: AsyncEngine) -> None:
    """No view or foreign table, which would be read with its owner's rights; no sequence."""
    assert await rows(engine, _OTHERS) == []


async def test_no_role_can_log_in_or_bypass(engine: AsyncEngine) -> None:
    """The three roles hold nothing but their grants, and are in no other role."""
    held = (
        "SELECT rolname, rolsuper OR rolbypassrls OR rolcanlogin OR rolcreaterole OR rolcreatedb,"
        " (SELECT count(*) FROM pg_auth_members m WHERE m.member = r.oid) FROM pg_roles r"
        " WHERE rolname IN ('tollgate_api', 'tollgate_worker', 'tollgate_platform') ORDER BY 1"
    )

    assert await rows(engine, held) == [(str(role), False, 0) for role in sorted(DatabaseRole)]
