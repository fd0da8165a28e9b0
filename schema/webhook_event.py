"""What a webhook event has of its own, its tries, and by what events are narrowed."""

from __future__ import annotations

from datetime import datetime
from typing import Self

import strawberry

from domain import inbox
from domain.inbox import WebhookEventStatus
from domain.inbox_reading import EventFilter, EventRecord
from domain.payment import GatewayType
from schema.context import Info
from schema.fields import computed
from schema.filters import DateTimeRange
from schema.node import Node
from schema.scalars import Json, SafeText


@strawberry.type(description="One try to work an event off, as it ended.")
class WebhookAttempt:
    number: int = strawberry.field(description="Which try, from 1.")
    started_at: datetime = strawberry.field(description="When it began.")
    duration_ms: int = strawberry.field(description="How long it took, in milliseconds.")
    outcome: WebhookEventStatus = strawberry.field(description="Where the event stood after it.")
    error: str | None = strawberry.field(description="Why it did not succeed, if it did not.")
    is_manual: bool = strawberry.field(description="Whether a replay asked for it.")

    @classmethod
    def of(cls, attempt: inbox.WebhookAttempt) -> WebhookAttempt:
        """The try as a client sees it."""
        return cls(
            number=attempt.number,
            started_at=attempt.started_at,
            duration_ms=attempt.duration_ms,
            outcome=attempt.outcome,
            error=attempt.error,
            is_manual=attempt.is_manual,
        )


FINISHED = frozenset({WebhookEventStatus.PROCESSED, WebhookEventStatus.IGNORED})
"""The statuses of an event that is over, as the column `processed` has it."""


@strawberry.type
class ReceivedEvent(Node):
    gateway_type: GatewayType = strawberry.field(description="The gateway that sent it.")
    event_id: str = strawberry.field(description="The gateway's id of it (evt_…).")
    event_type: str = strawberry.field(description="The gateway's name of what happened.")
    status: WebhookEventStatus = strawberry.field(description="Where it stands.")
    processed: bool = strawberry.field(description="Whether it is over: PROCESSED or IGNORED.")
    error_message: str | None = strawberry.field(
        description="Why it was put off, ignored or given up; null after a replay."
    )
    is_live: bool = strawberry.field(description="Whether it is about real money.")
    api_version: str | None = strawberry.field(
        description="The version of the gateway's API that it is written in."
    )
    attempt_count: int = strawberry.field(
        description="How often it was tried, one that is under way included."
    )
    created_at: datetime = strawberry.field(description="When it was received.")
    processed_at: datetime | None = strawberry.field(
        description="When it was over; null again after a replay."
    )
    next_attempt_at: datetime | None = strawberry.field(
        description="When it is tried again, while it is RETRY."
    )
    payment_id: strawberry.Private[str | None]

    @classmethod
    def received(cls, event: EventRecord) -> Self:
        """The event with all that it says of itself."""
        return cls(
            id=strawberry.ID(event.id),
            gateway_type=GatewayType.STRIPE,  # the one gateway whose events are heard
            event_id=event.event_id,
            event_type=event.event_type,
            status=event.status,
            processed=event.status in FINISHED,
            error_message=event.error_message,
            is_live=event.livemode,
            api_version=event.api_version,
            attempt_count=event.attempts,
            created_at=event.created_at,
            processed_at=event.processed_at,
            next_attempt_at=event.next_attempt_at,
            payment_id=event.payment_id,
        )

    @computed("The tries that have ended, in their order.")
    async def attempts(self, info: Info) -> list[WebhookAttempt]:
        found = await info.context.loaders.webhook_attempts.load(self.id)
        return [WebhookAttempt.of(attempt) for attempt in found or ()]

    @computed(
        "The event as the gateway signed or listed it, without secrets; an empty object where "
        "nothing is kept of it any more, or it could not be stored."
    )
    async def payload(self, info: Info) -> Json:
        found = await info.context.loaders.webhook_payload.load(self.id)
        return Json(dict(found or {}))


@strawberry.input(description="Which webhook events.")
class WebhookEventFilter:
    status_in: list[WebhookEventStatus] | None = strawberry.field(
        description="In one of these statuses.", default=None
    )
    event_type: SafeText | None = strawberry.field(
        description="Of this type, by the gateway's whole name, such as charge.refunded.",
        default=None,
    )
    created_at: DateTimeRange | None = strawberry.field(description="Received then.", default=None)
    payment_id: strawberry.ID | None = strawberry.field(
        description="About this payment.", default=None
    )

    def to_filter(self) -> EventFilter:
        """The filter as the reads take it."""
        return EventFilter(
            status_in=self.status_in,
            event_type_in=None if self.event_type is None else [self.event_type],
            created_at=self.created_at.to_range() if self.created_at else None,
            payment_id=self.payment_id,
        )
