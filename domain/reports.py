"""What readers ask for: filters, pages, and the timeline of a payment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from domain.caller import AuditActorType
from domain.dispute import DisputeStatus
from domain.order import OrderStatus
from domain.payment import PaymentStatus

T = TypeVar("T")

PAGE_SIZE_DEFAULT = 25
PAGE_SIZE_MAX = 100
COUNT_MAX = 10_000
"""Rows are counted up to here; beyond it a total is not worth its cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """A slice of a list ordered newest first. `after` and `before` are ids of rows not included;
    `backwards` takes the last `limit` rows of the range instead of the first."""

    limit: int = PAGE_SIZE_DEFAULT
    after: str | None = None
    before: str | None = None
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One slice, newest first."""

    items: Sequence[T]
    has_next: bool
    has_previous: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRange:
    """From `gte` up to, not including, `lt`."""

    gte: datetime | None = None
    lt: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFilter:
    """Conditions that must all hold. `search` matches an id, a gateway id, an order's reference or
    a card's last four digits."""

    status_in: Sequence[PaymentStatus] | None = None
    order_id: str | None = None
    currency: str | None = None
    created_at: TimeRange | None = None
    is_disputed: bool | None = None
    search: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Conditions that must all hold. `search` matches an id, a reference or a customer's e-mail."""

    status_in: Sequence[OrderStatus] | None = None
    created_at: TimeRange | None = None
    search: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeFilter:
    """Conditions that must all hold."""

    status_in: Sequence[DisputeStatus] | None = None
    evidence_due_at: TimeRange | None = None
    payment_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentEvent:
    """One line of a payment's timeline. `amount` is in minor units of the payment's currency."""

    id: str
    status: PaymentStatus
    amount: int | None
    source: AuditActorType
    actor: str | None
    message: str
    created_at: datetime
