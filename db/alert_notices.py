"""What is to be sent out about alerts, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import DateTime, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from db.alerts import alert_of
from db.filters import among
from db.tables import alert_notices, alerts
from domain.alert import Alert
from domain.alert_notice import Notice, Stage

_N = alert_notices.c
_LOCK_UNTOLD = (
    select(alerts)
    .where(~alerts.c.is_told)
    .order_by(alerts.c.id)
    .limit(bindparam("at_most"))
    .with_for_update(skip_locked=True)
)
_ADD = insert(alert_notices).on_conflict_do_nothing(
    index_elements=["alert_id", "stage", "escalation", "channel"]
)
_DUE = (
    select(_N.id)
    .where(_N.due_at <= bindparam("now", type_=DateTime(timezone=True)))
    .order_by(_N.due_at)
    .limit(bindparam("at_most"))
    .with_for_update(skip_locked=True)
).cte("due")
# Whoever claims a notice has it until then: one that dies over it leaves it due again.
_CLAIM = (
    update(alert_notices)
    .where(_N.id == _DUE.c.id, alerts.c.id == _N.alert_id)
    .values(due_at=bindparam("until"))
    .returning(
        _N.id.label("notice_id"), _N.stage, _N.channel, _N.attempts, _N.created_at, *alerts.c
    )
)
_SAVE = update(alert_notices).where(_N.id == bindparam("of_id"))


@dataclass(frozen=True, slots=True)
class SqlNoticeStore:
    """Implements `domain.alert_ports.NoticeStore`."""

    connection: AsyncConnection

    async def lock_untold(self, limit: int) -> Sequence[Alert]:
        found = await self.connection.execute(_LOCK_UNTOLD, {"at_most": limit})
        return [alert_of(row) for row in found]

    async def add(self, notice: Notice, due_at: datetime) -> None:
        columns = {
            "alert_id": notice.alert.id,
            "stage": notice.stage.value,
            "escalation": notice.alert.escalations,
            "channel": notice.channel,
            "id": notice.id,
            "attempts": 0,
            "due_at": due_at,
            "created_at": notice.created_at,
        }
        await self.connection.execute(_ADD, columns)

    async def note_told(self, alert_ids: Sequence[str]) -> None:
        told = update(alerts).where(among(alerts.c.id, alert_ids)).values(is_told=True)
        await self.connection.execute(told)

    async def claim_due(self, now: datetime, until: datetime, limit: int) -> Sequence[Notice]:
        found = await self.connection.execute(
            _CLAIM, {"now": now, "until": until, "at_most": limit}
        )
        return [
            Notice(
                id=row.notice_id,
                stage=Stage(row.stage),
                channel=row.channel,
                alert=alert_of(row),
                attempts=row.attempts,
                created_at=row.created_at,
            )
            for row in found
        ]

    async def delivered(self, notice: Notice, now: datetime) -> None:
        columns = {"attempts": notice.attempts + 1, "due_at": None, "delivered_at": now}
        await self.connection.execute(_SAVE, {"of_id": notice.id, **columns})

    async def failed(self, notice: Notice, reason: str, due_at: datetime | None) -> None:
        columns = {"attempts": notice.attempts + 1, "due_at": due_at, "error_message": reason}
        await self.connection.execute(_SAVE, {"of_id": notice.id, **columns})
