"""Idempotency keys: rows and domain objects, and the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from db.statements import find_by_id, of_key, save_by_id
from db.tables import idempotency_keys
from domain.errors import NotFound
from domain.idempotency import IdempotencyOutcome, IdempotencyRecord

_COLUMN = idempotency_keys.c
_FIND = find_by_id(idempotency_keys)
_SAVE = save_by_id(idempotency_keys)
# The conflict is found only after a concurrent claim of the key has ended, so that the winner's
# row is there to be read. It is not locked: a key is written under the lock of its operation, and
# a lock taken here would be taken before that one, against the order.
_ADD = (
    insert(idempotency_keys)
    .on_conflict_do_nothing(index_elements=["tenant_id", "mutation", "key"])
    .returning(_COLUMN.id)
)
_FIND_TAKEN = select(idempotency_keys).where(
    _COLUMN.tenant_id == bindparam("of_tenant_id"),
    _COLUMN.mutation == bindparam("of_mutation"),
    _COLUMN.key == bindparam("of_key"),
)


def _record_of(row: Row[Any]) -> IdempotencyRecord:
    return IdempotencyRecord(
        id=row.id,
        tenant_id=row.tenant_id,
        mutation=row.mutation,
        key=row.key,
        input_hash=row.input_hash,
        outcome=IdempotencyOutcome(row.outcome),
        created_at=row.created_at,
        operation_id=row.operation_id,
        order_id=row.order_id,
        payment_id=row.payment_id,
        refund_id=row.refund_id,
        detail_code=row.detail_code,
        message=row.message,
        finished_at=row.finished_at,
    )


def _columns(record: IdempotencyRecord) -> Mapping[str, object]:
    return {
        "tenant_id": record.tenant_id,
        "id": record.id,
        "mutation": record.mutation,
        "key": record.key,
        "input_hash": record.input_hash,
        "outcome": record.outcome.value,
        "operation_id": record.operation_id,
        "order_id": record.order_id,
        "payment_id": record.payment_id,
        "refund_id": record.refund_id,
        "detail_code": record.detail_code,
        "message": record.message,
        "created_at": record.created_at,
        "finished_at": record.finished_at,
    }


@dataclass(frozen=True, slots=True)
class SqlIdempotencyStore:
    """Implements `domain.ports.IdempotencyStore`."""

    connection: AsyncConnection

    async def claim(self, record: IdempotencyRecord) -> IdempotencyRecord | None:
        added = await self.connection.execute(_ADD, _columns(record))
        if added.first() is not None:
            return None
        taken = await self.connection.execute(
            _FIND_TAKEN,
            {
                "of_tenant_id": record.tenant_id,
                "of_mutation": record.mutation,
                "of_key": record.key,
            },
        )
        return _record_of(taken.one())

    async def find(self, tenant_id: str, record_id: str) -> IdempotencyRecord | None:
        found = await self.connection.execute(_FIND, of_key(tenant_id, record_id))
        row = found.first()
        return None if row is None else _record_of(row)

    async def save(self, record: IdempotencyRecord) -> None:
        key = of_key(record.tenant_id, record.id)
        saved = await self.connection.execute(_SAVE, {**key, **_columns(record)})
        if saved.rowcount == 0:
            raise NotFound(record.id)
