"""Idempotency records: one key, one effect, for ever."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class IdempotencyOutcome(StrEnum):
    """What the first call came to. RUNNING until its operation is settled; OPEN when nothing
    reached the gateway, so that the same call runs the same operation again."""

    RUNNING = "RUNNING"
    OPEN = "OPEN"
    SUCCEEDED = "SUCCEEDED"
    DECLINED = "DECLINED"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyRecord:
    """The memory of a key, unique per tenant and mutation. It names its subjects and never holds a
    rendered answer: a replay reads them again. `key` is `domain.commands.record_key`."""

    id: str
    tenant_id: str
    mutation: str
    key: str
    input_hash: str
    outcome: IdempotencyOutcome
    created_at: datetime
    operation_id: str | None = None
    order_id: str | None = None
    payment_id: str | None = None
    refund_id: str | None = None
    detail_code: str | None = None
    message: str | None = None
    finished_at: datetime | None = None

    @property
    def given_key(self) -> str:
        """The key as the caller wrote it, which has no space."""
        return self.key.rpartition(" ")[2]


def input_hash(values: Mapping[str, object]) -> str:
    """SHA-256 of the input in canonical JSON: the same intent always hashes alike."""
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
