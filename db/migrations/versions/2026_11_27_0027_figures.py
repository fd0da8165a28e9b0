"""Figures of payments and webhook events by the hour, added up as they change.

Revision: 0027
Revises: 0026

docs/adr/0021 says why. A change of a row adds to a log what it changes of the figures, in its own
transaction; a loop folds the log into one row an hour. Readers add both up, so what they see is
always what the rows themselves come to.
"""

from collections.abc import Iterator

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_TENANT = "nullif(current_setting('tollgate.tenant_id', true), '')"

# Column of the figures to what a row counts for in it; `r` is the row.
_PAYMENT = {
    "payments": "1",
    "paid": "(r.payment_status = 'PAID')::int",
    "failed": "(r.payment_status = 'FAILED')::int",
    "refunded_payments": "(r.refunded_amount_cents > 0)::int",
    "disputed_payments": "(r.dispute_status <> 'NONE')::int",
    "gross_cents": "r.captured_amount_cents",
    "refunded_cents": "r.refunded_amount_cents",
    "platform_fee_cents": "CASE r.payment_status WHEN 'PAID'"
    " THEN r.platform_fee_cents - r.platform_fee_refunded_cents ELSE 0 END",
    "gateway_fee_cents": "CASE r.payment_status WHEN 'PAID' THEN r.gateway_fee_cents ELSE 0 END",
    "net_cents": "CASE r.payment_status WHEN 'PAID' THEN r.net_amount_cents ELSE 0 END",
    "failed_cents": "CASE r.payment_status WHEN 'FAILED' THEN r.total_amount_cents ELSE 0 END",
}
_PAYMENT_KEY = {
    "tenant_id": "r.tenant_id",
    "currency": "r.currency",
    "hour": "date_trunc('hour', r.created_at, 'UTC')",
    "decline_code": "CASE r.payment_status WHEN 'FAILED'"
    " THEN coalesce(r.gateway_response ->> 'decline_code', 'none') ELSE '' END",
}
_EVENT = {
    "received": "1",
    "processed": "(r.status IN ('PROCESSED', 'IGNORED'))::int",
    "failed": "(r.status = 'RETRY')::int",
    "dead": "(r.status = 'DEAD')::int",
}
_EVENT_KEY = {
    "tenant_id": "r.tenant_id",
    "hour": "date_trunc('hour', r.created_at, 'UTC')",
    "event_type": "r.event_type",
}
_KINDS = (
    ("payment", "payments", _PAYMENT_KEY, _PAYMENT),
    ("webhook", "webhook_events", _EVENT_KEY, _EVENT),
)
_TYPES = {"tenant_id": 'TEXT COLLATE "C"', "hour": "timestamptz"}

_Columns = dict[str, str]


def _tables(kind: str, key: _Columns, figures: _Columns) -> Iterator[str]:
    columns = ", ".join(f"{name} {_TYPES.get(name, 'TEXT')} NOT NULL" for name in key)
    columns += "".join(f", {name} BIGINT NOT NULL" for name in figures)
    yield (
        f"CREATE TABLE {kind}_figures ({columns},"
        f" CONSTRAINT pk_{kind}_figures PRIMARY KEY ({', '.join(key)}))"
    )
    # Without a key, which would be one more index to write: nothing points at a change.
    yield f"CREATE TABLE {kind}_figure_changes ({columns})"
    yield f"CREATE INDEX ix_{kind}_figure_changes_tenant ON {kind}_figure_changes (tenant_id)"
    for table in (f"{kind}_figures", f"{kind}_figure_changes"):
        yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
        yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
        yield f"CREATE POLICY owner ON {table} TO CURRENT_USER USING (true)"
        yield f"CREATE POLICY platform ON {table} TO tollgate_platform USING (true)"
        yield (
            f"CREATE POLICY own_tenant ON {table} FOR SELECT TO tollgate_api, tollgate_worker"
            f" USING (tenant_id = {_TENANT})"
        )
        yield f"GRANT SELECT ON {table} TO tollgate_api, tollgate_worker, tollgate_platform"


