"""How a walk goes from page to page and from window to window: pure, so all of it is tried."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.event_walk import (
    EVERY,
    GRACE,
    KEPT,
    OVERLAP,
    PAGES_MAX,
    WINDOW,
    WINDOW_MAX,
    WINDOW_MIN,
    Walk,
    begun,
    failed_again,
    finished,
    put_off,
)
from domain.webhook_cursors import WebhookCursor
from tests.builders import NOW, an_account

MADE = NOW - timedelta(days=10)


def a_cursor(**changes: datetime) -> WebhookCursor:
    """A cursor of yesterday, held now."""
    day = NOW - timedelta(days=1)
    cursor = WebhookCursor(
        gateway_id="gw_1",
        listed_from=MADE,
        listed_until=day,
        resume_at=day - OVERLAP,
        due_at=NOW,
        lease_until=NOW,
    )
    return replace(cursor, **changes)  # type: ignore[arg-type]  # moments all


def a_walk(**changes: datetime) -> Walk:
    """A walk that has just begun."""
    return begun(an_account(), a_cursor(**changes), NOW)


@pytest.mark.parametrize(
    ("changes", "begin"),
    [
        ({}, NOW - timedelta(days=1) - OVERLAP),
        ({"resume_at": MADE - OVERLAP}, MADE),
        ({"resume_at": NOW - 2 * KEPT, "listed_from": NOW - 3 * KEPT}, NOW - KEPT),
    ],
    ids=["where the last ended", "when the row was made", "what is still listed"],
)
def test_where_a_walk_begins(changes: dict[str, datetime], begin: datetime) -> None:
    """Whichever is latest; it ends a grace before now."""
    walk = a_walk(**changes)

    assert (walk.listing, walk.until) == (begin, NOW - GRACE)


def test_what_can_be_listed_no_more_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """Events between the cursor and what the gateway keeps are gone: an error in the log."""
    a_walk()
    assert caplog.text == ""
    a_walk(listed_until=NOW - KEPT - WINDOW, resume_at=NOW - KEPT - WINDOW)
    assert "can be listed no more" in caplog.text


def test_every_moment_is_in_a_window() -> None:
    """Windows follow each other without a gap to the end; the next walk begins an overlap before
    that, and nothing is left out in between."""
    walk = a_walk()
    end = walk.listing
    while not walk.is_done:
        assert walk.listing == end
        assert walk.listing < walk.window_until <= walk.until
        end = walk.window_until
        walk = walk.next_window()

    assert end == walk.until == walk.cursor.listed_until
    assert walk.cursor.resume_at == walk.until - OVERLAP


def test_a_walk_that_breaks_off_lists_the_young_again() -> None:
    """What was older than the overlap when it was listed is done; what was younger is not."""
    walk = a_walk()
    resumed = []
    while not walk.is_done:
        walk = walk.next_window()
        resumed.append(walk.cursor.resume_at)
        assert walk.cursor.resume_at == min(walk.listing, walk.until - OVERLAP)

    assert resumed == sorted(resumed)


def test_a_quiet_account_is_walked_in_long_strides() -> None:
    """Each window of one page doubles the next, up to a day; one of more pages does not."""
    walk = a_walk(resume_at=MADE, listed_until=MADE)
    widths = []
    for _ in range(6):
        widths.append(walk.width)
        walk = walk.next_window()
    assert widths == [*(WINDOW * 2**step for step in range(5)), WINDOW_MAX]

    busy = a_walk().next_page("evt_1").next_window()
    assert (busy.width, busy.pages, busy.after) == (WINDOW, 0, None)


def test_a_busy_account_is_walked_in_short_strides() -> None:
    """A window of too many pages begins again half as long, until it is a minute: then it goes on,
    however many there are."""
    walk, widths = a_walk(), []
    for page in range(20 * PAGES_MAX):
        before = walk
        walk = walk.next_page(f"evt_{page}")
        if walk.width != before.width:
            assert (walk.pages, walk.after, before.pages) == (0, None, PAGES_MAX - 1)
            widths.append(walk.width)
        assert walk.listing == before.listing

    assert widths == [WINDOW / 2, WINDOW / 4, WINDOW / 8, WINDOW / 16, WINDOW / 32, WINDOW_MIN]
    assert walk.pages > PAGES_MAX


def test_how_a_walk_ends() -> None:
    """Due again in an hour and held by nobody, well or not; failures count until one goes well."""
    held = a_cursor()
    twice = failed_again(failed_again(held, NOW, "away"), NOW, "away again")
    done = finished(twice, NOW)
    for cursor in (put_off(held, NOW), twice, done):
        assert (cursor.lease_until, cursor.due_at) == (None, NOW + EVERY)
        assert cursor.listed_until == held.listed_until

    assert (twice.failures, twice.error_message, twice.walked_at) == (2, "away again", None)
    assert (done.failures, done.error_message, done.walked_at) == (0, None, NOW)
