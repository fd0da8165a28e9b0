"""Deliveries into the inbox, by one statement for all that wait."""

from __future__ import annotations

from collections.abc import Sequence

from asyncpg import PostgresError
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from db.alerts import SqlAlertStore
from db.kept import KeptConnections
from db.tables import webhook_events
from db.transactions import begun, commit, on_own_terms
from domain.alert import Alert
from domain.inbox import WebhookEventStatus
from domain.receiving import Delivery, RowsRefused

_TEXTS = (
    "id",
    "gateway_id",
    "event_id",
    "event_type",
    "api_version",
    "account",
    "document",
    "source",
)
# Names no index and returns nothing: either would need the right to see the rows, and the API may
# not read the inbox it writes to. The only conflict is with the same event. It runs on the driver:
# building it anew would cost more than sending it.
_RECORD = """
INSERT INTO webhook_events (id, gateway_id, event_id, event_type, api_version, account, payload,
    source, livemode, created_at, status, attempts)
SELECT id, gateway_id, event_id, event_type, api_version, account, document::jsonb,
    source, livemode, created_at, 'RECEIVED', 0
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::boolean[], $10::timestamptz[])
    AS new (id, gateway_id, event_id, event_type, api_version, account, document, source, livemode,
        created_at)
ON CONFLICT DO NOTHING
"""
_ENVELOPE = (
    *("id", "gateway_id", "livemode", "event_id", "event_type", "api_version", "account"),
    *("source", "created_at"),
)
_BURY = insert(webhook_events).on_conflict_do_nothing()


class SqlIntake:
    """Implements `domain.receiving.Intake`. Where it `keeps_connections` until it rests, the pool
    should be its own."""

    def __init__(self, engine: AsyncEngine, *, keeps_connections: bool = True) -> None:
        self._engine = on_own_terms(engine)
        self._kept = KeptConnections(self._engine)
        self._keeps_connections = keeps_connections

    async def record(self, deliveries: Sequence[Delivery]) -> int:
        # A statement by itself is a transaction: begun, run and committed in one round trip.
        try:
            told = await self._kept.send(_RECORD, *_arrays(deliveries))
        except PostgresError as error:
            raise RowsRefused(str(error)) from error
        if not self._keeps_connections:
            await self._kept.give_back()
        return int(told.rpartition(" ")[2])

    async def bury(self, delivery: Delivery, reason: str, alert: Alert) -> bool:
        async with begun(self._engine, None) as connection:
            row = {
                **{name: getattr(delivery, name) for name in _ENVELOPE},
                "payload": {},
                "body": delivery.body,
                "status": WebhookEventStatus.DEAD.value,
                "attempts": 0,
                "error_message": reason,
            }
            is_new = (await connection.execute(_BURY, row)).rowcount == 1
            if is_new:
                await SqlAlertStore(connection).open(alert)
            await commit(connection)
        return is_new

    async def rest(self) -> None:
        await self._kept.give_back()


def _arrays(deliveries: Sequence[Delivery]) -> Sequence[Sequence[object]]:
    names = (*_TEXTS, "livemode", "created_at")
    return [[getattr(one, name) for one in deliveries] for name in names]
