"""The store of how far accounts were reconciled and of what differs still."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    DateTime,
    Integer,
    Row,
    Text,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    union,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from db.filters import among
from db.gateway_accounts import IS_ACCOUNT
from db.statements import TENANT
from db.tables import (
    gateways,
    ledger_transactions,
    payments,
    reconciliation_differences,
    reconciliations,
)
from domain.differences import Difference, Label
from domain.movement_sums import Span
from domain.payment import GatewayType
from domain.reconciliation import Reconciliation, UnderWay
from domain.tenant import GatewayMode

_ROW, _LEFT = reconciliations.c, reconciliation_differences.c
_GATEWAY, _PAYMENT, _BOOKED = gateways.c, payments.c, ledger_transactions.c
_OF_GATEWAY = bindparam("of_gateway_id", type_=Text)
_IS_ACCOUNT = and_(_GATEWAY.livemode == bindparam("of_livemode"), IS_ACCOUNT)

_IDS = select(_GATEWAY.id).where(_IS_ACCOUNT).order_by(_GATEWAY.id)
_WITHOUT_ROW = select(
    _GATEWAY.id.label("gateway_id"),
    func.greatest(_GATEWAY.created_at, bindparam("oldest", type_=DateTime(timezone=True))).label(
        "reconciled_until"
    ),
).where(_IS_ACCOUNT, ~exists().where(_ROW.gateway_id == _GATEWAY.id))
_ADD = insert(reconciliations).on_conflict_do_nothing()
_FIRST = (
    select(reconciliations)
    .join(gateways, _GATEWAY.id == _ROW.gateway_id)
    .where(_IS_ACCOUNT)
    .order_by(_ROW.due_at, _ROW.gateway_id)
    .limit(1)
)
_FIND = select(reconciliations).where(_ROW.gateway_id == _OF_GATEWAY)
_SAVE = update(reconciliations).where(_ROW.gateway_id == _OF_GATEWAY)
_PLATFORM_ROWS = select(_GATEWAY.tenant_id, _GATEWAY.id).where(
    _GATEWAY.tenant_id.is_not(None),
    _GATEWAY.mode == GatewayMode.PLATFORM.value,
    _GATEWAY.gateway_type == bindparam("of_type", type_=Text),
    _GATEWAY.livemode == bindparam("of_livemode"),
)
_BEGIN, _END = (bindparam(name, type_=DateTime(timezone=True)) for name in ("begin", "until"))
_OURS = and_(
    _PAYMENT.tenant_id == bindparam(TENANT),
    _PAYMENT.gateway_id == _OF_GATEWAY,
    _PAYMENT.gateway_payment_id.is_not(None),
)
_TOUCHED = union(
    select(_PAYMENT.id).where(_OURS, _PAYMENT.created_at >= _BEGIN, _PAYMENT.created_at < _END),
    select(_PAYMENT.id)
    .join(
        ledger_transactions,
        and_(_BOOKED.tenant_id == _PAYMENT.tenant_id, _BOOKED.payment_id == _PAYMENT.id),
    )
    .where(
        _OURS,
        _BOOKED.tenant_id == bindparam(TENANT),
        _BOOKED.created_at >= _BEGIN,
        _BOOKED.created_at < _END,
    ),
)
_UNDER_WAY = func.payments_under_way(
    _OF_GATEWAY, bindparam("after", type_=Text), bindparam("at_most", type_=Integer)
).table_valued("tenant_id", "payment_id", "gateway_payment_id")
_LEFT_OF = (
    select(reconciliation_differences)
    .where(_LEFT.gateway_id == _OF_GATEWAY)
    .order_by(_LEFT.found_at, _LEFT.subject_id, _LEFT.label)
)
_FORGET = delete(reconciliation_differences).where(_LEFT.gateway_id == _OF_GATEWAY)
_NOTE = insert(reconciliation_differences)
_NOTE_AGAIN = _NOTE.on_conflict_do_update(
    index_elements=["gateway_id", "subject_id", "label"],
    set_={"ours": _NOTE.excluded.ours, "theirs": _NOTE.excluded.theirs},
)


def _row_of(row: Row[Any]) -> Reconciliation:
    return Reconciliation(
        gateway_id=row.gateway_id,
        reconciled_until=row.reconciled_until,
        due_at=row.due_at,
        repaired=row.repaired,
        failures=row.failures,
        reconciled_at=row.reconciled_at,
        looked_until=row.looked_until,
        error_message=row.error_message,
    )


def _columns(reconciliation: Reconciliation) -> Mapping[str, object]:
    return {
        "reconciled_until": reconciliation.reconciled_until,
        "due_at": reconciliation.due_at,
        "repaired": reconciliation.repaired,
        "failures": reconciliation.failures,
        "reconciled_at": reconciliation.reconciled_at,
        "looked_until": reconciliation.looked_until,
        "error_message": reconciliation.error_message,
    }


def _difference_of(row: Row[Any]) -> Difference:
    return Difference(
        Label(row.label), row.subject_id, None, row.ours, row.theirs, row.gateway_payment_id
    )


@dataclass(frozen=True, slots=True)
class SqlReconciliationStore:
    """Implements `domain.reconciliation.ReconciliationStore`."""

    connection: AsyncConnection

    async def add_missing(self, now: datetime, *, oldest: datetime, livemode: bool) -> None:
        asked = {"oldest": oldest, "of_livemode": livemode}
        found = await self.connection.execute(_WITHOUT_ROW, asked)
        begun = {"due_at": now, "repaired": 0, "failures": 0}
        rows = [{**row._mapping, **begun} for row in found]
        if rows:
            await self.connection.execute(_ADD, rows)

    async def find(self, gateway_id: str) -> Reconciliation | None:
        row = (await self.connection.execute(_FIND, {"of_gateway_id": gateway_id})).first()
        return None if row is None else _row_of(row)

    async def first(self, *, livemode: bool) -> Reconciliation | None:
        row = (await self.connection.execute(_FIRST, {"of_livemode": livemode})).first()
        return None if row is None else _row_of(row)

    async def gateway_ids(self, *, livemode: bool) -> Sequence[str]:
        return list((await self.connection.execute(_IDS, {"of_livemode": livemode})).scalars())

    async def save(self, reconciliation: Reconciliation) -> None:
        saved = {"of_gateway_id": reconciliation.gateway_id, **_columns(reconciliation)}
        await self.connection.execute(_SAVE, saved)

    async def platform_rows(
        self, gateway_type: GatewayType, *, livemode: bool
    ) -> Sequence[tuple[str, str]]:
        asked = {"of_type": gateway_type.value, "of_livemode": livemode}
        found = await self.connection.execute(_PLATFORM_ROWS, asked)
        return [(row.tenant_id, row.id) for row in found]

    async def touched(self, tenant_id: str, gateway_id: str, span: Span) -> Sequence[str]:
        found = await self.connection.execute(
            _TOUCHED,
            {
                TENANT: tenant_id,
                "of_gateway_id": gateway_id,
                "begin": span.begin,
                "until": span.end,
            },
        )
        return list(found.scalars())

    async def under_way(self, gateway_id: str, *, after: str, limit: int) -> Sequence[UnderWay]:
        asked = {"of_gateway_id": gateway_id, "after": after, "at_most": limit}
        found = await self.connection.execute(select(_UNDER_WAY), asked)
        return [UnderWay(row.tenant_id, row.payment_id, row.gateway_payment_id) for row in found]

    async def booked(self, tenant_id: str, fact_keys: Collection[str]) -> frozenset[str]:
        wanted = select(_BOOKED.fact_key).where(
            _BOOKED.tenant_id == tenant_id, among(_BOOKED.fact_key, list(fact_keys))
        )
        return frozenset((await self.connection.execute(wanted)).scalars())

    async def differences(self, gateway_id: str) -> Sequence[Difference]:
        found = await self.connection.execute(_LEFT_OF, {"of_gateway_id": gateway_id})
        return [_difference_of(row) for row in found]

    async def replace(
        self,
        gateway_id: str,
        subject_ids: Collection[str],
        differences: Sequence[Difference],
        now: datetime,
    ) -> None:
        if not subject_ids:
            return
        left = {(each.subject_id, str(each.label)) for each in differences}
        known = await self.differences(gateway_id)
        gone = [
            and_(_LEFT.subject_id == each.subject_id, _LEFT.label == str(each.label))
            for each in known
            if each.subject_id in subject_ids and (each.subject_id, str(each.label)) not in left
        ]
        if gone:
            await self.connection.execute(_FORGET.where(or_(*gone)), {"of_gateway_id": gateway_id})
        if differences:
            rows = {
                (each.subject_id, each.label): {
                    "gateway_id": gateway_id,
                    "subject_id": each.subject_id,
                    "label": each.label.value,
                    "gateway_payment_id": each.gateway_payment_id,
                    "ours": each.ours,
                    "theirs": each.theirs,
                    "found_at": now,
                }
                for each in differences
            }
            await self.connection.execute(_NOTE_AGAIN, list(rows.values()))
