"""What the tables refuse, whoever writes: the CHECKs that hold the money."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from db.alert_rounds import SqlAlertDatabase
from db.signs import SqlSigns
from db.work import SqlDatabase
from domain.differences import Difference, Label
from domain.gateway_profile import GatewaySecrets
from domain.signs import RequestCounts
from tests.integration.db.builders import (
    NOW,
    a_full_event,
    a_full_operation,
    a_full_record,
    a_full_refund,
    an_alert,
)
from tests.integration.db.conftest import Merchant
from tests.integration.db.dispute_builders import a_full_dispute
from tests.integration.db.rows import an_attempt, record_event, stored_capture, stored_override
from tests.integration.db.watched import a_notice, a_sign

# Each line breaks one rule of a row that is sound: 10 000 authorized in part, 9 000 captured,
# 2 000 refunded, 1 000 on its way back.
_BROKEN = """
payments: payment_status = 'DONE', captured_amount_cents = 0, refunded_amount_cents = 0, \
    refund_pending_cents = 0, net_amount_cents = 9380
payments: payment_status = 'paid'
payments: refund_status = 'SOME'
payments: dispute_status = 'BAD'
payments: capture_method = 'later'
payments: gateway_type = 'PAYPAL'
payments: payment_method_type = 'BANK'
payments: fee_refund_policy = 'KEEP'
payments: currency = 'usd'
payments: currency = 'US'
payments: settlement_currency = 'eur'
payments: total_amount_cents = 0
payments: total_amount_cents = -1
payments: authorized_amount_cents = 10001
payments: authorized_amount_cents = -1
payments: captured_amount_cents = 9501
payments: captured_amount_cents = -1
payments: capture_method = 'automatic'
payments: payment_status = 'AUTHORIZED', net_amount_cents = 9380
payments: refunded_amount_cents = 9001, net_amount_cents = net_amount_cents - 7001
payments: refunded_amount_cents = -1, net_amount_cents = net_amount_cents + 2001
payments: refund_pending_cents = -1
payments: dispute_lost_cents = -1, net_amount_cents = net_amount_cents + 501
payments: dispute_fee_cents = -1, net_amount_cents = net_amount_cents + 1501
payments: dispute_fee_cents = 1501
payments: platform_fee_cents = -1, platform_fee_refunded_cents = 0, net_amount_cents = 4681
payments: platform_fee_cents = 10000, net_amount_cents = net_amount_cents - 9700
payments: platform_fee_refunded_cents = 301, net_amount_cents = net_amount_cents + 235
payments: gateway_fee_cents = -1, net_amount_cents = net_amount_cents + 321
payments: net_amount_cents = net_amount_cents + 1
payments: fee_basis_points = 10001
payments: fee_basis_points = -1
payments: fee_fixed_cents = -1
payments: settlement_fee_cents = NULL
payments: application_fee_cents = NULL
payments: application_fee_cents = -1
payments: application_fee_refunded_cents = -1
payments: application_fee_refunded_cents = 100000000
payments: application_fee_settled_cents = -1
payments: error_message = NULL
payments: failed_at = NULL
payments: gateway_response = gateway_response || '{"number": "4242424242424242"}'
payments: gateway_response = NULL
payments: version = 0
orders: order_status = 'CLOSED'
orders: order_status = 'CANCELED'
orders: canceled_at = now()
orders: currency = 'EURO'
orders: total_amount_cents = 0, remaining_amount_cents = 0
orders: captured_amount_cents = -1
orders: refunded_amount_cents = 1
orders: remaining_amount_cents = -1
orders: remaining_amount_cents = 10001
disputes: dispute_status = 'PENDING'
disputes: dispute_status = 'INQUIRY'
disputes: closed_at = NULL
disputes: currency = 'usd'
disputes: funds_currency = 'eur'
disputes: funds_currency = NULL
disputes: amount_cents = -1
disputes: withdrawn_cents = -1
disputes: reinstated_cents = -1
disputes: fee_cents = -1
disputes: fee_cents = NULL
refunds: refund_status = 'DONE', platform_fee_refunded_cents = 0
refunds: reason = 'WHY_NOT'
refunds: origin = 'elsewhere'
refunds: currency = ''
refunds: amount_cents = 0
refunds: platform_fee_refunded_cents = -1
refunds: refund_status = 'FAILED'
refunds: settlement_cents = NULL
refunds: settlement_currency = 'eur'
gateway_operations: kind = 'payout'
gateway_operations: state = 'DONE'
gateway_operations: refund_id = NULL
gateway_operations: refund_id = 're_unknown'
gateway_operations: payment_id = 'pay_unknown'
gateway_operations: amount_cents = 0
gateway_operations: attempts = -1
gateway_operations: last_sent_at = NULL
gateway_operations: request = NULL
idempotency_keys: outcome = 'DONE'
webhook_events: status = 'DONE'
webhook_events: attempts = -1
webhook_events: next_attempt_at = NULL
webhook_events: status = 'PROCESSING', lease_until = NULL
webhook_events: gateway_id = 'gw_unknown'
webhook_events: attempts_before_replay = 3
webhook_events: source = 'sent'
webhook_cursors: missed = -1
webhook_cursors: failures = -1
reconciliations: repaired = -1
reconciliations: failures = -1
reconciliation_differences: label = 'lost'
webhook_attempts: number = 0
webhook_attempts: duration_ms = -1
webhook_attempts: outcome = 'RECEIVED'
webhook_attempts: webhook_event_id = 'we_unknown'
tenants: default_currency = 'eur'
tenants: fee_tier_id = 'fee_unknown'
platform_fee_tiers: basis_points = 10001
platform_fee_tiers: refund_policy = 'KEEP'
platform_fee_tiers: is_default = true
platform_fee_tiers: level = 1
platform_fee_tiers: is_archived = true
tenant_payment_gateways: mode = 'SHARED'
tenant_payment_gateways: gateway_type = 'PAYPAL'
tenant_payment_gateways: tenant_id = NULL, mode = 'CONNECT', account_id = id
tenant_payment_gateways: mode = 'CONNECT'
tenant_payment_gateways: mode = 'OWN'
tenant_payment_gateways: account_id = 'acct_1'
tenant_payment_gateways: secret_key = 'sealed'
tenant_payment_gateways: key_account_id = 'acct_1'
tenant_payment_gateways: secret_key_hint = '4242'
endpoint_secrets: hint = '42'
endpoint_secrets: gateway_id = 'gw_unknown'
tenant_payment_gateways: fee_basis_points = -1
tenant_payment_gateways: fee_fixed_cents = -1
platform_fee_overrides: basis_points = 10001
platform_fee_overrides: effective_until = effective_from - interval '1 second'
alerts: severity = 'LOW'
alerts: acknowledged_at = now()
alerts: escalations = 1
alert_notices: stage = 'HEARD'
alert_notices: attempts = -1
alert_notices: delivered_at = now()
processes: kind = 'cron'
processes: pool_size = 0
request_minutes: slow = 2
request_minutes: failed = 2
"""

_RULES = text(
    "SELECT conname FROM pg_constraint"
    " WHERE contype = 'c'"
    " AND conrelid NOT IN (0, 'audit_log'::regclass, 'audit_seals'::regclass,"
    " 'ledger_entries'::regclass, 'ledger_transactions'::regclass)"
)
"""CHECKs of audit and books are met by an INSERT, in tests of their own: they refuse every
UPDATE."""


def broken() -> list[tuple[str, str]]:
    """Table and assignments of each line."""
    return [
        (table, assignments)
        for table, _, assignments in (line.partition(": ") for line in _BROKEN.split("\n") if line)
    ]


async def test_rows_that_break_a_rule_are_refused(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """Every line above is refused, and together they meet every CHECK of every table."""
    payment = await stored_capture(database, merchant)
    refund = a_full_refund(payment)
    async with database.begin(merchant.id) as work:
        await work.refunds.add(refund)
        await work.disputes.add(a_full_dispute(payment))
        await work.operations.add(a_full_operation(payment, refund))
        await work.keys.claim(a_full_record(merchant))
        event = a_full_event(merchant)
        await record_event(work, event)
        await work.inbox.add_attempt(event.id, an_attempt())
        await work.cursors.add_missing(NOW, oldest=NOW, livemode=False)
        await work.reconciliations.add_missing(NOW, oldest=NOW, livemode=False)
        gateway_id = (await work.reconciliations.gateway_ids(livemode=False))[0]
        left = [Difference(Label.STATUS, payment.id, merchant.id, "PAID", "canceled")]
        await work.reconciliations.replace(gateway_id, [payment.id], left, NOW)
        await work.alerts.open(alert := an_alert(merchant))
        (profile,) = await work.gateways.of_tenant(merchant.id)
        await work.gateways.save(profile, GatewaySecrets(webhook_secret="whsec_of_the_merchant"))
        await work.commit()
    await stored_override(engine, merchant, "fov_1")
    async with SqlAlertDatabase(engine).begin() as told:
        await told.notices.add(a_notice(alert), NOW)
        await told.commit()
    await SqlSigns(engine).beat(a_sign(), RequestCounts(1))

    hit = {await _refused_by(engine, table, assignments) for table, assignments in broken()}

    async with engine.connect() as connection:
        rules = set((await connection.execute(_RULES)).scalars())
    assert rules - hit == set()


async def _refused_by(engine: AsyncEngine, table: str, assignments: str) -> str:
    """The constraint that refuses the change of a row that is there."""
    column = assignments.partition(" =")[0]
    async with engine.begin() as connection:
        unchanged = await connection.execute(text(f"UPDATE {table} SET {column} = {column}"))  # noqa: S608
        assert unchanged.rowcount > 0
        with pytest.raises(IntegrityError) as refused:
            await connection.execute(text(f"UPDATE {table} SET {assignments}"))  # noqa: S608
        await connection.rollback()
    cause = refused.value.orig.__cause__ if refused.value.orig else None
    return str(getattr(cause, "constraint_name", None))
