"""Alerts, the messages that tell of them, and the signs of life that they are judged by."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    text,
)

from db.tables.base import check, metadata, moment, one_of, text_id
from db.tables.base import text as words
from domain.alert import AlertSeverity
from domain.alert_notice import Stage
from domain.signs import ProcessKind

alerts = Table(
    "alerts",
    metadata,
    text_id("id", primary_key=True),
    text_id("tenant_id", nullable=True),
    words("rule"),
    words("severity"),
    text_id("subject_id"),
    words("message"),
    moment("opened_at"),
    moment("closed_at", nullable=True),
    moment("acknowledged_at", nullable=True),
    words("acknowledged_by", nullable=True),
    moment("seen_at", nullable=True),
    Column("escalations", Integer, nullable=False, server_default=text("0")),
    moment("escalated_at", nullable=True),
    Column("is_told", Boolean, nullable=False, server_default=text("false")),
    ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
    one_of("severity", AlertSeverity),
    check("acknowledged", "(acknowledged_at IS NULL) = (acknowledged_by IS NULL)"),
    check("escalated", "escalations >= 0 AND (escalations = 0) = (escalated_at IS NULL)"),
    Index(
        "uq_alerts_open",
        "rule",
        "subject_id",
        unique=True,
        postgresql_where=text("closed_at IS NULL"),
    ),
    Index("ix_alerts_tenant", "tenant_id", "id"),
    Index("ix_alerts_untold", "id", postgresql_where=text("NOT is_told")),
)
"""`seen_at` is when a round last found the fault of a measured rule. `is_told` is false from when
it is opened, escalates or closes until the notices of that are written."""

alert_notices = Table(
    "alert_notices",
    metadata,
    text_id("alert_id", primary_key=True),
    Column("stage", Text, primary_key=True),
    Column("escalation", Integer, primary_key=True, autoincrement=False),
    text_id("channel", primary_key=True),
    text_id("id"),
    Column("attempts", Integer, nullable=False),
    moment("due_at", nullable=True),
    moment("delivered_at", nullable=True),
    words("error_message", nullable=True),
    moment("created_at"),
    ForeignKeyConstraint(["alert_id"], ["alerts.id"]),
    one_of("stage", Stage),
    check("attempts", "attempts >= 0 AND escalation >= 0"),
    check("delivered", "delivered_at IS NULL OR due_at IS NULL"),
    Index("ix_alert_notices_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    Index(
        "ix_alert_notices_given_up",
        "created_at",
        postgresql_where=text("due_at IS NULL AND delivered_at IS NULL"),
    ),
)
"""What is to be sent out about an alert, a row for each channel. Without `due_at` and without
`delivered_at` it was given up. The API may not read it, so that it needs no tenant."""

processes = Table(
    "processes",
    metadata,
    text_id("id", primary_key=True),
    words("kind"),
    words("version"),
    moment("started_at"),
    moment("beat_at"),
    Column("pool_size", Integer, nullable=False),
    Column("pool_in_use", Integer, nullable=False),
    moment("pool_full_since", nullable=True),
    one_of("kind", ProcessKind),
    check("pool", "pool_size > 0 AND pool_in_use >= 0"),
    Index("ix_processes_beat_at", "kind", "beat_at"),
)
"""A row for each running process, which it touches every few seconds; one that ends takes its row
away."""

request_minutes = Table(
    "request_minutes",
    metadata,
    Column("minute", DateTime(timezone=True), primary_key=True),
    text_id("process_id", primary_key=True),
    Column("requests", Integer, nullable=False),
    Column("slow", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    check("requests", "requests >= 0 AND slow BETWEEN 0 AND requests"),
    check("failed", "failed BETWEEN 0 AND requests"),
)
"""How many requests each API process answered in each minute; how many of them slowly, and how many
with a fault of ours."""