def _functions(kind: str, source: str, key: _Columns, figures: _Columns) -> Iterator[str]:
    names = ", ".join([*key, *figures])

    def noted(row: str, sign: str) -> str:
        parts = [*key.values(), *(f"{sign}({figure})" for figure in figures.values())]
        return ", ".join(parts).replace("r.", f"{row}.")

    def insert(row: str, sign: str) -> str:
        values = noted(row, sign)
        return f"INSERT INTO public.{kind}_figure_changes ({names}) VALUES ({values});"  # noqa: S608

    # What is as it was before is no change; a new row has no before.
    same = f"ROW({noted('OLD', '')}) IS NOT DISTINCT FROM ROW({noted('NEW', '')})"
    yield f"""
CREATE FUNCTION note_{kind}_figures() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.tenant_id IS NOT NULL THEN
        IF {same} THEN
            RETURN NULL;
        END IF;
        {insert("OLD", "-")}
    END IF;
    {insert("NEW", "")}
    RETURN NULL;
END
$body$
"""
    yield f"REVOKE ALL ON FUNCTION note_{kind}_figures FROM PUBLIC"
    sums = ", ".join(f"sum({name})::bigint" for name in figures)
    added = ", ".join(f"{name} = f.{name} + excluded.{name}" for name in figures)
    yield f"""
CREATE FUNCTION fold_{kind}_figures(at_most int) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH taken AS (
        DELETE FROM {kind}_figure_changes WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM {kind}_figure_changes LIMIT at_most FOR UPDATE SKIP LOCKED
        )) RETURNING *
    ), folded AS (
        INSERT INTO {kind}_figures AS f ({names})
        SELECT {", ".join(key)}, {sums} FROM taken
        GROUP BY {", ".join(key)} ORDER BY {", ".join(key)}
        ON CONFLICT ({", ".join(key)}) DO UPDATE SET {added}
    )
    SELECT count(*) FROM taken;
END
"""  # noqa: S608 - of constants
    yield f"REVOKE ALL ON FUNCTION fold_{kind}_figures FROM PUBLIC"
    yield f"GRANT EXECUTE ON FUNCTION fold_{kind}_figures TO tollgate_worker"


def _begin(kind: str, source: str, key: _Columns, figures: _Columns) -> Iterator[str]:
    """The triggers, and then what is there already: nothing changes in between, since the triggers
    keep writers out until the migration ends."""
    changed = "UPDATE"
    if kind == "webhook":
        # An event comes without a tenant, and counts from when it has one.
        changed = "UPDATE OF tenant_id, status"
    for name, when in (("added", "INSERT"), ("changed", changed)):
        yield (
            f"CREATE TRIGGER {name}_in_figures AFTER {when} ON {source} FOR EACH ROW"
            f" WHEN (NEW.tenant_id IS NOT NULL) EXECUTE FUNCTION note_{kind}_figures()"
        )
    sums = ", ".join(f"sum({figure})::bigint" for figure in figures.values())
    place = ", ".join(str(number) for number in range(1, len(key) + 1))
    yield (
        f"INSERT INTO {kind}_figures ({', '.join([*key, *figures])})"  # noqa: S608 - of constants
        f" SELECT {', '.join(key.values())}, {sums} FROM {source} r"
        f" WHERE r.tenant_id IS NOT NULL GROUP BY {place}"
    )


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for kind, source, key, figures in _KINDS:
        for statement in (
            *_tables(kind, key, figures),
            *_functions(kind, source, key, figures),
            *_begin(kind, source, key, figures),
        ):
            op.execute(statement)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for kind, source, *_ in _KINDS:
        op.execute(f"DROP TRIGGER changed_in_figures ON {source}")
        op.execute(f"DROP TRIGGER added_in_figures ON {source}")
        op.execute(f"DROP FUNCTION note_{kind}_figures, fold_{kind}_figures")
        op.execute(f"DROP TABLE {kind}_figure_changes, {kind}_figures")
