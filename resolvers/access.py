"""Who may ask for what: one table, read by the schema's directive and by the check itself.

`ROLES` has every root field, and every field of a type that fewer roles may read than its object.
`OPEN` and `WHOLE` name all other fields, so that none is open because nobody thought of it; a test
holds the three against the schema. docs/roles.md is printed from here: `tollgate schema roles`.
docs/adr/0007 says what the design left open.
"""

from __future__ import annotations

from collections.abc import Mapping

from domain.caller import Caller, Role
from domain.errors import Forbidden
from domain.ids import Prefix

_EVERYONE = frozenset(Role)
_READERS = _EVERYONE - {Role.CHECKOUT}
_ADMINS = frozenset({Role.ADMIN, Role.PLATFORM_ADMIN})
_PLATFORM = frozenset({Role.PLATFORM_ADMIN})
_OPERATORS = _ADMINS | {Role.OPERATOR}
_PAYERS = _OPERATORS | {Role.CHECKOUT}
_FINANCE = _ADMINS | {Role.FINANCE}
_EVENT_READERS = _OPERATORS | {Role.DEVELOPER}

ROLES: Mapping[str, frozenset[Role]] = {
    "Query.viewer": _EVERYONE,
    "Query.node": _EVERYONE,
    "Query.nodes": _EVERYONE,
    "Query.payment": _EVERYONE,
    "Query.payments": _READERS,
    "Query.order": _EVERYONE,
    "Query.orders": _READERS,
    "Query.disputes": _READERS,
    "Query.auditEntries": _FINANCE,
    "Query.feeTiers": _FINANCE,
    "Query.feeQuote": _FINANCE,
    "Query.feeOverrides": _FINANCE,
    "Query.tenants": _PLATFORM,
    "Query.alerts": _PLATFORM,
    "Query.feeReport": _FINANCE,
    "Query.paymentMetrics": _FINANCE | {Role.DEVELOPER},
    "Query.webhookMetrics": _EVENT_READERS,
    "Query.paymentGateways": _ADMINS,
    "Query.webhookEvent": _EVENT_READERS,
    "Query.webhookEvents": _EVENT_READERS,
    "Mutation.createOrder": _OPERATORS,
    "Mutation.cancelOrder": _OPERATORS,
    "Mutation.createCheckoutToken": _OPERATORS,
    "Mutation.authorizePayment": _PAYERS,
    "Mutation.chargePayment": _PAYERS,
    "Mutation.capturePayment": _OPERATORS,
    "Mutation.cancelPayment": _OPERATORS,
    "Mutation.refundPayment": _OPERATORS | _FINANCE,
    "Mutation.configurePaymentGateway": _ADMINS,
    "Mutation.createTenant": _PLATFORM,
    "Mutation.createFeeTier": _PLATFORM,
    "Mutation.updateFeeTier": _PLATFORM,
    "Mutation.archiveFeeTier": _PLATFORM,
    "Mutation.assignFeeTier": _PLATFORM,
    "Mutation.setFeeOverride": _PLATFORM,
    "Mutation.endFeeOverride": _PLATFORM,
    "Mutation.acknowledgeAlert": _PLATFORM,
    "Mutation.replayWebhookEvent": _OPERATORS,
    "Mutation.replayDeadWebhookEvents": _OPERATORS,
    "Viewer.tenant": _READERS,
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
    "Payment.disputes": _READERS,
    "Payment.disputeLoss": _READERS,
    "Payment.disputeFee": _READERS,
    "Payment.metadata": _READERS,
    "Payment.webhookEvents": _EVENT_READERS,
    "Payment.ledgerEntries": _FINANCE,
    "PaymentFailure.declineCode": _READERS,
    "PaymentFailure.gatewayMessage": _READERS,
    "PaymentDeclinedError.declineCode": _READERS,
    "PaymentDeclinedError.detailCode": _READERS,
    "PaymentNextAction.clientSecret": frozenset({Role.CHECKOUT, Role.OPERATOR, Role.ADMIN}),
    "FeeTerms.tier": _FINANCE,
    "FeeTerms.override": _FINANCE,
    "Tenant.feeTier": _FINANCE,
}
"""Operation to roles. PLATFORM_ADMIN passes here, and still needs a tenant for a tenant's fields.

Refunds, disputes, the timeline and fees are the merchant's business, not the shopper's: CHECKOUT
pays, and sees what it paid. Nor does the shopper learn that its card is reported stolen: Stripe
asks that a decline be told in plain words only (docs.stripe.com/declines/codes), which userMessage
has."""

NULLED = frozenset(
    {
        "Viewer.tenant",
        "PaymentFailure.declineCode",
        "PaymentFailure.gatewayMessage",
        "PaymentDeclinedError.declineCode",
        "PaymentDeclinedError.detailCode",
        "PaymentNextAction.clientSecret",
        "FeeTerms.tier",
        "FeeTerms.override",
    }
)
"""Fields that other roles read as null instead of an error: one document serves all of them."""

PLATFORM_WIDE = frozenset(
    {
        "Query.viewer",
        "Query.node",
        "Query.nodes",
        "Query.feeTiers",
        "Query.auditEntries",
        "Query.feeOverrides",
        "Query.feeReport",
        "Query.tenants",
        "Query.alerts",
        "Mutation.acknowledgeAlert",
        "Mutation.createTenant",
        "Mutation.createFeeTier",
        "Mutation.updateFeeTier",
        "Mutation.archiveFeeTier",
        "Mutation.assignFeeTier",
        "Mutation.setFeeOverride",
        "Mutation.endFeeOverride",
    }
)
"""Root fields of no one tenant. Every other needs one, which the platform's people must name."""

