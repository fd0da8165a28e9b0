"""What is counted while Tollgate works, for whoever watches it. `app.metrics` implements it."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class WebhookRefusal(StrEnum):
    """Why a delivery was not taken. The list is closed, as it labels a metric."""

    NO_SECRET = "no_secret"  # noqa: S105 - a reason's name
    MEDIA_TYPE = "media_type"
    BODY_TOO_LARGE = "body_too_large"
    BODY_TOO_SLOW = "body_too_slow"
    SENDER_GONE = "sender_gone"
    SIGNATURE = "signature"
    NOT_AN_EVENT = "not_an_event"
    UNKNOWN_ACCOUNT = "unknown_account"
    OVERLOADED = "overloaded"
    DATABASE_UNAVAILABLE = "database_unavailable"


class Measures(Protocol):
    """Counts what happened. It never raises and never waits."""

    def webhook_refused(self, reason: WebhookRefusal) -> None:
        """A delivery was answered with something else than 200."""
        ...

    def webhook_batch(self, size: int, *, new: int, seconds: float) -> None:
        """So many deliveries were stored by one commit, or one by one after it failed; `new` of
        them were not there before, and it took so long."""
        ...

    def webhook_missed(self, count: int) -> None:
        """So many events never arrived and were fetched from the gateway's list."""
        ...
