"""What the replays of webhook events answer."""

from __future__ import annotations

from typing import Annotated

import strawberry

from domain.replaying import BulkReplayed
from schema.errors import InvalidStateError, NotFoundError, ValidationError
from schema.types import WebhookEvent


@strawberry.type(description="The events were put back, to be worked off once more.")
class ReplayWebhookEventsSuccess:
    replayed_count: int = strawberry.field(description="How many this call replayed.")
    skipped_count: int | None = strawberry.field(
        description="How many match, and have no payload that could be worked off; null above "
        "10 000."
    )
    remaining_count: int | None = strawberry.field(
        description="How many more match: this call did not come to them, or another one has them "
        "at this moment; null above 10 000."
    )

    @classmethod
    def of(cls, done: BulkReplayed) -> ReplayWebhookEventsSuccess:
        """What was done, as a client sees it."""
        return cls(
            replayed_count=done.replayed,
            skipped_count=done.skipped,
            remaining_count=done.remaining,
        )


ReplayWebhookEventResult = Annotated[
    WebhookEvent | ValidationError | NotFoundError | InvalidStateError,
    strawberry.union("ReplayWebhookEventResult", description="What replayWebhookEvent answers."),
]
ReplayWebhookEventsResult = Annotated[
    ReplayWebhookEventsSuccess | ValidationError | NotFoundError | InvalidStateError,
    strawberry.union(
        "ReplayWebhookEventsResult", description="What replayDeadWebhookEvents answers."
    ),
]
