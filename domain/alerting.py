"""Alerts, opened in the commit of what they tell of."""

from __future__ import annotations

from datetime import datetime

from domain.audit import Alert, AlertSeverity
from domain.ids import Prefix, new_id
from domain.ports import Work


async def open_alert(
    work: Work,
    rule: str,
    severity: AlertSeverity,
    *,
    subject_id: str,
    message: str,
    tenant_id: str | None,
    now: datetime,
) -> None:
    """Opens the alert unless one of the same rule and subject is open."""
    await work.alerts.open(
        Alert(
            id=new_id(Prefix.ALERT),
            rule=rule,
            severity=severity,
            subject_id=subject_id,
            message=message,
            tenant_id=tenant_id,
            opened_at=now,
        )
    )
