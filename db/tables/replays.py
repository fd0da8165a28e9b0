"""Long replays from the command line, so that one that was interrupted can go on."""

from __future__ import annotations

from sqlalchemy import Table

from db.tables.base import metadata, moment, text_id

webhook_replays = Table(
    "webhook_replays",
    metadata,
    text_id("name", primary_key=True),
    moment("began_at"),
    moment("since", nullable=True),
    moment("until"),
    moment("ended_at", nullable=True),
)
"""One row for each command that was ever given, by a digest of what it asked for: when it last
began, the span of time that its words meant then, and when it came to its end."""
