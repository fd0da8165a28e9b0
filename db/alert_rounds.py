"""Alerts as the worker's rounds change them, over all tenants, in its role."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Update,
    and_,
    bindparam,
    delete,
    exists,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.alert_notices import SqlNoticeStore
from db.alerts import alert_columns, alert_of
from db.tables import (
    alerts,
    gateways,
    operations,
    processes,
    reconciliation_differences,
    reconciliations,
    request_minutes,
    webhook_cursors,
    webhook_events,
)
from db.transactions import begun, commit, on_own_terms
from domain.alert import Alert
from domain.alert_rules import AlertRule

_A = alerts.c
_NOW = bindparam("now", type_=DateTime(timezone=True))
_IS_OPEN = _A.closed_at.is_(None)

_ADD = insert(alerts)
_SEE = _ADD.on_conflict_do_update(
    index_elements=["rule", "subject_id"],
    index_where=text("closed_at IS NULL"),
    set_={"seen_at": _ADD.excluded.seen_at, "message": _ADD.excluded.message},
)
_CLOSED = update(alerts).where(_IS_OPEN).values(closed_at=_NOW, is_told=False)
_CLOSE_UNSEEN = _CLOSED.where(
    _A.rule == bindparam("of_rule"), _A.seen_at < bindparam("seen_before")
)
_LOCK_WAITING = (
    select(alerts)
    .where(_IS_OPEN, _A.acknowledged_at.is_(None))
    .order_by(_A.id)
    .limit(1_000)
    .with_for_update(skip_locked=True)
)
_ESCALATE = update(alerts).where(_A.id == bindparam("of_id"), _IS_OPEN)

_FORGET_PROCESSES = delete(processes).where(processes.c.beat_at < bindparam("before"))
_FORGET_COUNTS = delete(request_minutes).where(request_minutes.c.minute < bindparam("before"))


def _settled(condition: ColumnElement[bool], *rules: AlertRule) -> Update:
    return _CLOSED.where(_A.rule.in_([rule.value for rule in rules]), condition)


def _of_events(rule: AlertRule) -> Update:
    """Over when its event has ended well, or, where it stands for all events of a gateway row, when
    none of them is DEAD."""
    event = webhook_events.c
    has_ended = exists().where(
        event.id == _A.subject_id, text("webhook_events.status IN ('PROCESSED', 'IGNORED')")
    )
    has_dead = exists().where(event.gateway_id == _A.subject_id, text("status = 'DEAD'"))
    is_of_many = _A.subject_id.startswith("gw_", autoescape=True)
    return _settled(or_(has_ended, and_(is_of_many, ~has_dead)), rule)


# What proves that the fault is gone, rule by rule. The subject's id leads to it.
_SETTLED = (
    *(
        _of_events(rule)
        for rule in (
            AlertRule.WEBHOOK_DEAD,
            AlertRule.WEBHOOK_UNMATCHED,
            AlertRule.WEBHOOK_MISMATCH,
        )
    ),
    _settled(
        exists().where(webhook_cursors.c.gateway_id == _A.subject_id, text("failures = 0")),
        AlertRule.WEBHOOK_WALK_FAILED,
    ),
    _settled(
        exists().where(reconciliations.c.gateway_id == _A.subject_id, text("failures = 0")),
        AlertRule.RECONCILIATION_FAILED,
    ),
    _settled(
        ~exists().where(reconciliation_differences.c.gateway_id == _A.subject_id),
        AlertRule.RECONCILIATION_DIFFERENCE,
    ),
    _settled(
        exists().where(gateways.c.id == _A.subject_id, gateways.c.is_enabled),
        AlertRule.GATEWAY_DISABLED,
    ),
    _settled(
        exists().where(
            operations.c.tenant_id == _A.tenant_id,
            operations.c.id == _A.subject_id,
            operations.c.state != "MANUAL_REVIEW",
        ),
        AlertRule.OPERATION_MANUAL_REVIEW,
    ),
    _settled(
        exists().where(
            operations.c.tenant_id == _A.tenant_id,
            operations.c.gateway_id == _A.subject_id,
            operations.c.last_sent_at > _A.opened_at,
            text("state IN ('SUCCEEDED', 'DECLINED')"),
        ),
        AlertRule.GATEWAY_UNAUTHORIZED,
    ),
)


@dataclass(frozen=True, slots=True)
class SqlAlertRoundStore:
    """Implements `domain.alert_ports.AlertRoundStore`."""

    connection: AsyncConnection

    async def see(self, alert: Alert) -> None:
        await self.connection.execute(_SEE, {**alert_columns(alert), "seen_at": alert.opened_at})

    async def close_unseen(self, rule: str, *, seen_before: datetime, now: datetime) -> int:
        return await self._close(
            _CLOSE_UNSEEN, {"of_rule": rule, "seen_before": seen_before, "now": now}
        )

    async def close_settled(self, now: datetime) -> int:
        return sum([await self._close(statement, {"now": now}) for statement in _SETTLED])

    async def lock_waiting(self) -> Sequence[Alert]:
        return [alert_of(row) for row in await self.connection.execute(_LOCK_WAITING)]

    async def escalate(self, alert: Alert) -> None:
        columns = {
            "of_id": alert.id,
            "severity": alert.severity.value,
            "escalations": alert.escalations,
            "escalated_at": alert.escalated_at,
            "is_told": False,
        }
        await self.connection.execute(_ESCALATE, columns)

    async def forget_signs(self, *, silent_since: datetime, counted_before: datetime) -> None:
        await self.connection.execute(_FORGET_PROCESSES, {"before": silent_since})
        await self.connection.execute(_FORGET_COUNTS, {"before": counted_before})

    async def _close(self, statement: Update, values: Mapping[str, object]) -> int:
        return (await self.connection.execute(statement, values)).rowcount


class SqlAlertWork:
    """Implements `domain.alert_ports.AlertWork`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.rounds = SqlAlertRoundStore(connection)
        self.notices = SqlNoticeStore(connection)

    async def commit(self) -> None:
        await commit(self._connection)


class SqlAlertDatabase:
    """Implements `domain.alert_ports.AlertDatabase`. `engine` has the worker's role."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = on_own_terms(engine)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SqlAlertWork]:
        """A transaction that sees every tenant's alerts."""
        async with begun(self._engine, None) as connection:
            yield SqlAlertWork(connection)
