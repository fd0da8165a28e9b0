"""Alerts in memory behind the schema."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from domain.alert import Alert, acknowledged
from domain.caller import Actor


@dataclass
class WatchDesk:
    """Implements the use case and the reads of alerts over those that it has."""

    open_alerts: list[Alert] = field(default_factory=list)
    heard: list[object] = field(default_factory=list)

    async def acknowledge(self, actor: Actor, alert_id: str) -> Alert:
        self.heard.append((actor, alert_id))
        (found,) = await self.alerts_by_ids([alert_id])
        return acknowledged(found, actor, datetime(2026, 11, 27, tzinfo=UTC))

    async def alerts(self, tenant_id: str | None, *, open_only: bool) -> Sequence[Alert]:
        self.heard.append((tenant_id, open_only))
        return [each for each in self.open_alerts if tenant_id in {None, each.tenant_id}]

    async def alerts_by_ids(self, ids: Sequence[str]) -> Sequence[Alert]:
        return [each for each in self.open_alerts if each.id in ids]
