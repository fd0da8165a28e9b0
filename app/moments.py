"""Points in time as people write them on a command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_AGO = re.compile(r"(?:(\d{1,5})w)?(?:(\d{1,5})d)?(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,5})s)?")

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Nothing of ours is older, and ids hold no time before 1970."""

EXPECTED = "an ISO 8601 date or time such as 2026-11-26T10:00Z, or how long ago: 2h, 3d, 1d12h"


class NoMoment(ValueError):
    """The text names no point in time."""


def read_moment(text: str, now: datetime) -> datetime:
    """An ISO 8601 date or time, in UTC unless it says otherwise, or so long before `now` in weeks,
    days, hours, minutes, seconds: `2h`, `1d12h`. Raises NoMoment."""
    ago = _AGO.fullmatch(text)
    try:
        if text and ago is not None:
            weeks, days, hours, minutes, seconds = (int(part or 0) for part in ago.groups())
            moment = now - timedelta(
                weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds
            )
        else:
            moment = datetime.fromisoformat(text)
            moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise NoMoment(f"{text!r} is not {EXPECTED}") from error
    if moment < EARLIEST:
        raise NoMoment(f"{text!r} lies before {EARLIEST:%Y}; say {EXPECTED}")
    return moment
