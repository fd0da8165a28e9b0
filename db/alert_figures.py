"""What the alerts' measured rules look at, across tenants, in the worker's role.

An id holds the time at which it was made: each of these reads the young end of an index of ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    DateTime,
    Text,
    bindparam,
    case,
    column,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import connected
from db.tables import alert_notices, operations, processes, request_minutes, webhook_events
from domain.alert_ports import Ending, EvidenceDue, Outcomes, Unsettled
from domain.ids import Prefix, first_id
from domain.operation import OperationState
from domain.signs import ProcessKind, RequestCounts, Sign

_TRIES_IN_VAIN = 3
"""An event that waits for its next try after so many counts as failed; the first tries often come
before our own commit."""

_E, _O, _R, _N = webhook_events.c, operations.c, request_minutes.c, alert_notices.c
_UNKNOWN = OperationState.UNKNOWN.value

_MOMENT = DateTime(timezone=True)
_PAYMENTS = select(
    func.payment_outcomes(bindparam("since", type_=Text)).table_valued(
        "tenant_id", column("succeeded", BigInteger), column("failed", BigInteger)
    )
)
_REFUNDS = select(
    func.refund_outcomes(
        bindparam("since_payment", type_=Text), bindparam("since_refund", type_=Text)
    ).table_valued("tenant_id", column("captured", BigInteger), column("refunds", BigInteger))
)
_ENDINGS = select(
    func.authorizations_ending(bindparam("until", type_=_MOMENT)).table_valued(
        "tenant_id", column("authorizations", BigInteger), column("first_at", _MOMENT)
    )
)
_EVIDENCE = select(
    func.evidence_due(
        bindparam("since", type_=_MOMENT), bindparam("until", type_=_MOMENT)
    ).table_valued("tenant_id", "dispute_id", column("due_at", _MOMENT))
)
_IS_VAIN = or_(
    _E.status == "DEAD",
    (_E.status == "RETRY") & (_E.attempts - _E.attempts_before_replay >= _TRIES_IN_VAIN),
)
_EVENTS = select(
    func.count().filter(_E.status.in_(["PROCESSED", "IGNORED"])).label("good"),
    func.count().filter(_IS_VAIN).label("bad"),
).where(_E.id >= bindparam("since", type_=Text))
_GATEWAYS = (
    select(
        _O.gateway_id,
        _O.tenant_id,
        func.count(case((_O.state != _UNKNOWN, 1))).label("good"),
        func.count(case((_O.state == _UNKNOWN, 1))).label("bad"),
    )
    .where(_O.id >= bindparam("since", type_=Text), _O.last_sent_at.is_not(None))
    .where(_O.state.not_in([OperationState.CREATED.value, OperationState.SENDING.value]))
    .group_by(_O.gateway_id, _O.tenant_id)
)
_UNSETTLED = (
    select(_O.id, _O.tenant_id, _O.first_sent_at)
    .where(
        text("state IN ('CREATED', 'SENDING', 'UNKNOWN')"),
        _O.state == _UNKNOWN,
        _O.first_sent_at < bindparam("before"),
    )
    .order_by(_O.first_sent_at)
    .limit(100)
)
_COUNTS = select(
    func.coalesce(func.sum(_R.requests), 0).label("requests"),
    func.coalesce(func.sum(_R.slow), 0).label("slow"),
    func.coalesce(func.sum(_R.failed), 0).label("failed"),
).where(_R.minute >= bindparam("since"))
_SIGNS = select(processes).order_by(processes.c.started_at)
_GIVEN_UP = (
    select(_N.channel, func.count().label("notices"))
    .where(text("due_at IS NULL AND delivered_at IS NULL"), _N.created_at >= bindparam("since"))
    .group_by(_N.channel)
    .order_by(_N.channel)
)


class SqlAlertFigures:
    """Implements `domain.alert_ports.AlertFigures`. `engine` has the worker's role."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def payment_outcomes(self, since: datetime) -> Sequence[Outcomes]:
        async with connected(self._engine) as connection:
            since_id = first_id(Prefix.PAYMENT, since)
            rows = await connection.execute(_PAYMENTS, {"since": since_id})
            return [
                Outcomes(row.tenant_id, row.tenant_id, row.succeeded, row.failed) for row in rows
            ]

    async def refund_outcomes(self, since: datetime) -> Sequence[Outcomes]:
        ids = {
            "since_payment": first_id(Prefix.PAYMENT, since),
            "since_refund": first_id(Prefix.REFUND, since),
        }
        async with connected(self._engine) as connection:
            rows = await connection.execute(_REFUNDS, ids)
            return [
                Outcomes(row.tenant_id, row.tenant_id, row.captured, row.refunds) for row in rows
            ]

    async def event_outcomes(self, since: datetime) -> tuple[int, int]:
        async with connected(self._engine) as connection:
            since_id = first_id(Prefix.WEBHOOK_EVENT, since)
            row = (await connection.execute(_EVENTS, {"since": since_id})).one()
            return row.good, row.bad

    async def gateway_outcomes(self, since: datetime) -> Sequence[Outcomes]:
        async with connected(self._engine) as connection:
            since_id = first_id(Prefix.OPERATION, since)
            rows = await connection.execute(_GATEWAYS, {"since": since_id})
            return [Outcomes(row.gateway_id, row.tenant_id, row.good, row.bad) for row in rows]

    async def request_counts(self, since: datetime) -> RequestCounts:
        async with connected(self._engine) as connection:
            row = (await connection.execute(_COUNTS, {"since": since})).one()
            return RequestCounts(row.requests, row.slow, row.failed)

    async def unsettled(self, before: datetime) -> Sequence[Unsettled]:
        async with connected(self._engine) as connection:
            rows = await connection.execute(_UNSETTLED, {"before": before})
            return [Unsettled(row.id, row.tenant_id, row.first_sent_at) for row in rows]

    async def signs(self) -> Sequence[Sign]:
        async with connected(self._engine) as connection:
            rows = await connection.execute(_SIGNS)
            return [
                Sign(
                    process_id=row.id,
                    kind=ProcessKind(row.kind),
                    version=row.version,
                    started_at=row.started_at,
                    beat_at=row.beat_at,
                    pool_size=row.pool_size,
                    pool_in_use=row.pool_in_use,
                    pool_full_since=row.pool_full_since,
                )
                for row in rows
            ]

    async def authorizations_ending(self, until: datetime) -> Sequence[Ending]:
        async with connected(self._engine) as connection:
            rows = await connection.execute(_ENDINGS, {"until": until})
            return [Ending(row.tenant_id, row.authorizations, row.first_at) for row in rows]

    async def evidence_due(self, since: datetime, until: datetime) -> Sequence[EvidenceDue]:
        async with connected(self._engine) as connection:
            rows = await connection.execute(_EVIDENCE, {"since": since, "until": until})
            return [EvidenceDue(row.tenant_id, row.dispute_id, row.due_at) for row in rows]

    async def given_up(self, since: datetime) -> Sequence[tuple[str, int]]:
        async with connected(self._engine) as connection:
            rows = await connection.execute(_GIVEN_UP, {"since": since})
            return [(row.channel, row.notices) for row in rows]
