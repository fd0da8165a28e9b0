"""Alerts as the platform's people take them on."""

from __future__ import annotations

from dataclasses import replace

from domain.alert import Alert, acknowledged
from domain.alert_ports import AlertDesk
from domain.alert_rules import Clearing, clearing_of
from domain.audit import PLATFORM, AuditEntry
from domain.caller import Actor
from domain.ids import Prefix, new_id
from domain.ports import Clock


class AlertService:
    """The use case of who looks after an alert."""

    def __init__(self, desk: AlertDesk, clock: Clock) -> None:
        self._desk = desk
        self._clock = clock

    async def acknowledge(self, actor: Actor, alert_id: str) -> Alert:
        """The alert, which escalates no more. One that tells of something past is over with that.
        Whoever came first stays; what is over stays as it is. Raises NotFound."""
        async with self._desk.begin() as work:
            before = await work.alerts.lock(alert_id)
            now = self._clock.now()
            after = acknowledged(before, actor, now)
            if after == before:
                return before
            if clearing_of(after.rule) is Clearing.ACKNOWLEDGED:
                after = replace(after, closed_at=now)
            await work.alerts.save_acknowledged(after)
            await work.audit.append(_entry(after, actor))
            await work.commit()
        return after


def _entry(alert: Alert, actor: Actor) -> AuditEntry:
    """In the log of the tenant that the alert is about, else in the platform's own."""
    at = alert.acknowledged_at
    if at is None:
        raise ValueError(f"{alert.id} was not acknowledged")
    return AuditEntry(
        id=new_id(Prefix.AUDIT_ENTRY),
        tenant_id=alert.tenant_id or PLATFORM,
        at=at,
        actor=actor,
        action="alert.acknowledged",
        subject_id=alert.id,
        before=None,
        after={"rule": alert.rule, "severity": alert.severity.value, "subject": alert.subject_id},
    )
