"""Gateway operations: rows and domain objects, and the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Row,
    Select,
    and_,
    bindparam,
    case,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningUpdate

from db.sealed import SealedColumn
from db.statements import find_by_id, of_key, save_by_id
from db.tables import operations
from domain.errors import NotFound
from domain.operation import (
    OPEN,
    UNREADABLE_REQUEST,
    GatewayRequest,
    Operation,
    OperationKind,
    OperationState,
)
from domain.ports import Cipher

REQUEST = SealedColumn("gateway_operations", "request")
"""The exact request, as `{"path": ..., "parameters": {...}}`."""

_COLUMN = operations.c
_FIND = find_by_id(operations)
_LOCK = _FIND.with_for_update()
_SAVE = save_by_id(operations)
_ADD = insert(operations)
_OPEN_OF_PAYMENT = (
    select(operations)
    .where(
        _COLUMN.tenant_id == bindparam("of_tenant_id"),
        _COLUMN.payment_id == bindparam("of_payment_id"),
        _COLUMN.state.in_(sorted(OPEN)),
    )
    .order_by(_COLUMN.id)
)
_HASTEN = (
    update(operations)
    .where(
        _COLUMN.tenant_id == bindparam("of_tenant_id"),
        _COLUMN.payment_id == bindparam("of_payment_id"),
        _COLUMN.state == OperationState.UNKNOWN.value,
        _COLUMN.due_at > bindparam("due_after"),
    )
    .values(due_at=bindparam("now"))
    .returning(_COLUMN.id)
)
_WAITING = or_(
    and_(_COLUMN.state.in_(["CREATED", "UNKNOWN"]), _COLUMN.due_at <= bindparam("now")),
    and_(_COLUMN.state == "SENDING", _COLUMN.last_sent_at < bindparam("sending_before")),
)


def _claim(due: Select[tuple[str, str]]) -> ReturningUpdate[Any]:
    # A stale SENDING becomes UNKNOWN here, which it counts as anyway: only so does its lease hold,
    # since SENDING is due by the time it was sent, not by `due_at`.
    # A CTE that locks is run once, so that what it locks and what is claimed are the same rows.
    waiting = due.with_for_update(skip_locked=True).cte("waiting")
    settled_from = case((_COLUMN.state == "SENDING", "UNKNOWN"), else_=_COLUMN.state)
    return (
        update(operations)
        .where(_COLUMN.tenant_id == waiting.c.tenant_id, _COLUMN.id == waiting.c.id)
        .values(due_at=bindparam("lease_until"), state=settled_from)
        .returning(operations)
    )


_KEY_OF_WAITING = select(_COLUMN.tenant_id, _COLUMN.id).where(_WAITING)
_CLAIM_DUE = _claim(_KEY_OF_WAITING.order_by(_COLUMN.due_at).limit(bindparam("at_most")))
_CLAIM_ONE = _claim(_KEY_OF_WAITING.where(_COLUMN.id == bindparam("of_id")))


def _operation_of(row: Row[Any], cipher: Cipher) -> Operation:
    return Operation(
        id=row.id,
        tenant_id=row.tenant_id,
        payment_id=row.payment_id,
        gateway_id=row.gateway_id,
        kind=OperationKind(row.kind),
        state=OperationState(row.state),
        gateway_key=row.gateway_key,
        request=_request_of(row, cipher),
        created_at=row.created_at,
        updated_at=row.updated_at,
        due_at=row.due_at,
        amount=row.amount_cents,
        refund_id=row.refund_id,
        idempotency_record_id=row.idempotency_record_id,
        attempts=row.attempts,
        first_sent_at=row.first_sent_at,
        last_sent_at=row.last_sent_at,
        absent_at=row.absent_at,
        gateway_request_id=row.gateway_request_id,
        error=row.error_message,
    )


def _request_of(row: Row[Any], cipher: Cipher) -> GatewayRequest:
    request = REQUEST.read(cipher, row.tenant_id, row.id, row.request)
    if request is None:
        return UNREADABLE_REQUEST
    parameters = request["parameters"]
    if not isinstance(parameters, dict):
        raise TypeError(f"the request of {row.id} has no parameters")
    return GatewayRequest(path=str(request["path"]), parameters=parameters)


def _columns(operation: Operation, cipher: Cipher) -> Mapping[str, object]:
    return {
        "tenant_id": operation.tenant_id,
        "id": operation.id,
        "payment_id": operation.payment_id,
        "gateway_id": operation.gateway_id,
        "refund_id": operation.refund_id,
        "idempotency_record_id": operation.idempotency_record_id,
        "kind": operation.kind.value,
        "state": operation.state.value,
        "gateway_key": operation.gateway_key,
        **_sealed_request(operation, cipher),
        "amount_cents": operation.amount,
        "attempts": operation.attempts,
        "due_at": operation.due_at,
        "first_sent_at": operation.first_sent_at,
        "last_sent_at": operation.last_sent_at,
        "absent_at": operation.absent_at,
        "gateway_request_id": operation.gateway_request_id,
        "error_message": operation.error,
        "created_at": operation.created_at,
        "updated_at": operation.updated_at,
    }


def _sealed_request(operation: Operation, cipher: Cipher) -> Mapping[str, object]:
    if operation.request == UNREADABLE_REQUEST:
        return {}  # what is stored may be readable again with a key that is missing now
    value = {"path": operation.request.path, "parameters": dict(operation.request.parameters)}
    return {"request": REQUEST.seal(cipher, operation.tenant_id, operation.id, value)}


@dataclass(frozen=True, slots=True)
class SqlOperationStore:
    """Implements `domain.ports.OperationStore`."""

    connection: AsyncConnection
    cipher: Cipher

    async def add(self, operation: Operation) -> None:
        await self.connection.execute(_ADD, _columns(operation, self.cipher))

    async def find(self, tenant_id: str, operation_id: str) -> Operation | None:
        found = await self.connection.execute(_FIND, of_key(tenant_id, operation_id))
        row = found.first()
        return None if row is None else _operation_of(row, self.cipher)

    async def lock(self, tenant_id: str, operation_id: str) -> Operation:
        found = await self.connection.execute(_LOCK, of_key(tenant_id, operation_id))
        row = found.first()
        if row is None:
            raise NotFound(operation_id)
        return _operation_of(row, self.cipher)

    async def open_of_payment(self, tenant_id: str, payment_id: str) -> Sequence[Operation]:
        found = await self.connection.execute(
            _OPEN_OF_PAYMENT, {"of_tenant_id": tenant_id, "of_payment_id": payment_id}
        )
        return [_operation_of(row, self.cipher) for row in found]

    async def save(self, operation: Operation) -> None:
        key = of_key(operation.tenant_id, operation.id)
        saved = await self.connection.execute(_SAVE, {**key, **_columns(operation, self.cipher)})
        if saved.rowcount == 0:
            raise NotFound(operation.id)

    async def hasten(
        self, tenant_id: str, payment_id: str, now: datetime, *, due_after: datetime
    ) -> Sequence[str]:
        hastened = await self.connection.execute(
            _HASTEN,
            {
                "of_tenant_id": tenant_id,
                "of_payment_id": payment_id,
                "now": now,
                "due_after": due_after,
            },
        )
        return [row.id for row in hastened]

    async def claim_due(
        self, now: datetime, *, lease_until: datetime, sending_before: datetime, limit: int
    ) -> Sequence[Operation]:
        claimed = await self.connection.execute(
            _CLAIM_DUE,
            {
                "now": now,
                "lease_until": lease_until,
                "sending_before": sending_before,
                "at_most": limit,
            },
        )
        return [_operation_of(row, self.cipher) for row in claimed]

    async def claim(
        self, operation_id: str, now: datetime, *, lease_until: datetime, sending_before: datetime
    ) -> Operation | None:
        claimed = await self.connection.execute(
            _CLAIM_ONE,
            {
                "now": now,
                "lease_until": lease_until,
                "sending_before": sending_before,
                "of_id": operation_id,
            },
        )
        row = claimed.first()
        return None if row is None else _operation_of(row, self.cipher)
