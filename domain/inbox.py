"""The inbox: what the gateway told us, stored before it is answered, worked off afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class WebhookEventStatus(StrEnum):
    """Where an event stands. PROCESSING holds a lease; DEAD waits for a replay by hand."""

    RECEIVED = "RECEIVED"
    PROCESSING = "PROCESSING"
    PROCESSED = "PROCESSED"
    IGNORED = "IGNORED"
    RETRY = "RETRY"
    DEAD = "DEAD"


class WebhookEventSource(StrEnum):
    """How an event came: by the gateway's delivery, whose signature was checked, or from its list,
    after no delivery had arrived. What the list says moves nothing without a read."""

    DELIVERED = "delivered"
    LISTED = "listed"


_S = WebhookEventStatus
TRANSITIONS: Mapping[WebhookEventStatus, frozenset[WebhookEventStatus]] = {
    _S.RECEIVED: frozenset({_S.PROCESSING}),
    _S.PROCESSING: frozenset({_S.PROCESSED, _S.IGNORED, _S.RETRY, _S.DEAD}),
    _S.RETRY: frozenset({_S.PROCESSING, _S.DEAD}),
    _S.PROCESSED: frozenset({_S.RECEIVED}),
    _S.IGNORED: frozenset({_S.RECEIVED}),
    _S.DEAD: frozenset({_S.RECEIVED}),
}
"""An expired lease counts as RETRY; a replay goes back to RECEIVED."""

TRIES_MAX = 8
"""An event that failed this often is DEAD, with an alert."""

LEASE_SECONDS = 25
"""How long a worker may hold an event before another may take it: longer than a try may last, and
short enough for an event whose worker was killed to be handled 30 s after."""

ENDS = frozenset({_S.PROCESSED, _S.IGNORED, _S.RETRY, _S.DEAD})
"""What a try can end in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """One event, unique by (gateway row, livemode, event id). `payload` is the event as the
    gateway signed or listed it, less what is never stored (`webhooks.envelope.OMITTED_FIELDS`)."""

    id: str
    gateway_id: str
    livemode: bool
    event_id: str
    event_type: str
    api_version: str | None
    account: str | None
    payload: Mapping[str, object]
    status: WebhookEventStatus
    created_at: datetime
    attempts: int = 0
    tenant_id: str | None = None
    payment_id: str | None = None
    error_message: str | None = None
    next_attempt_at: datetime | None = None
    lease_until: datetime | None = None
    processed_at: datetime | None = None
    attempts_before_replay: int = 0
    replayed_at: datetime | None = None
    replayed_by: str | None = None
    source: WebhookEventSource = WebhookEventSource.DELIVERED

    @property
    def tries(self) -> int:
        """The tries that count against TRIES_MAX: those since the last replay. `attempts` itself
        only grows, since it tells the holder of a lease from the one before."""
        return self.attempts - self.attempts_before_replay

    @property
    def is_tried_by_hand(self) -> bool:
        """Whether this try is the one that a replay asked for."""
        return self.replayed_at is not None and self.tries == 1

    @property
    def has_payload(self) -> bool:
        """Whether there still is something to work off: the payload of an event long done, or of an
        erased payer, was emptied, and one that the database could not hold never was stored."""
        return bool(self.payload)

    @property
    def object(self) -> Mapping[str, object]:
        """The object that the event is about, as the event tells it; empty where it has none."""
        data = self.payload.get("data")
        found = data.get("object") if isinstance(data, Mapping) else None
        return found if isinstance(found, Mapping) else {}

    @property
    def object_id(self) -> str | None:
        """The id of the object the event is about."""
        value = self.object.get("id")
        return value if isinstance(value, str) else None

    @property
    def object_type(self) -> str | None:
        """The gateway's name of the object's type."""
        value = self.object.get("object")
        return value if isinstance(value, str) else None

    def object_field(self, name: str) -> str | None:
        """A text field of the object, such as the `payment_intent` of a charge."""
        value = self.object.get(name)
        return value if isinstance(value, str) else None

    @property
    def tollgate_payment_id(self) -> str | None:
        """Our payment's id from the object's metadata: set on what Tollgate made at the gateway."""
        metadata = self.object.get("metadata")
        value = metadata.get("tollgate_payment_id") if isinstance(metadata, Mapping) else None
        return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class WebhookAttempt:
    """One try to work an event off, as it ended. `number` is the event's `attempts` at that try;
    `outcome` is one of ENDS; `is_manual` where a replay asked for it."""

    number: int
    started_at: datetime
    duration_ms: int
    outcome: WebhookEventStatus
    error: str | None
    is_manual: bool


LOST = "The worker that tried it was not heard of again before its lease ran out."


def lost_attempt(event: WebhookEvent) -> WebhookAttempt:
    """The try under whose lease the event still stands; it was held for the whole lease."""
    until = event.lease_until
    if until is None:
        raise ValueError(event.id)
    return WebhookAttempt(
        number=event.attempts,
        started_at=until - timedelta(seconds=LEASE_SECONDS),
        duration_ms=LEASE_SECONDS * 1000,
        outcome=WebhookEventStatus.RETRY,
        error=LOST,
        is_manual=event.is_tried_by_hand,
    )


_RETRY_SECONDS = (1.0, 2.0, 10.0, 60.0, 600.0, 3600.0, 21_600.0)


def retry_delay_seconds(attempts: int, chance: float) -> float:
    """Seconds until the next try after `attempts` failures, with jitter: `chance` in 0..1 spreads
    it over the upper half.

    The first tries are close together, for an event that came before our own commit; the last ones
    lie hours apart, so that TRIES_MAX tries outlast an outage of the gateway.
    """
    ceiling = _RETRY_SECONDS[min(attempts, len(_RETRY_SECONDS)) - 1]
    return ceiling * (0.5 + chance / 2)


_KEPT = frozenset({"id", "object", "type", "api_version", "created", "livemode", "account"})
_KEPT_OF_OBJECT = frozenset(
    {
        *("id", "object", "created", "livemode", "status", "currency", "amount"),
        *("amount_capturable", "amount_received", "amount_captured", "amount_refunded"),
        *("payment_intent", "charge", "latest_charge", "balance_transaction"),
        *("cancellation_reason", "failure_reason", "reason", "is_charge_refundable"),
    }
)


def without_payer(payload: Mapping[str, object]) -> Mapping[str, object]:
    """The payload with ids, amounts and states alone: enough to work the event off, since all else
    is read from the gateway."""
    data = payload.get("data")
    found = data.get("object") if isinstance(data, Mapping) else None
    if not isinstance(found, Mapping):
        return _scalars(payload, _KEPT)
    metadata = found.get("metadata")
    ours = {
        key: value
        for key, value in (metadata.items() if isinstance(metadata, Mapping) else ())
        if str(key).startswith("tollgate_")
    }
    kept = {**_scalars(found, _KEPT_OF_OBJECT), "metadata": ours}
    return {**_scalars(payload, _KEPT), "data": {"object": kept}}


def _scalars(value: Mapping[str, object], names: frozenset[str]) -> dict[str, object]:
    return {
        name: at
        for name, at in value.items()
        if name in names and not isinstance(at, Mapping | list)
    }
