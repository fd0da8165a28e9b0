"""Every alert rule, in one table: what it looks at, from where on, and how it ends.

A measured rule is looked at each round of `domain.alert_rounds`, over figures of all processes from
the database. The others are opened in the commit of the fact that they tell of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from domain.alert import AlertSeverity

_CRITICAL, _HIGH, _MEDIUM = AlertSeverity.CRITICAL, AlertSeverity.HIGH, AlertSeverity.MEDIUM


class AlertRule(StrEnum):
    """The rules' names. docs/monitoring.md has a runbook under each."""

    PAYMENT_SUCCESS_RATE = "payment.success_rate"
    PAYMENT_LATE_MONEY = "payment.late_money"
    REFUND_RATE = "refund.rate"
    REFUND_UNFORESEEN = "refund.unforeseen"
    FEE_REFUND_REFUSED = "fee_refund.refused"
    DISPUTE_OPENED = "dispute.opened"
    DISPUTE_EVIDENCE_DUE = "dispute.evidence_due"
    AUTHORIZATION_EXPIRING = "authorization.expiring"
    OPERATION_UNKNOWN = "operation.unknown"
    OPERATION_MANUAL_REVIEW = "operation.manual_review"
    OPERATION_SNAPSHOT_MISMATCH = "operation.snapshot_mismatch"
    GATEWAY_ERROR_RATE = "gateway.error_rate"
    GATEWAY_UNAUTHORIZED = "gateway.unauthorized"
    GATEWAY_DISABLED = "gateway.disabled"
    WEBHOOK_SUCCESS_RATE = "webhook.success_rate"
    WEBHOOK_LAG = "webhook.lag"
    WEBHOOK_DEAD = "webhook.dead"
    WEBHOOK_MISMATCH = "webhook.mismatch"
    WEBHOOK_UNMATCHED = "webhook.unmatched"
    WEBHOOK_UNREADABLE = "webhook.unreadable"
    WEBHOOK_WALK_FAILED = "webhook.walk_failed"
    API_RESPONSE_TIME = "api.response_time"
    API_ERROR_RATE = "api.error_rate"
    WORKER_SILENT = "worker.silent"
    POOL_FULL = "pool.full"
    LEDGER_DIFFERENCE = "ledger.difference"
    RECONCILIATION_DIFFERENCE = "reconciliation.difference"
    RECONCILIATION_FAILED = "reconciliation.failed"
    CIPHER_UNREADABLE = "cipher.unreadable"
    ALERT_UNDELIVERED = "alert.undelivered"


class Clearing(StrEnum):
    """How an alert ends."""

    MEASURED = "measured"
    """When rounds have not found it for QUIET."""

    STATE = "state"
    """When what it is about is as it should be."""

    ACKNOWLEDGED = "acknowledged"
    """When somebody has acknowledged it: it tells of something that has happened."""


QUIET = timedelta(minutes=3)
"""How long a measured fault must be gone before its alert closes: one that comes and goes is one
alert."""


@dataclass(frozen=True, slots=True)
class Terms:
    """One row of the table. `threshold` is a share of 1, seconds or a count, as `meaning` says;
    below `sample_min` in `window` a share tells nothing and finds nothing."""

    severity: AlertSeverity
    clearing: Clearing
    meaning: str
    threshold: float = 0.0
    window: timedelta = timedelta(0)
    sample_min: int = 0


def _share(severity: AlertSeverity, threshold: float, sample: int, meaning: str) -> Terms:
    window = timedelta(minutes=15)
    return Terms(severity, Clearing.MEASURED, meaning, threshold, window, sample)


def _measured(severity: AlertSeverity, threshold: float, meaning: str) -> Terms:
    return Terms(severity, Clearing.MEASURED, meaning, threshold)


def _state(severity: AlertSeverity, meaning: str) -> Terms:
    return Terms(severity, Clearing.STATE, meaning)


def _event(severity: AlertSeverity, meaning: str) -> Terms:
    return Terms(severity, Clearing.ACKNOWLEDGED, meaning)


