"""A log line that does not repeat itself."""

from __future__ import annotations

import logging

import pytest

from webhooks.throttled import ThrottledLog


def test_one_line_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """The first warning is a line, those of the next minute are counted in the one after it."""
    seconds = 0.0
    throttled = ThrottledLog(logging.getLogger("test"), seconds=60, monotonic=lambda: seconds)
    for now, line in ((0, "at 0"), (1, "at 1"), (59.9, "at 59.9"), (60, "at 60"), (61, "at 61")):
        seconds = now
        throttled.warning(line)

    assert caplog.messages == [
        "at 0 (0 more since the last line)",
        "at 60 (2 more since the last line)",
    ]
