"""A long history of one tenant's payments and events, made by PostgreSQL itself in seconds."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

CODES = ("insufficient_funds", "expired_card", "do_not_honor")

_ORDERS = """
INSERT INTO orders (tenant_id, id, reference, order_status, currency, total_amount_cents,
    captured_amount_cents, refunded_amount_cents, remaining_amount_cents, is_disputed, metadata,
    created_at, updated_at)
SELECT :tenant_id, 'ord_' || lpad(n::text, 26, '0'), 'h' || n, 'OPEN', 'USD', 1000 + n % 9000, 0, 0,
    1000 + n % 9000, false, '{}',
    CAST(:since AS timestamptz) + n * CAST(:step AS float8) * interval '1 second',
    CAST(:since AS timestamptz) + n * CAST(:step AS float8) * interval '1 second'
FROM generate_series(CAST(:first AS int), CAST(:last AS int)) n
"""
# Of ten: six paid, one of those refunded in part and one disputed; two failed; one held; one
# canceled. By a number that has nothing to do with the hour.
_PAYMENTS = """
INSERT INTO payments (tenant_id, id, order_id, gateway_id, gateway_type, livemode, capture_method,
    payment_status, refund_status, dispute_status, currency, total_amount_cents,
    authorized_amount_cents, captured_amount_cents, refunded_amount_cents, refund_pending_cents,
    dispute_lost_cents, platform_fee_cents, platform_fee_refunded_cents, gateway_fee_cents,
    gateway_fee_is_final, net_amount_cents, fee_basis_points, fee_fixed_cents, fee_refund_policy,
    fee_tier_id, payment_method_type, gateway_response, error_message, failed_at, intent_closed_at,
    metadata, version, created_at, updated_at)
SELECT :tenant_id, 'pay_' || lpad(n::text, 26, '0'), 'ord_' || lpad(n::text, 26, '0'), :gateway_id,
    'STRIPE', false, 'manual', status, CASE WHEN refunded > 0 THEN 'PARTIAL' ELSE 'NONE' END,
    CASE kind WHEN 2 THEN 'WON' ELSE 'NONE' END, 'USD', total,
    CASE WHEN status IN ('PAID', 'AUTHORIZED') THEN total ELSE 0 END, captured, refunded, 0, 0,
    fee, 0, gateway_fee, true,
    CASE status WHEN 'PAID' THEN captured - refunded - fee - gateway_fee
        WHEN 'AUTHORIZED' THEN total - fee - gateway_fee ELSE 0 END,
    300, 0, 'RETAIN', :tier_id, 'CARD',
    CASE WHEN status = 'FAILED' AND n % 7 > 0
        THEN jsonb_build_object('decline_code', (CAST(:codes AS text[]))[1 + n % 3]) ELSE '{}' END,
    CASE status WHEN 'FAILED' THEN 'declined' END,
    CASE status WHEN 'FAILED' THEN made END,
    CASE WHEN status IN ('FAILED', 'CANCELED') THEN made END,
    '{}', 1, made, made
FROM (
    SELECT n, kind, status, total,
        CAST(:since AS timestamptz) + n * CAST(:step AS float8) * interval '1 second' AS made,
        CASE status WHEN 'PAID' THEN total ELSE 0 END AS captured,
        CASE kind WHEN 1 THEN total / 4 ELSE 0 END AS refunded,
        CASE WHEN status IN ('FAILED', 'CANCELED') THEN 0 ELSE total * 3 / 100 END AS fee,
        CASE WHEN status IN ('FAILED', 'CANCELED') THEN 0 ELSE total * 29 / 1000 + 30 END
            AS gateway_fee
    FROM (
        SELECT n, 1000 + n % 9000 AS total, n % 1000 * 7919 % 10 AS kind,
            (ARRAY['PAID', 'PAID', 'PAID', 'PAID', 'PAID', 'PAID', 'FAILED', 'FAILED',
                'AUTHORIZED', 'CANCELED'])[1 + n % 1000 * 7919 % 10] AS status
        FROM generate_series(CAST(:first AS int), CAST(:last AS int)) n
    ) drawn
) priced
"""
_EVENTS = """
INSERT INTO webhook_events (id, gateway_id, livemode, event_id, event_type, payload, status,
    attempts, tenant_id, error_message, next_attempt_at, processed_at, created_at)
SELECT 'we_' || lpad(n::text, 26, '0'), :gateway_id, false, 'evt_h' || n,
    (ARRAY['payment_intent.succeeded', 'charge.succeeded', 'charge.updated'])[1 + n % 3], '{}',
    status, 1, :tenant_id, CASE WHEN status IN ('RETRY', 'DEAD') THEN 'no' END,
    CASE status WHEN 'RETRY' THEN made END,
    CASE WHEN status IN ('PROCESSED', 'IGNORED')
        THEN made + n % 1000 * interval '1 millisecond' END,
    made
FROM (
    SELECT n,
        CAST(:since AS timestamptz) + n * CAST(:step AS float8) * interval '1 second' AS made,
        (ARRAY['PROCESSED', 'PROCESSED', 'IGNORED', 'RETRY', 'DEAD'])[1 + n % 5] AS status
    FROM generate_series(CAST(:first AS int), CAST(:last AS int)) n
) drawn
"""


async def add_history(
    engine: AsyncEngine,
    *,
    tenant_id: str,
    since: datetime,
    step: float,
    first: int,
    last: int,
) -> None:
    """Payments and events number `first` to `last`, one each `step` seconds since then. `engine` is
    the owner's."""
    async with engine.begin() as connection:
        of = text(
            "SELECT g.id, t.fee_tier_id FROM tenant_payment_gateways g JOIN tenants t"
            " ON t.id = g.tenant_id WHERE t.id = :tenant_id"
        )
        gateway_id, tier_id = (await connection.execute(of, {"tenant_id": tenant_id})).one()
        places = {"tenant_id": tenant_id, "since": since, "step": step}
        places |= {"first": first, "last": last}
        await connection.execute(text(_ORDERS), places)
        paid = {"gateway_id": gateway_id, "tier_id": tier_id, "codes": list(CODES)}
        await connection.execute(text(_PAYMENTS), places | paid)
        await connection.execute(text(_EVENTS), places | {"gateway_id": gateway_id})
