"""Alerts as the platform's people see and take them on, in the role `tollgate_platform`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import bindparam, case, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.alerts import alert_of
from db.audit import SqlAuditStore
from db.engine import connected
from db.filters import among
from db.tables import alerts
from db.transactions import begun, commit, on_own_terms
from domain.alert import Alert, AlertSeverity
from domain.errors import NotFound

ALERTS_MAX = 100
"""How many alerts are listed at most."""

_A = alerts.c
_LOCK = select(alerts).where(_A.id == bindparam("of_id")).with_for_update()
_SAVE = update(alerts).where(_A.id == bindparam("of_id"))
_GRAVITY = case({level.value: at for at, level in enumerate(AlertSeverity)}, value=_A.severity)
_LISTED = select(alerts).order_by(_A.closed_at.is_not(None), _GRAVITY, _A.id.desc())


@dataclass(frozen=True, slots=True)
class SqlAlertDeskStore:
    """Implements `domain.alert_ports.AlertDeskStore`."""

    connection: AsyncConnection

    async def lock(self, alert_id: str) -> Alert:
        row = (await self.connection.execute(_LOCK, {"of_id": alert_id})).first()
        if row is None:
            raise NotFound(alert_id)
        return alert_of(row)

    async def save_acknowledged(self, alert: Alert) -> None:
        columns: dict[str, object] = {
            "of_id": alert.id,
            "acknowledged_at": alert.acknowledged_at,
            "acknowledged_by": alert.acknowledged_by,
            "closed_at": alert.closed_at,
        }
        if not alert.is_open:
            columns["is_told"] = False
        await self.connection.execute(_SAVE, columns)


class SqlAlertDeskWork:
    """Implements `domain.alert_ports.AlertDeskWork`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.alerts = SqlAlertDeskStore(connection)
        self.audit = SqlAuditStore(connection)

    async def commit(self) -> None:
        await commit(self._connection)


class SqlAlertDesk:
    """Implements `domain.alert_ports.AlertDesk` and `AlertReads`. `engine` has the platform's
    role."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = on_own_terms(engine)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SqlAlertDeskWork]:
        """A transaction that sees every alert."""
        async with begun(self._engine, None) as connection:
            yield SqlAlertDeskWork(connection)

    async def alerts(self, tenant_id: str | None, *, open_only: bool) -> Sequence[Alert]:
        wanted = _LISTED.limit(ALERTS_MAX)
        if tenant_id is not None:
            wanted = wanted.where(_A.tenant_id == tenant_id)
        if open_only:
            wanted = wanted.where(_A.closed_at.is_(None))
        async with connected(self._engine) as connection:
            return [alert_of(row) for row in await connection.execute(wanted)]

    async def alerts_by_ids(self, ids: Sequence[str]) -> Sequence[Alert]:
        async with connected(self._engine) as connection:
            found = await connection.execute(select(alerts).where(among(_A.id, ids)))
            return [alert_of(row) for row in found]
