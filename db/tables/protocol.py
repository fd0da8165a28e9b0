"""What makes an effect happen once: operations, idempotency keys, the inbox of events."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Computed,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from db.tables.base import cents, check, json, metadata, moment, one_of, quoted, text_id
from db.tables.base import text as words
from domain.idempotency import IdempotencyOutcome
from domain.inbox import ENDS, WebhookEventSource, WebhookEventStatus
from domain.operation import OPEN, OperationKind, OperationState

operations = Table(
    "gateway_operations",
    metadata,
    text_id("tenant_id", primary_key=True),
    text_id("id", primary_key=True),
    text_id("payment_id"),
    text_id("gateway_id"),
    text_id("refund_id", nullable=True),
    text_id("idempotency_record_id", nullable=True),
    words("kind"),
    words("state"),
    text_id("gateway_key"),
    Column("request", LargeBinary, nullable=False),
    cents("amount_cents", nullable=True),
    Column("attempts", Integer, nullable=False),
    moment("due_at"),
    moment("first_sent_at", nullable=True),
    moment("last_sent_at", nullable=True),
    moment("absent_at", nullable=True),
    text_id("gateway_request_id", nullable=True),
    words("error_message", nullable=True),
    moment("created_at"),
    moment("updated_at"),
    ForeignKeyConstraint(["tenant_id", "payment_id"], ["payments.tenant_id", "payments.id"]),
    ForeignKeyConstraint(["tenant_id", "refund_id"], ["refunds.tenant_id", "refunds.id"]),
    UniqueConstraint("gateway_key", name="gateway_key"),
    one_of("kind", OperationKind),
    one_of("state", OperationState),
    check("refund", "kind <> 'refund' OR refund_id IS NOT NULL"),
    check("amount", "amount_cents > 0"),
    check("attempts", "attempts >= 0"),
    # One in SENDING without the time of sending would never be settled.
    check("sent", "state NOT IN ('SENDING', 'UNKNOWN') OR last_sent_at IS NOT NULL"),
    Index("ix_gateway_operations_id", "id"),
    Index("ix_gateway_operations_payment", "tenant_id", "payment_id", "id"),
    Index(
        "uq_gateway_operations_open",
        "tenant_id",
        "payment_id",
        "kind",
        unique=True,
        postgresql_where=text(f"kind <> 'refund' AND state IN ({quoted(OPEN)})"),
    ),
    Index(
        "ix_gateway_operations_due",
        "due_at",
        postgresql_where=text("state IN ('CREATED', 'SENDING', 'UNKNOWN')"),
    ),
    Index(
        "ix_gateway_operations_review",
        "id",
        postgresql_where=text("state = 'MANUAL_REVIEW'"),
    ),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    text_id("tenant_id", primary_key=True),
    text_id("id", primary_key=True),
    words("mutation"),
    text_id("key"),
    words("input_hash"),
    words("outcome"),
    text_id("operation_id", nullable=True),
    text_id("order_id", nullable=True),
    text_id("payment_id", nullable=True),
    text_id("refund_id", nullable=True),
    words("detail_code", nullable=True),
    words("message", nullable=True),
    moment("created_at"),
    moment("finished_at", nullable=True),
    # No foreign keys to its subjects: the key is claimed before they exist.
    UniqueConstraint("tenant_id", "mutation", "key", name="key"),
    one_of("outcome", IdempotencyOutcome),
)

webhook_events = Table(
    "webhook_events",
    metadata,
    text_id("id", primary_key=True),
    text_id("gateway_id"),
    Column("livemode", Boolean, nullable=False),
    text_id("event_id"),
    words("event_type"),
    words("api_version", nullable=True),
    text_id("account", nullable=True),
    json("payload"),
    words("status"),
    Column(
        "processed",
        Boolean,
        Computed("status IN ('PROCESSED', 'IGNORED')", persisted=True),
        nullable=False,
    ),
    Column("attempts", Integer, nullable=False),
    text_id("tenant_id", nullable=True),
    text_id("payment_id", nullable=True),
    words("error_message", nullable=True),
    moment("next_attempt_at", nullable=True),
    moment("lease_until", nullable=True),
    moment("processed_at", nullable=True),
    moment("created_at"),
    # A signed body that JSONB cannot hold; nothing else has it.
    Column("body", LargeBinary),
    Column("attempts_before_replay", Integer, nullable=False, server_default=text("0")),
    moment("replayed_at", nullable=True),
    words("replayed_by", nullable=True),
    Column("source", Text, nullable=False, server_default=text("'delivered'")),
    ForeignKeyConstraint(["gateway_id"], ["tenant_payment_gateways.id"]),
    UniqueConstraint("gateway_id", "livemode", "event_id", name="event"),
    one_of("status", WebhookEventStatus),
    one_of("source", WebhookEventSource),
    check("attempts", "attempts >= 0"),
    check("replay", "attempts_before_replay BETWEEN 0 AND attempts"),
    # One that waits without a time to be taken up again would wait for ever.
    check("lease", "status <> 'PROCESSING' OR lease_until IS NOT NULL"),
    check("retry", "status <> 'RETRY' OR next_attempt_at IS NOT NULL"),
    Index(
        "ix_webhook_events_waiting",
        "id",
        postgresql_where=text("status IN ('RECEIVED', 'PROCESSING', 'RETRY')"),
    ),
    # The line of each gateway row: `db.due_events`. Written as PostgreSQL shows it, else Alembic
    # takes it for another index.
    Index(
        "ix_webhook_events_due",
        "gateway_id",
        text(
            "(\nCASE status\n WHEN 'RETRY' THEN next_attempt_at\n"
            " WHEN 'PROCESSING' THEN lease_until\n ELSE created_at\nEND)"
        ),
        "id",
        postgresql_where=text("status IN ('RECEIVED', 'PROCESSING', 'RETRY')"),
    ),
    # Those that nobody will work off by itself: few, to be counted.
    Index("ix_webhook_events_dead", "id", postgresql_where=text("status = 'DEAD'")),
    Index("ix_webhook_events_payment", "tenant_id", "payment_id", "id"),
    Index("ix_webhook_events_gateway", "tenant_id", "gateway_id", "id"),
    # What a tenant's readers narrow by. Partial, so that the route, which inserts events that are
    # routed to nobody yet, does not pay for them.
    *(
        Index(
            f"ix_webhook_events_{name}",
            "tenant_id",
            *columns,
            postgresql_where=text("tenant_id IS NOT NULL"),
        )
        for name, columns in (
            ("tenant", ("id",)),
            ("status", ("status", "id")),
            ("type", ("event_type", "id")),
            ("created", ("created_at",)),
        )
    ),
    # What the daily loop has still to empty.
    Index(
        "ix_webhook_events_payload",
        "id",
        postgresql_where=text("processed AND payload <> '{}'::jsonb"),
    ),
    Index("ix_webhook_events_body", "id", postgresql_where=text("body IS NOT NULL")),
)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    text_id("webhook_event_id", primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    moment("started_at"),
    Column("duration_ms", Integer, nullable=False),
    words("outcome"),
    words("error_message", nullable=True),
    Column("is_manual", Boolean, nullable=False),
    ForeignKeyConstraint(["webhook_event_id"], ["webhook_events.id"]),
    check("number", "number > 0"),
    check("duration", "duration_ms >= 0"),
    check("outcome", f"outcome IN ({quoted(ENDS)})"),
)
