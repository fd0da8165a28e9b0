"""What people look at afterwards, and how far the loops that keep it have come."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    UniqueConstraint,
)

from db.tables.base import check, json, metadata, moment, one_of, text_id
from db.tables.base import text as words
from domain.caller import AuditActorType
from domain.differences import Label

audit_log = Table(
    "audit_log",
    metadata,
    text_id("tenant_id", primary_key=True),
    text_id("id", primary_key=True),
    moment("at"),
    words("actor_type"),
    text_id("actor_id"),
    text_id("request_id", nullable=True),
    words("ip_address", nullable=True),
    words("action"),
    text_id("subject_id"),
    json("before", nullable=True),
    json("after", nullable=True),
    one_of("actor_type", AuditActorType),
    Index("ix_audit_log_subject", "tenant_id", "subject_id", "id"),
    Index("ix_audit_log_actor", "tenant_id", "actor_id", "id"),
    Index("ix_audit_log_action", "tenant_id", "action", "id"),
    Index("ix_audit_log_at", "tenant_id", "at"),
)
"""Append-only: a trigger refuses UPDATE, DELETE and TRUNCATE, to the owner too."""

audit_seals = Table(
    "audit_seals",
    metadata,
    text_id("tenant_id", primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    text_id("entry_id"),
    text_id("hash"),
    # No foreign key: a seal outlives its entry, and so tells that it is gone.
    UniqueConstraint("tenant_id", "entry_id", name="entry"),
    check("sequence", "sequence >= 1"),
    check("hash", "hash ~ '^[0-9a-f]{64}$'"),
)
"""The chain over the audit log: one row for each sealed entry. Append-only likewise."""

daily_runs = Table(
    "daily_runs",
    metadata,
    text_id("name", primary_key=True),
    moment("ran_at"),
)
"""When each daily loop last ran to its end, so that a restart does not run it again."""

webhook_cursors = Table(
    "webhook_cursors",
    metadata,
    text_id("gateway_id", primary_key=True),
    moment("listed_until"),
    moment("resume_at"),
    moment("due_at"),
    moment("lease_until", nullable=True),
    Column("missed", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    moment("walked_at", nullable=True),
    words("error_message", nullable=True),
    ForeignKeyConstraint(["gateway_id"], ["tenant_payment_gateways.id"]),
    check("missed", "missed >= 0"),
    check("failures", "failures >= 0"),
    Index("ix_webhook_cursors_due", "due_at", "gateway_id"),
)
"""How far the gateway's list of events was walked, a row for each gateway row. The API may not read
it, so that it needs no tenant."""

reconciliations = Table(
    "reconciliations",
    metadata,
    text_id("gateway_id", primary_key=True),
    moment("reconciled_until"),
    moment("due_at"),
    Column("repaired", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    moment("reconciled_at", nullable=True),
    text_id("looked_until", nullable=True),
    words("error_message", nullable=True),
    ForeignKeyConstraint(["gateway_id"], ["tenant_payment_gateways.id"]),
    check("repaired", "repaired >= 0"),
    check("failures", "failures >= 0"),
)
"""How far each account at the gateway was held against ours. The API may not read it."""

reconciliation_differences = Table(
    "reconciliation_differences",
    metadata,
    text_id("gateway_id", primary_key=True),
    text_id("subject_id", primary_key=True),
    text_id("label", primary_key=True),
    text_id("gateway_payment_id", nullable=True),
    words("ours"),
    words("theirs"),
    moment("found_at"),
    ForeignKeyConstraint(["gateway_id"], ["tenant_payment_gateways.id"]),
    one_of("label", Label),
)
"""What differs still; a row goes when its difference does. The API may not read it, so that it
needs no tenant: a payment leads to its own."""

loop_leases = Table(
    "loop_leases",
    metadata,
    text_id("name", primary_key=True),
    words("holder"),
    moment("free_at"),
)
"""Which worker has a periodic loop, and until when: docs/adr/0016."""
