"""Notices: what is sent out about an alert, to each channel once a stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.alert import Alert
from domain.alert_rules import runbook_of

TRIES_MAX = 8
"""After so many failures a notice is given up; the tries lie within some eight hours."""


class Stage(StrEnum):
    """What of an alert is told."""

    OPENED = "OPENED"
    ESCALATED = "ESCALATED"
    CLOSED = "CLOSED"


def stage_of(alert: Alert) -> Stage:
    """What is to be told of the alert as it is now."""
    if not alert.is_open:
        return Stage.CLOSED
    return Stage.ESCALATED if alert.escalations else Stage.OPENED


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One message about an alert through one channel. `id` is the same at each try, so that a
    receiver can tell a repetition."""

    id: str
    stage: Stage
    channel: str
    alert: Alert
    attempts: int
    created_at: datetime


class NoticeRefused(Exception):
    """The channel did not take the notice; its text says why, without a secret."""


class Channel(Protocol):
    """A way to people: an inbox, a chat room, a pager."""

    async def send(self, notice: Notice) -> None:
        """Hands the notice over. Raises NoticeRefused."""
        ...


def subject(notice: Notice) -> str:
    """The notice in one line."""
    alert = notice.alert
    return f"[{alert.severity}] {alert.rule} {notice.stage.lower()}: {_short(alert.message)}"


def body(notice: Notice) -> str:
    """The notice in lines of words."""
    lines = [f"{name}: {value}" for name, value in fields(notice).items() if value is not None]
    return "\n".join([notice.alert.message, "", *lines])


def fields(notice: Notice) -> Mapping[str, str | None]:
    """The notice by name, as the signed webhook sends it."""
    alert = notice.alert
    return {
        "alertId": alert.id,
        "stage": notice.stage.value,
        "rule": alert.rule,
        "severity": alert.severity.value,
        "subjectId": alert.subject_id,
        "tenantId": alert.tenant_id,
        "message": alert.message,
        "openedAt": alert.opened_at.isoformat(),
        "acknowledgedBy": alert.acknowledged_by,
        "closedAt": None if alert.closed_at is None else alert.closed_at.isoformat(),
        "runbook": runbook_of(alert.rule),
    }


def _short(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:117]}..."