TENANT_NEEDED = (
    "This field is a tenant's: name the tenant in the header Tollgate-Tenant, and why in "
    "Tollgate-Reason."
)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


OPEN: Mapping[str, frozenset[str]] = {
    "Node": _names("id"),
    "Error": _names("code detailCode message retryable"),
    "PageInfo": _names("hasNextPage hasPreviousPage startCursor endCursor"),
    "PaymentConnection": _names("edges nodes pageInfo totalCount"),
    "PaymentEdge": _names("cursor node"),
    "Viewer": _names("id roles expiresAt"),
    "Order": _names(
        """reference status isDisputed totalAmount paidAmount remainingAmount customerEmail
        createdAt updatedAt payments"""
    ),
    "Payment": _names(
        """order status refundStatus disputeStatus availableActions gatewayType gatewayPaymentId
        paymentMethod totalAmount authorizedAmount capturedAmount refundedAmount capturableAmount
        refundableAmount failure nextAction captureBefore createdAt updatedAt"""
    ),
    "PaymentMethod": _names("type brand last4 expMonth expYear"),
    "PaymentFailure": _names("userMessage at"),
    "PaymentNextAction": _names("type redirectUrl"),
    "PaymentSuccess": _names("payment replayed"),
    "PaymentDeclinedError": _names("payment"),
    "InvalidStateError": _names("payment order attempted"),
    "GatewayError": _names("gatewayType payment retryAfterSeconds"),
    "IdempotencyError": _names("idempotencyKey"),
    "NotFoundError": _names("id"),
    "ValidationError": _names("issues"),
    "ValidationIssue": _names("path rule message"),
    "Money": _names("amountCents currency decimal formatted"),
}
"""Fields that whoever reaches the object may read, the shopper's page among them: a type that
CHECKOUT can reach stands here, field by field. The fields of an interface stand with it, not again
with the types that have them from it."""

WHOLE = frozenset(
    {
        "Alert",
        "AuditEntry",
        "AuditEntryConnection",
        "AuditEntryEdge",
        "CheckoutToken",
        "Dispute",
        "DisputeConnection",
        "DisputeEdge",
        "DeclineBucket",
        "FeeOverride",
        "FeeReport",
        "FeeReportRow",
        "FeeQuote",
        "FeeTerms",
        "FeeTier",
        "LedgerEntry",
        "MetricPoint",
        "MetricTotals",
        "OrderConnection",
        "OrderEdge",
        "OrderSuccess",
        "PaymentEvent",
        "PaymentEventConnection",
        "PaymentEventEdge",
        "PaymentGateway",
        "PaymentMetrics",
        "Refund",
        "RefundConnection",
        "RefundEdge",
        "RefundSuccess",
        "ReplayWebhookEventsSuccess",
        "Tenant",
        "TenantConnection",
        "TenantEdge",
        "WebhookAttempt",
        "WebhookEvent",
        "WebhookEventConnection",
        "WebhookEventEdge",
        "WebhookMetrics",
        "WebhookTypeMetrics",
    }
)
"""Types that CHECKOUT cannot reach: whoever reaches the object may read every field of it that has
no roles of its own."""

NODES: Mapping[Prefix, frozenset[Role]] = {
    Prefix.PAYMENT: _EVERYONE,
    Prefix.ORDER: _EVERYONE,
    Prefix.REFUND: _READERS,
    Prefix.DISPUTE: _READERS,
    Prefix.TENANT: _READERS,
    Prefix.AUDIT_ENTRY: _FINANCE,
    Prefix.FEE_TIER: _FINANCE,
    Prefix.FEE_OVERRIDE: _FINANCE,
    Prefix.ALERT: _PLATFORM,
    Prefix.GATEWAY: _ADMINS,
    Prefix.WEBHOOK_EVENT: _EVENT_READERS,
}
"""Who may have an object by its id alone, from `node` and `nodes`; for others there is none."""


def is_bound(caller: Caller) -> bool:
    """Whether the caller is a shopper's page, whose token is for one order."""
    return Role.CHECKOUT in caller.roles or caller.order_id is not None


def effective_roles(caller: Caller) -> frozenset[Role]:
    """The roles that count. A token bound to an order is for the shopper's browser: whatever else
    it carries, only CHECKOUT counts."""
    return caller.roles & {Role.CHECKOUT} if is_bound(caller) else caller.roles


def permits(caller: Caller, operation: str) -> bool:
    """Whether one of the caller's roles covers the operation."""
    return not ROLES[operation].isdisjoint(effective_roles(caller))


def permits_node(caller: Caller, prefix: Prefix) -> bool:
    """Whether one of the caller's roles covers objects of this kind, asked for by their ids."""
    return not NODES.get(prefix, frozenset()).isdisjoint(effective_roles(caller))


def require(caller: Caller, operation: str) -> None:
    """Raises Forbidden unless one of the caller's roles covers the operation, and the caller has a
    tenant where the operation is a tenant's."""
    if not permits(caller, operation):
        raise Forbidden("This token's roles do not cover the field.")
    if caller.tenant_id is None and needs_tenant(operation):
        raise Forbidden(TENANT_NEEDED)


def needs_tenant(operation: str) -> bool:
    """Whether the operation is a root field of one tenant."""
    return operation.startswith(("Query.", "Mutation.")) and operation not in PLATFORM_WIDE


def reaches_order(caller: Caller, order_id: str) -> bool:
    """Whether the caller may see this order of its tenant: CHECKOUT sees one, others see all."""
    return caller.order_id == order_id if is_bound(caller) else True
