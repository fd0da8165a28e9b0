"""Alerts, for the platform's own people."""

from __future__ import annotations

from collections.abc import Sequence

from domain.alert import Alert
from domain.errors import NotFound
from domain.ids import Prefix, is_id
from resolvers.context import Context


async def listed(context: Context, *, open_only: bool) -> Sequence[Alert]:
    """Alerts of the tenant that is named, or of all and of the platform."""
    return await context.watch.alerts(context.caller.tenant_id, open_only=open_only)


async def by_ids(context: Context, ids: Sequence[str]) -> list[Alert | None]:
    """The alerts with these ids, in this order."""
    wanted = [text for text in ids if is_id(text, Prefix.ALERT)]
    found = await context.watch.alerts_by_ids(wanted) if wanted else ()
    of_id = {alert.id: alert for alert in found if _is_within(context, alert)}
    return [of_id.get(text) for text in ids]


async def acknowledge(context: Context, alert_id: str) -> Alert:
    """The alert, which the caller looks after. Raises NotFound."""
    (found,) = await by_ids(context, [alert_id])
    if found is None:
        raise NotFound(alert_id)
    return await context.alerts.acknowledge(context.caller.actor, alert_id)


def _is_within(context: Context, alert: Alert) -> bool:
    """Who acts within a tenant sees what is that tenant's."""
    return context.caller.tenant_id in {None, alert.tenant_id}