RULES: Mapping[AlertRule, Terms] = {
    AlertRule.PAYMENT_SUCCESS_RATE: _share(
        _CRITICAL, 0.95, 20, "Of the payments that came to an end, too few succeeded."
    ),
    AlertRule.REFUND_RATE: Terms(
        _MEDIUM,
        Clearing.MEASURED,
        "Too many refunds for the payments that were captured.",
        threshold=0.05,
        window=timedelta(hours=24),
        sample_min=20,
    ),
    AlertRule.WEBHOOK_SUCCESS_RATE: _share(
        _CRITICAL, 0.95, 20, "Of the events that were tried, too few were processed."
    ),
    AlertRule.GATEWAY_ERROR_RATE: _share(
        _HIGH, 0.10, 10, "Of the operations sent through a gateway row, too many have no outcome."
    ),
    AlertRule.API_RESPONSE_TIME: _share(
        _HIGH, 0.05, 20, "Too many requests took longer than 3 seconds."
    ),
    AlertRule.API_ERROR_RATE: _share(
        _HIGH, 0.01, 100, "Too many requests were answered with a fault of ours."
    ),
    AlertRule.OPERATION_UNKNOWN: _measured(
        _HIGH, 900, "Nobody knows what became of an operation for 15 minutes."
    ),
    AlertRule.WEBHOOK_LAG: _measured(_HIGH, 300, "An event waits for a worker for 5 minutes."),
    AlertRule.WORKER_SILENT: _measured(
        _CRITICAL, 30, "A worker has given no sign of life for 30 seconds."
    ),
    AlertRule.POOL_FULL: _measured(
        _HIGH, 15, "All database connections of a process are in use for 15 seconds."
    ),
    AlertRule.AUTHORIZATION_EXPIRING: _measured(
        _MEDIUM, 86_400, "An authorization runs out uncaptured within 24 hours."
    ),
    AlertRule.DISPUTE_EVIDENCE_DUE: _measured(
        _HIGH, 172_800, "Evidence for a dispute is due within 48 hours."
    ),
    AlertRule.ALERT_UNDELIVERED: _measured(_HIGH, 1, "An alert could not be sent out."),
    AlertRule.OPERATION_MANUAL_REVIEW: _state(
        _CRITICAL, "Nobody knows what became of an operation for a day."
    ),
    AlertRule.DISPUTE_OPENED: _state(_CRITICAL, "A payment is disputed."),
    AlertRule.GATEWAY_UNAUTHORIZED: _state(_CRITICAL, "The gateway refuses the credentials."),
    AlertRule.GATEWAY_DISABLED: _state(_CRITICAL, "A gateway account was switched off."),
    AlertRule.LEDGER_DIFFERENCE: _state(_CRITICAL, "The books differ from the payments."),
    AlertRule.RECONCILIATION_DIFFERENCE: _state(
        _CRITICAL, "The gateway and the record of it differ, and could not be brought together."
    ),
    AlertRule.RECONCILIATION_FAILED: _state(_MEDIUM, "An account cannot be reconciled."),
    AlertRule.WEBHOOK_DEAD: _state(_HIGH, "An event was given up."),
    AlertRule.WEBHOOK_UNMATCHED: _state(_MEDIUM, "An event's payment is not known here."),
    AlertRule.WEBHOOK_MISMATCH: _state(_CRITICAL, "An event contradicts what is recorded."),
    AlertRule.WEBHOOK_WALK_FAILED: _state(_MEDIUM, "An account's events cannot be listed."),
    AlertRule.PAYMENT_LATE_MONEY: _event(_CRITICAL, "Money came for a payment that had ended."),
    AlertRule.REFUND_UNFORESEEN: _event(_CRITICAL, "A refund took effect that had ended."),
    AlertRule.WEBHOOK_UNREADABLE: _event(_HIGH, "An event cannot be read."),
    AlertRule.FEE_REFUND_REFUSED: _event(_HIGH, "The gateway does not return a fee."),
    AlertRule.OPERATION_SNAPSHOT_MISMATCH: _event(
        _CRITICAL, "The gateway answers for another payment, amount or currency."
    ),
    AlertRule.CIPHER_UNREADABLE: _event(_CRITICAL, "A ciphertext cannot be decrypted."),
}
"""The thresholds that the platform set, and ours. A test holds the table equal to AlertRule."""


def clearing_of(rule: str) -> Clearing:
    """How an alert of this rule ends; one of a rule that is no more ends with its
    acknowledgement."""
    return RULES[AlertRule(rule)].clearing if rule in _NAMES else Clearing.ACKNOWLEDGED


_NAMES = frozenset(rule.value for rule in AlertRule)


def runbook_of(rule: str) -> str:
    """Where it stands what to do: the heading of the rule's name."""
    return f"docs/monitoring.md#{rule.replace('.', '')}"
