"""The tables, as SQLAlchemy knows them; the migrations make the same ones in PostgreSQL."""

from db.tables.access import revoked_tokens
from db.tables.alerting import alert_notices, alerts, processes, request_minutes
from db.tables.base import metadata
from db.tables.disputes import disputes
from db.tables.figures import (
    payment_figure_changes,
    payment_figures,
    webhook_figure_changes,
    webhook_figures,
)
from db.tables.ledger import ledger_entries, ledger_transactions
from db.tables.oversight import (
    audit_log,
    audit_seals,
    daily_runs,
    loop_leases,
    reconciliation_differences,
    reconciliations,
    webhook_cursors,
)
from db.tables.payments import orders, payments, refunds
from db.tables.protocol import idempotency_keys, operations, webhook_attempts, webhook_events
from db.tables.replays import webhook_replays
from db.tables.tenancy import endpoint_secrets, fee_overrides, fee_tiers, gateways, tenants

__all__ = [
    "alert_notices",
    "alerts",
    "audit_log",
    "audit_seals",
    "daily_runs",
    "disputes",
    "endpoint_secrets",
    "fee_overrides",
    "fee_tiers",
    "gateways",
    "idempotency_keys",
    "ledger_entries",
    "ledger_transactions",
    "loop_leases",
    "metadata",
    "operations",
    "orders",
    "payment_figure_changes",
    "payment_figures",
    "payments",
    "processes",
    "reconciliation_differences",
    "reconciliations",
    "refunds",
    "request_minutes",
    "revoked_tokens",
    "tenants",
    "webhook_attempts",
    "webhook_cursors",
    "webhook_events",
    "webhook_figure_changes",
    "webhook_figures",
    "webhook_replays",
]
