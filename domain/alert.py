"""Alerts: what a person must look at, from the fault to its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from domain.caller import Actor


class AlertSeverity(StrEnum):
    """How soon somebody must look."""

    CRITICAL = "CRITICAL"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"


RESPONSE: Mapping[AlertSeverity, timedelta] = {
    AlertSeverity.CRITICAL: timedelta(minutes=5),
    AlertSeverity.HIGH: timedelta(minutes=15),
    AlertSeverity.MEDIUM: timedelta(hours=1),
}
"""How soon an alert is to be acknowledged; after that it escalates. Critical means at once: the
five minutes are how long a person takes who was woken."""

_NEXT: Mapping[AlertSeverity, AlertSeverity] = {
    AlertSeverity.MEDIUM: AlertSeverity.HIGH,
    AlertSeverity.HIGH: AlertSeverity.CRITICAL,
    AlertSeverity.CRITICAL: AlertSeverity.CRITICAL,
}

DOUBLINGS_MAX = 6
"""After so many escalations the wait between two grows no more: over five hours for CRITICAL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something a person must look at. Opened once per (`rule`, `subject_id`) while it is open.

    `tenant_id` is None where it is about the platform. `severity` rises as it `escalations` times
    passed unacknowledged for as long as RESPONSE allows. `acknowledged_by` is who said that they
    look after it; `closed_at`, when it was over."""

    id: str
    rule: str
    severity: AlertSeverity
    subject_id: str
    message: str
    tenant_id: str | None
    opened_at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    escalations: int = 0
    escalated_at: datetime | None = None
    closed_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is not over."""
        return self.closed_at is None


def escalates_at(alert: Alert) -> datetime | None:
    """When the alert escalates next; None for one that is acknowledged or over. Each wait is twice
    the one before."""
    if alert.acknowledged_at is not None or not alert.is_open:
        return None
    wait: timedelta = RESPONSE[alert.severity] * (1 << min(_repeats(alert), DOUBLINGS_MAX))
    return (alert.escalated_at or alert.opened_at) + wait


def _repeats(alert: Alert) -> int:
    """Escalations that could not raise the severity any more, at least."""
    return max(0, alert.escalations - 1)


def escalated(alert: Alert, now: datetime) -> Alert:
    """The alert a step more severe."""
    return replace(
        alert,
        severity=_NEXT[alert.severity],
        escalations=alert.escalations + 1,
        escalated_at=now,
    )


def acknowledged(alert: Alert, actor: Actor, now: datetime) -> Alert:
    """The alert with who looks after it. The first to say so stays."""
    if alert.acknowledged_at is not None or not alert.is_open:
        return alert
    return replace(alert, acknowledged_at=now, acknowledged_by=actor.id)
