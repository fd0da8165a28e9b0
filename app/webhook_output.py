"""Events on a terminal. What a sender wrote is shown in characters that a terminal only prints."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from domain.bulk_replaying import Tally
from domain.inbox import WebhookAttempt
from domain.inbox_reading import EventRecord

OF_NOBODY = "-"
"""Instead of a tenant's id, for an event that is routed to nobody."""


def printable(text: str) -> str:
    """The text with everything escaped that could move a terminal's cursor, or hide."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def line_of(event: EventRecord) -> str:
    """One event in one line."""
    parts = [
        event.id,
        _time(event.created_at),
        event.status.value,
        str(event.attempts),
        event.tenant_id or OF_NOBODY,
        event.event_type,
        event.event_id,
        event.error_message or "",
    ]
    return printable(" ".join(parts).rstrip())


def json_of(
    event: EventRecord,
    attempts: Sequence[WebhookAttempt] | None = None,
    payload: Mapping[str, object] | None = None,
) -> str:
    """One event as JSON in one line, all in ASCII; with its tries and its payload, if given."""
    told: dict[str, object] = {
        "id": event.id,
        "created_at": _time(event.created_at),
        "status": event.status.value,
        "attempt_count": event.attempts,
        "tenant_id": event.tenant_id,
        "payment_id": event.payment_id,
        "gateway_id": event.gateway_id,
        "account": event.account,
        "livemode": event.livemode,
        "event_id": event.event_id,
        "event_type": event.event_type,
        "api_version": event.api_version,
        "error_message": event.error_message,
        "has_payload": event.has_payload,
        "next_attempt_at": _told(event.next_attempt_at),
        "processed_at": _told(event.processed_at),
        "replayed_at": _told(event.replayed_at),
        "replayed_by": event.replayed_by,
    }
    if attempts is not None:
        told["attempts"] = [_attempt(attempt) for attempt in attempts]
    if payload is not None:
        told["payload"] = dict(payload)
    return json.dumps(told)


def page_of(event: EventRecord, attempts: Sequence[WebhookAttempt]) -> Iterable[str]:
    """All that is known of an event, a line for each thing."""
    told = json.loads(json_of(event))
    for name, value in told.items():
        yield f"{name}: {OF_NOBODY if value is None else printable(str(value))}"
    for attempt in attempts:
        by_hand = " by hand" if attempt.is_manual else ""
        error = f" {attempt.error}" if attempt.error else ""
        yield printable(
            f"attempt {attempt.number}: {_time(attempt.started_at)} {attempt.duration_ms} ms"
            f" {attempt.outcome.value}{by_hand}{error}"
        )


def tally_lines(tallies: Iterable[Tally]) -> Iterable[str]:
    """How many events of which type, status and tenant."""
    for tally in tallies:
        without = "" if tally.has_payload else " without a payload, to be skipped"
        owner = tally.tenant_id or OF_NOBODY
        yield printable(f"{tally.count} {tally.status} {owner} {tally.event_type}{without}")


def _attempt(attempt: WebhookAttempt) -> Mapping[str, object]:
    return {
        "number": attempt.number,
        "started_at": _time(attempt.started_at),
        "duration_ms": attempt.duration_ms,
        "outcome": attempt.outcome.value,
        "error": attempt.error,
        "is_manual": attempt.is_manual,
    }


def _told(moment: datetime | None) -> str | None:
    return None if moment is None else _time(moment)


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
