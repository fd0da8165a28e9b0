"""The record of a key, as its first call makes it, and as later ones are held against it."""

from __future__ import annotations

from domain.commands import Command, input_values, record_key
from domain.errors import AttemptedOperation, IdempotencyKeyReused
from domain.idempotency import IdempotencyOutcome, IdempotencyRecord, input_hash
from domain.ids import Prefix, new_id
from domain.ports import Clock


def new_record(
    tenant_id: str, attempted: AttemptedOperation | str, command: Command, clock: Clock
) -> IdempotencyRecord:
    """The record that a first call inserts."""
    return IdempotencyRecord(
        id=new_id(Prefix.IDEMPOTENCY_RECORD),
        tenant_id=tenant_id,
        mutation=attempted,
        key=record_key(command),
        input_hash=input_hash(input_values(command)),
        outcome=IdempotencyOutcome.RUNNING,
        created_at=clock.now(),
    )


def check_same_input(existing: IdempotencyRecord, fresh: IdempotencyRecord) -> None:
    """Raises IdempotencyKeyReused when the key was first used with another input."""
    if existing.input_hash != fresh.input_hash:
        raise IdempotencyKeyReused(existing.given_key)
