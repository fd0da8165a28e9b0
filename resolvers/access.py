"""Who may ask for what: one table, read by the schema's directive and by the check itself.

An operation is a root field, or a type's field that fewer roles may read than its object.
"""

from __future__ import annotations

from collections.abc import Mapping

from domain.caller import Caller, Role
from domain.errors import Forbidden

_EVERYONE = frozenset(Role)
_READERS = _EVERYONE - {Role.CHECKOUT}
_ADMINS = frozenset({Role.ADMIN, Role.PLATFORM_ADMIN})
_OPERATORS = _ADMINS | {Role.OPERATOR}
_PAYERS = _OPERATORS | {Role.CHECKOUT}
_FINANCE = _ADMINS | {Role.FINANCE}

ROLES: Mapping[str, frozenset[Role]] = {
    "Query.viewer": _EVERYONE,
    "Query.node": _EVERYONE,
    "Query.nodes": _EVERYONE,
    "Query.payment": _EVERYONE,
    "Query.payments": _READERS,
    "Query.order": _EVERYONE,
    "Query.orders": _READERS,
    "Query.feeTiers": _FINANCE,
    "Query.feeQuote": _FINANCE,
    "Mutation.createOrder": _OPERATORS,
    "Mutation.cancelOrder": _OPERATORS,
    "Mutation.authorizePayment": _PAYERS,
    "Mutation.chargePayment": _PAYERS,
    "Mutation.capturePayment": _OPERATORS,
    "Mutation.cancelPayment": _OPERATORS,
    "Mutation.refundPayment": _OPERATORS | _FINANCE,
    "Order.metadata": _READERS,
    "Payment.platformFee": _READERS,
    "Payment.gatewayFee": _READERS,
    "Payment.gatewayFeeIsFinal": _READERS,
    "Payment.netAmount": _READERS,
    "Payment.platformFeeRefunded": _READERS,
    "Payment.feeTerms": _READERS,
    "Payment.gatewayDashboardUrl": _READERS,
    "Payment.timeline": _READERS,
    "Payment.refunds": _READERS,
    "Payment.metadata": _READERS,
    "PaymentNextAction.clientSecret": frozenset({Role.CHECKOUT, Role.OPERATOR, Role.ADMIN}),
    "FeeTerms.tier": _FINANCE,
    "FeeTerms.override": _FINANCE,
    "Tenant.feeTier": _FINANCE,
}
"""Operation to roles. PLATFORM_ADMIN passes here, and still needs a tenant for a tenant's fields.

Refunds, the timeline and fees are the merchant's business, not the shopper's: CHECKOUT pays, and
sees what it paid."""


def effective_roles(caller: Caller) -> frozenset[Role]:
    """The roles that count. A token bound to an order is for the shopper's browser: whatever else
    it carries, only CHECKOUT counts."""
    if Role.CHECKOUT in caller.roles or caller.order_id is not None:
        return caller.roles & {Role.CHECKOUT}
    return caller.roles


def permits(caller: Caller, operation: str) -> bool:
    """Whether one of the caller's roles covers the operation."""
    return not ROLES[operation].isdisjoint(effective_roles(caller))


def require(caller: Caller, operation: str) -> None:
    """Raises Forbidden unless one of the caller's roles covers the operation."""
    if not permits(caller, operation):
        raise Forbidden("This token's roles do not cover the field.")


def reaches_order(caller: Caller, order_id: str) -> bool:
    """Whether the caller may see this order of its tenant: CHECKOUT sees one, others see all."""
    bound = Role.CHECKOUT in caller.roles or caller.order_id is not None
    return caller.order_id == order_id if bound else True
