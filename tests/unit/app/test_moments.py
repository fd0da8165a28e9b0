"""Points in time on the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.moments import NoMoment, read_moment

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("3d", NOW - timedelta(days=3)),
        ("1w2d3h4m5s", NOW - timedelta(days=9, hours=3, minutes=4, seconds=5)),
        ("90m", NOW - timedelta(minutes=90)),
        ("2026-11-26", datetime(2026, 11, 26, tzinfo=UTC)),
        ("2026-11-26T10:00", datetime(2026, 11, 26, 10, tzinfo=UTC)),
        ("2026-11-26T10:00:00Z", datetime(2026, 11, 26, 10, tzinfo=UTC)),
        ("2026-11-26T10:00:00+02:00", datetime(2026, 11, 26, 8, tzinfo=UTC)),
    ],
)
def test_moments_are_read(text: str, moment: datetime) -> None:
    """ISO 8601, in UTC unless it says otherwise, and durations back from now."""
    assert read_moment(text, NOW) == moment


@pytest.mark.parametrize(
    "text",
    ["", "2", "h", "2 h", "-2h", "2h ago", "99999w", "yesterday", "2026-13-01", "2h1d", "²h"],
)
def test_what_is_none_is_refused(text: str) -> None:
    """In words that say what is expected."""
    with pytest.raises(NoMoment, match="ISO 8601"):
        read_moment(text, NOW)
