"""Alerts, opened in the commit of what they tell of."""

from __future__ import annotations

from datetime import datetime

from domain.alert import Alert
from domain.alert_rules import RULES, AlertRule
from domain.ids import Prefix, new_id
from domain.ports import Work


async def open_alert(
    work: Work,
    rule: AlertRule,
    *,
    subject_id: str,
    message: str,
    tenant_id: str | None,
    now: datetime,
) -> None:
    """Opens the alert, as severe as its rule says, unless one of rule and subject is open."""
    await work.alerts.open(
        Alert(
            id=new_id(Prefix.ALERT),
            rule=rule,
            severity=RULES[rule].severity,
            subject_id=subject_id,
            message=message,
            tenant_id=tenant_id,
            opened_at=now,
        )
    )
