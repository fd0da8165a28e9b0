"""What the metrics say of payments, requests, gateway calls, statements and what waits is true."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry

from app.gateway_patience import Patience
from app.gateway_watch import WatchedGateway
from app.metrics import PrometheusMeasures
from app.state_metrics import StateGauges
from db.cipher import AesGcmCipher
from db.state_reads import SqlStateReads
from db.webhook_health import SqlInboxHealthReads
from db.work import SqlDatabase
from domain.errors import OutcomeUnknown, PaymentDeclined
from domain.events import EventService
from domain.services import PaymentService
from tests.integration.app.shop import serving
from tests.integration.webhooks.disputed import Disputed
from tests.integration.webhooks.shop import NO_REDIS, USER, Shop, opened
from tests.unit.app.asgi import answered

pytestmark = pytest.mark.usefixtures("sandbox_url")


def value(registry: CollectorRegistry, name: str, **labels: str) -> float:
    """The sample's value; 0 where there is none."""
    return registry.get_sample_value(name, labels) or 0.0


@asynccontextmanager
async def counted(
    database_url: str, sandbox_url: str
) -> AsyncIterator[tuple[Shop, CollectorRegistry]]:
    """A shop whose API and worker are counted, with two payments, a decline, a refund, a lost
    answer, and the events of all."""
    async with opened(database_url, NO_REDIS, sandbox_url) as shop:
        measures, cipher = PrometheusMeasures(), AesGcmCipher({"k1": b"0" * 32}, "k1")
        measures.database.watch("api", shop.api)
        gateway = WatchedGateway(shop.gateway, measures.gateway.around, Patience())
        database = SqlDatabase(shop.api, cipher, measures.commits)
        shop.payments = PaymentService(database, gateway, shop.wake, shop.clock)
        worker = SqlDatabase(shop.worker, cipher, measures.commits)
        shop.events = EventService(worker, gateway, shop.wake, shop.clock)

        command = await shop.start_command()
        await shop.payments.charge(USER, shop.tenant.id, command)
        await shop.payments.charge(USER, shop.tenant.id, command)
        await Disputed(shop, await shop.charge()).refund(2_500)
        with pytest.raises(PaymentDeclined):
            await shop.charge("pm_card_visa_chargeDeclinedInsufficientFunds")
        await shop.control.order_fault("drop_after", method="POST", path="/v1/payment_intents")
        with pytest.raises(OutcomeUnknown):
            await shop.charge()
        for event in await shop.gateway_events():
            await shop.receive(event)
        await shop.work_off()
        yield shop, measures.registry


async def test_money_is_counted(database_url: str, sandbox_url: str) -> None:
    """Each action and each booking as often, and as much, as the tables have."""
    async with counted(database_url, sandbox_url) as (shop, seen):
        for action, count in await shop.rows(
            "select action, count(*) from audit_log where action like 'payment.%'"
            " or action like 'refund.%' group by action"
        ):
            assert value(seen, "tollgate_changes_total", action=action) == count, action
        booked = await shop.rows(
            "select e.account, split_part(t.fact_key, ':', 1),"
            " sum(greatest(e.amount_cents, 0)), -sum(least(e.amount_cents, 0))"
            " from ledger_entries e join ledger_transactions t on t.id = e.transaction_id"
            " group by 1, 2"
        )
        assert len(booked) > 4
        for account, fact, debit, credit in booked:
            of = {"account": account, "fact": fact, "currency": "USD"}
            name = "tollgate_ledger_minor_units_total"
            assert value(seen, name, side="debit", **of) == debit, of
            assert value(seen, name, side="credit", **of) == credit, of


async def test_calls_and_events_are_counted(database_url: str, sandbox_url: str) -> None:
    """Declines by their code, calls by their outcome, events by their type, statements."""
    async with counted(database_url, sandbox_url) as (shop, seen):
        code = {"decline_code": "insufficient_funds"}
        assert value(seen, "tollgate_payment_failures_total", **code) == 1
        assert value(seen, "tollgate_idempotency_hits_total") == 1
        unknown = {"kind": "charge", "state": "UNKNOWN"}
        assert value(seen, "tollgate_gateway_operations_total", **unknown) == 1
        sent = "tollgate_gateway_call_seconds_count"
        assert value(seen, sent, call="send_intent", outcome="ok") == 2
        assert value(seen, sent, call="send_intent", outcome="declined") == 1
        assert value(seen, sent, call="send_intent", outcome="unknown") == 1
        ended = await shop.rows(
            "select event_type, status, count(*) from webhook_events"
            " where status in ('PROCESSED', 'IGNORED') group by 1, 2"
        )
        assert len(ended) > 4
        for event_type, status, count in ended:
            labels = {"event_type": event_type, "status": status}
            assert value(seen, "tollgate_webhook_events_total", **labels) == count, labels
        assert value(seen, "tollgate_db_statement_seconds_count", pool="api", kind="insert") > 5
        assert value(seen, "tollgate_db_pool_connections_max", pool="api") == 8


async def test_what_waits_is_shown(database_url: str, sandbox_url: str) -> None:
    """Events, operations and alerts as they are now, and zero again afterwards."""
    async with opened(database_url, NO_REDIS, sandbox_url) as shop:
        gauges = StateGauges(registry := CollectorRegistry())
        reads = (SqlStateReads(shop.worker), SqlInboxHealthReads(shop.worker), shop.clock)
        await waiting(shop)
        shop.clock.advance(100)
        await gauges.read(*reads)
        ((count,),) = await shop.rows("select count(*) from webhook_events")
        assert count > 2
        assert value(registry, "tollgate_webhook_events_unprocessed") == count
        assert value(registry, "tollgate_webhook_events_waiting_seconds") >= 100
        assert value(registry, "tollgate_gateway_operations_open", state="UNKNOWN") == 1
        oldest = "tollgate_gateway_operations_oldest_seconds"
        assert value(registry, oldest, state="UNKNOWN") >= 100
        assert value(registry, oldest, state="SENDING") == 0

        await shop.settler.settle_due(10)
        await shop.work_off()
        await gauges.read(*reads)
        assert value(registry, "tollgate_webhook_events_unprocessed") == 0
        assert value(registry, "tollgate_gateway_operations_open", state="UNKNOWN") == 0


async def waiting(shop: Shop) -> None:
    """A payment whose answer was lost, and its events, not worked off."""
    await shop.lose_the_answer()
    for event in await shop.gateway_events():
        await shop.receive(event)


@pytest.mark.parametrize(
    ("path", "route", "status"),
    [
        ("/livez", "/livez", "200"),
        ("/api/webhooks/stripe/gw_secret", "/api/webhooks/stripe/{gateway_id}", "405"),
        ("/../../etc/passwd", "other", "404"),
        ("/graphql", "/graphql", "405"),
    ],
)
async def test_routes_are_few(database_url: str, path: str, route: str, status: str) -> None:
    """Whatever callers write, a label is one of a closed list."""
    async with serving(database_url) as app:
        measures = app.state.measures
        await answered(app, method="GET", path=path)
    seen = measures.registry
    name = "tollgate_http_request_seconds_count"
    assert value(seen, name, route=route, status=status) == 1
