"""An inbox with events of two tenants and of nobody, and the command line over it."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import sys
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import asyncpg

from app.moments import read_moment
from db.engine import make_engine
from db.seeding import add_tenant
from domain.ids import Prefix, first_id
from tests.integration.app.in_process import Done, run

T = TypeVar("T")

ADD = """
INSERT INTO webhook_events (id, gateway_id, livemode, event_id, event_type, payload, status,
    attempts, tenant_id, error_message, created_at)
SELECT substr($8, 1, 13) || $1 || lpad(n::text, 8, '0'),
    (SELECT id FROM tenant_payment_gateways WHERE tenant_id IS NULL AND NOT livemode), false,
    'evt_' || $1 || n, $2, $3::jsonb, $4, 8, $5, 'It would not.', $6
FROM generate_series(1, $7::int) n RETURNING id
"""
"""Ids and rows say the same time, as in an inbox that was filled by the route."""

SLOW = (
    "CREATE SEQUENCE batches",
    "CREATE TABLE gate AS SELECT false AS is_shut",
    """CREATE FUNCTION take_a_while() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    AS $$ BEGIN
        PERFORM pg_sleep(0.1);
        IF nextval('batches') > 1 THEN
            WHILE (SELECT is_shut FROM gate) LOOP PERFORM pg_sleep(0.01); END LOOP;
        END IF;
        RETURN NULL;
    END $$""",
    """CREATE TRIGGER slow AFTER UPDATE OF replayed_at ON webhook_events
    FOR EACH STATEMENT EXECUTE FUNCTION take_a_while()""",
)
"""Each batch takes a while, and while the gate is shut only the first one passes."""

DIE_AGAIN = """UPDATE webhook_events SET status = 'DEAD', attempts = attempts + 1
    WHERE status = 'RECEIVED'"""
ALL = "SELECT to_jsonb(e)::text AS told FROM webhook_events e ORDER BY id"


class Inbox:
    """A database with two tenants."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.acme, self.globex = self.wait(self._tenants())

    def webhooks(self, *arguments: str) -> Done:
        """`tollgate webhooks`; it is told the database alone."""
        return run("webhooks", *arguments, environ={"DATABASE_URL": self.url})

    def started(self, *arguments: str) -> subprocess.Popen[str]:
        """The same as a process of its own."""
        return subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "app", "webhooks", *arguments],
            env={**os.environ, "DATABASE_URL": self.url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def add(
        self,
        count: int = 1,
        *,
        of: str | None,
        kind: str = "charge.succeeded",
        status: str = "DEAD",
        payload: str = '{"id": "evt"}',
        ago: str = "1h",
    ) -> list[str]:
        """Events that are alike; their ids, oldest first. `of` is a tenant's id."""
        name, received = secrets.token_hex(4), read_moment(ago, datetime.now(UTC))
        first = first_id(Prefix.WEBHOOK_EVENT, received)
        given = (name, kind, payload, status, of, received, count, first)
        return sorted(str(row["id"]) for row in self.sql(ADD, *given))

    def slow_down(self) -> None:
        """Each statement that replays takes a while, so that a test can come between."""
        for statement in SLOW:
            self.sql(statement)

    def shut_gate(self) -> None:
        """From now on replays wait in the middle, after their first batch."""
        self.sql("UPDATE gate SET is_shut = true")

    def open_gate(self) -> None:
        """Replays that wait go on."""
        self.sql("UPDATE gate SET is_shut = false")

    def statuses(self) -> dict[str, int]:
        """How many events are in each status."""
        found = self.sql("SELECT status, count(*) AS n FROM webhook_events GROUP BY 1")
        return {row["status"]: row["n"] for row in found}

    def everything(self) -> list[str]:
        """Every event, to the last column."""
        return [row["told"] for row in self.sql(ALL)]

    def lines(self) -> list[Mapping[str, Any]]:
        """What the audit says of replays."""
        return self.sql(
            "SELECT * FROM audit_log WHERE action = 'webhook_event.replayed' ORDER BY id"
        )

    def sql(self, statement: str, *values: object) -> list[Mapping[str, Any]]:
        """What the database answers to its owner."""
        return self.wait(self._sql(statement, *values))

    @staticmethod
    def wait(work: Coroutine[Any, Any, T]) -> T:
        """What the coroutine gives."""
        return asyncio.run(work)

    async def _sql(self, statement: str, *values: object) -> list[Mapping[str, Any]]:
        connection = await asyncpg.connect(self.url)
        try:
            return [dict(row) for row in await connection.fetch(statement, *values)]
        finally:
            await connection.close()

    async def _tenants(self) -> tuple[str, str]:
        engine = make_engine(self.url, pool_size=1)
        try:
            made = [
                await add_tenant(
                    engine, name=slug.title(), slug=slug, tier_level=1, default_currency="USD"
                )
                for slug in ("acme", "globex")
            ]
        finally:
            await engine.dispose()
        return made[0][0].id, made[1][0].id
