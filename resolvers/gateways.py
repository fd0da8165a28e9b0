"""A tenant's accounts at gateways: seen and set by its administrators."""

from __future__ import annotations

from collections.abc import Sequence

from domain.configuring import ShownGateway
from domain.gateway_rules import ConfigureGateway
from resolvers.context import Context


async def of_tenant(context: Context) -> Sequence[ShownGateway]:
    """The tenant's accounts, oldest first."""
    return await context.gateways.of_tenant(context.tenant_id)


async def by_ids(context: Context, ids: Sequence[str]) -> list[ShownGateway | None]:
    """The tenant's accounts with these ids, in this order."""
    found = {shown.profile.id: shown for shown in await of_tenant(context)}
    return [found.get(text) for text in ids]


async def configure(context: Context, command: ConfigureGateway) -> ShownGateway:
    """Sets the account that takes the tenant's money. Only who acts in the tenant for the platform,
    for a reason that is audited, may claim an account in the platform's name."""
    return await context.gateways.configure(
        context.caller.actor,
        context.tenant_id,
        command,
        by_platform=context.caller.reason is not None,
    )
