"""The audit log against what it tells of: no order, payment, refund or dispute changes without a
line."""

from __future__ import annotations

from typing import Any, Protocol

# What tells of no change, a step of an operation, has none of these.
_LINES_OF_PAYMENT = """
    SELECT p.id, p.version, count(l.id) FROM payments p
    LEFT JOIN audit_log l ON l.subject_id = p.id
        AND l.after ?| ARRAY['authorized', 'refund_status', 'dispute_status']
    GROUP BY p.id, p.version HAVING p.version <> count(l.id)
"""
_PAYMENT_AS_TOLD = """
    SELECT p.id, l.action, l.after FROM payments p JOIN LATERAL (
        SELECT action, after FROM audit_log
        WHERE subject_id = p.id AND action LIKE 'payment.%' AND after ? 'authorized'
        ORDER BY id DESC LIMIT 1
    ) l ON true
    WHERE (l.after ->> 'status', (l.after ->> 'captured')::bigint, (l.after ->> 'currency'))
        IS DISTINCT FROM (p.payment_status, p.captured_amount_cents, p.currency)
"""
_ORDER_AS_TOLD = """
    SELECT o.id, l.action, l.after FROM orders o LEFT JOIN LATERAL (
        SELECT action, after FROM audit_log WHERE subject_id = o.id AND after ? 'status'
        ORDER BY id DESC LIMIT 1
    ) l ON true
    WHERE (l.after ->> 'status', (l.after ->> 'captured')::bigint, (l.after ->> 'refunded')::bigint)
        IS DISTINCT FROM (o.order_status, o.captured_amount_cents, o.refunded_amount_cents)
"""
_REFUND_AS_TOLD = """
    SELECT r.id, l.action, l.after FROM refunds r LEFT JOIN LATERAL (
        SELECT action, after FROM audit_log
        WHERE subject_id = r.payment_id AND after ->> 'refund_id' = r.id
        ORDER BY id DESC LIMIT 1
    ) l ON true
    WHERE (l.after ->> 'refund_status', (l.after ->> 'platform_fee_refunded')::bigint)
        IS DISTINCT FROM (r.refund_status, r.platform_fee_refunded_cents)
"""

_DISPUTE_AS_TOLD = """
    SELECT d.id, l.action, l.after FROM disputes d LEFT JOIN LATERAL (
        SELECT action, after FROM audit_log
        WHERE subject_id = d.payment_id AND after ->> 'dispute_id' = d.id
        ORDER BY id DESC LIMIT 1
    ) l ON true
    WHERE (l.after ->> 'dispute_status', (l.after ->> 'withdrawn')::bigint,
            (l.after ->> 'reinstated')::bigint, (l.after ->> 'fee_charged')::bigint)
        IS DISTINCT FROM (d.dispute_status, coalesce(d.withdrawn_cents, 0),
            coalesce(d.reinstated_cents, 0), coalesce(d.fee_cents, 0))
"""


class Asked(Protocol):
    """Whoever can be asked for rows."""

    async def rows(self, statement: str) -> list[tuple[Any, ...]]: ...


async def untold(shop: Asked) -> list[tuple[Any, ...]]:
    """Orders, payments, refunds and disputes that are not as their last lines say, and payments
    that were written more or less often than they have lines."""
    statements = (
        _LINES_OF_PAYMENT,
        _PAYMENT_AS_TOLD,
        _ORDER_AS_TOLD,
        _REFUND_AS_TOLD,
        _DISPUTE_AS_TOLD,
    )
    return [row for statement in statements for row in await shop.rows(statement)]
