"""Alerts as the platform's people see them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from domain import alert as alerts
from domain.alert import AlertSeverity
from schema.context import Info
from schema.errors import InvalidStateError, NotFoundError, ValidationError
from schema.fields import computed
from schema.node import Node
from schema.tenant import Tenant


@strawberry.type(description="Something that a person must look at.")
class Alert(Node):
    rule: str = strawberry.field(description="Its rule, as docs/monitoring.md names it.")
    severity: AlertSeverity = strawberry.field(
        description="How soon somebody must look; it rises while nobody acknowledges it."
    )
    message: str = strawberry.field(description="What is amiss.")
    opened_at: datetime = strawberry.field(description="When it was noticed.")
    acknowledged_at: datetime | None = strawberry.field(
        description="When somebody said that they look after it."
    )
    acknowledged_by: str | None = strawberry.field(description="Who did.")
    closed_at: datetime | None = strawberry.field(description="When it was over.")
    tenant_id: strawberry.Private[str | None]

    @classmethod
    def of(cls, alert: alerts.Alert) -> Alert:
        """The alert as a client sees it."""
        return cls(
            id=strawberry.ID(alert.id),
            rule=alert.rule,
            severity=alert.severity,
            message=alert.message,
            opened_at=alert.opened_at,
            acknowledged_at=alert.acknowledged_at,
            acknowledged_by=alert.acknowledged_by,
            closed_at=alert.closed_at,
            tenant_id=alert.tenant_id,
        )

    @computed("Whom it is about; null for the platform.")
    async def tenant(self, info: Info) -> Tenant | None:
        if self.tenant_id is None:
            return None
        tenant = await info.context.loaders.any_tenant.load(self.tenant_id)
        return None if tenant is None else Tenant.of(tenant)


AlertResult = Annotated[
    Alert | ValidationError | NotFoundError | InvalidStateError,
    strawberry.union("AlertResult", description="What acknowledgeAlert answers."),
]
