"""What the lists can be narrowed by. Fields of a filter must all hold."""

from __future__ import annotations

from datetime import datetime

import strawberry

from domain import reports
from domain.dispute import DisputeStatus
from domain.order import OrderStatus
from domain.payment import PaymentStatus
from schema.scalars import Currency, SafeText


@strawberry.input(description="A span of time.")
class DateTimeRange:
    gte: datetime | None = strawberry.field(description="From here on.", default=None)
    lt: datetime | None = strawberry.field(description="Up to here, not included.", default=None)

    def to_range(self) -> reports.TimeRange:
        """The span as the reports take it."""
        return reports.TimeRange(gte=self.gte, lt=self.lt)


@strawberry.input(description="Which payments.")
class PaymentFilter:
    status_in: list[PaymentStatus] | None = strawberry.field(
        description="In one of these statuses.", default=None
    )
    order_id: strawberry.ID | None = strawberry.field(description="Of this order.", default=None)
    currency: Currency | None = strawberry.field(description="In this currency.", default=None)
    created_at: DateTimeRange | None = strawberry.field(description="Made then.", default=None)
    is_disputed: bool | None = strawberry.field(
        description="With, or without, an open dispute.", default=None
    )
    search: SafeText | None = strawberry.field(
        description="An id, a gateway id, an order's reference or a card's last four digits.",
        default=None,
    )

    def to_filter(self) -> reports.PaymentFilter:
        """The filter as the reports take it."""
        return reports.PaymentFilter(
            status_in=self.status_in,
            order_id=self.order_id,
            currency=self.currency,
            created_at=self.created_at.to_range() if self.created_at else None,
            is_disputed=self.is_disputed,
            search=self.search,
        )


@strawberry.input(description="Which orders.")
class OrderFilter:
    status_in: list[OrderStatus] | None = strawberry.field(
        description="In one of these statuses.", default=None
    )
    created_at: DateTimeRange | None = strawberry.field(description="Opened then.", default=None)
    search: SafeText | None = strawberry.field(
        description="An id, a reference or a customer's e-mail address.", default=None
    )

    def to_filter(self) -> reports.OrderFilter:
        """The filter as the reports take it."""
        return reports.OrderFilter(
            status_in=self.status_in,
            created_at=self.created_at.to_range() if self.created_at else None,
            search=self.search,
        )


@strawberry.input(description="Which disputes.")
class DisputeFilter:
    status_in: list[DisputeStatus] | None = strawberry.field(
        description="In one of these statuses.", default=None
    )
    evidence_due_at: DateTimeRange | None = strawberry.field(
        description="With evidence due then.", default=None
    )

    def to_filter(self) -> reports.DisputeFilter:
        """The filter as the reports take it."""
        return reports.DisputeFilter(
            status_in=self.status_in,
            evidence_due_at=self.evidence_due_at.to_range() if self.evidence_due_at else None,
        )


@strawberry.input(description="Which order, by exactly one of its names.", one_of=True)
class OrderBy:
    id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="Tollgate's id.")
    reference: strawberry.Maybe[SafeText] = strawberry.field(
        description="The merchant's own name for it."
    )
