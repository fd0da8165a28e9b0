"""From an id to its object, by the id's prefix."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar, get_type_hints

from strawberry.dataloader import DataLoader

from domain.ids import Prefix, prefix_of
from resolvers.access import permits_node
from schema.alert import Alert
from schema.audit import AuditEntry
from schema.context import GraphContext
from schema.fee_tier import FeeTier
from schema.fees import FeeOverride
from schema.gateway import PaymentGateway
from schema.loaders import Loaders
from schema.node import Node
from schema.tenant import Tenant
from schema.types import Dispute, Order, Payment, Refund, WebhookEvent

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Load:
    """How the object with an id is read, and the name of its type."""

    type_name: str
    read: Callable[[Loaders, str], Awaitable[Node | None]]


def _load(loader: Callable[[Loaders], DataLoader[str, T | None]], of: Callable[[T], Node]) -> Load:
    async def read(loaders: Loaders, node_id: str) -> Node | None:
        found = await loader(loaders).load(node_id)
        return None if found is None else of(found)

    return Load(get_type_hints(of)["return"].__name__, read)


LOADS: Mapping[Prefix, Load] = {
    Prefix.PAYMENT: _load(lambda loaders: loaders.payment, Payment.of),
    Prefix.ORDER: _load(lambda loaders: loaders.order, Order.of),
    Prefix.REFUND: _load(lambda loaders: loaders.refund, Refund.of),
    Prefix.DISPUTE: _load(lambda loaders: loaders.dispute, Dispute.of),
    Prefix.TENANT: _load(lambda loaders: loaders.tenant, Tenant.of),
    Prefix.AUDIT_ENTRY: _load(lambda loaders: loaders.audit_entry, AuditEntry.of),
    Prefix.FEE_TIER: _load(lambda loaders: loaders.fee_tier, FeeTier.of),
    Prefix.FEE_OVERRIDE: _load(lambda loaders: loaders.fee_override, FeeOverride.of),
    Prefix.ALERT: _load(lambda loaders: loaders.alert, Alert.of),
    Prefix.GATEWAY: _load(lambda loaders: loaders.gateway, PaymentGateway.of),
    Prefix.WEBHOOK_EVENT: _load(lambda loaders: loaders.webhook_event, WebhookEvent.of),
}
"""Every kind of object that can be asked for by its id alone."""


async def load_node(context: GraphContext, node_id: str) -> Node | None:
    """The object; None for an id that is malformed, missing, foreign, or beyond the caller's
    roles."""
    prefix = prefix_of(node_id)
    if prefix is None or prefix not in LOADS or not permits_node(context.base.caller, prefix):
        return None
    return await LOADS[prefix].read(context.loaders, node_id)
