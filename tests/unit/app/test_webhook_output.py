"""Events on a terminal: whoever signs an event must not write on the operator's screen."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from app.webhook_output import json_of, line_of, page_of, printable, tally_lines
from domain.bulk_replaying import Tally
from domain.inbox import WebhookAttempt, WebhookEventStatus
from tests.builders import an_event_record

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
HOSTILE = "charge\x1b[2J\x07\n\u202e\u2028\x9b31m"
EVENT = an_event_record(
    event_id=f"evt_{HOSTILE}",
    event_type=HOSTILE,
    api_version=HOSTILE,
    account=HOSTILE,
    tenant_id=None,
    error_message=f"no such thing: {HOSTILE}",
    created_at=NOW,
)
TRY = WebhookAttempt(8, NOW, 12, WebhookEventStatus.DEAD, HOSTILE, is_manual=True)


def test_no_line_has_a_control_character() -> None:
    """Type, ids and errors are the sender's words: escaped, and still to be read."""
    tally = Tally(None, HOSTILE, WebhookEventStatus.DEAD, has_payload=False, count=3)
    lines = [line_of(EVENT), json_of(EVENT, [TRY], {HOSTILE: HOSTILE})]
    lines += [*page_of(EVENT, [TRY]), *tally_lines([tally])]

    assert [line for line in lines if not line.isprintable()] == []
    assert line_of(EVENT).startswith("we_1 2026-11-26T12:00:00.000+00:00 DEAD 8 - charge\\x1b[2J")
    assert lines[-1].startswith("3 DEAD - charge")
    assert lines[-1].endswith("without a payload, to be skipped")
    assert "attempt 8: 2026-11-26T12:00:00.000+00:00 12 ms DEAD by hand charge" in "\n".join(lines)


def test_the_json_is_whole() -> None:
    """What a program reads is what is stored, to the character."""
    told = json.loads(json_of(EVENT, [TRY], {"a": HOSTILE}))

    assert (told["event_type"], told["tenant_id"], told["payload"]) == (
        HOSTILE,
        None,
        {"a": HOSTILE},
    )
    assert told["attempts"][0]["error"] == HOSTILE
    assert "payload" not in json.loads(json_of(EVENT))


def test_words_stay_as_they_are() -> None:
    """Letters of every script are printed."""
    assert printable("Zürich 東京 charge.succeeded") == "Zürich 東京 charge.succeeded"
