"""Events that ended, and what a replay leaves behind."""

from __future__ import annotations

import secrets
from typing import Any

from domain.caller import Actor, AuditActorType
from domain.payment import Payment
from domain.receiving import Delivery
from domain.replaying import ReplayService
from tests.integration.webhooks.shop import Shop

ANN = Actor(AuditActorType.USER, "ann", "req-7", "192.0.2.7")
BOB = Actor(AuditActorType.USER, "bob", "req-8", "192.0.2.8")
LINES = """select actor_id, subject_id, before, after from audit_log
    where action = 'webhook_event.replayed' order by id"""


def replays_of(shop: Shop, *, batch: int = 100) -> ReplayService:
    """The use case as the API has it, in the API's role."""
    return ReplayService(shop.database, shop.wake, shop.clock, batch=batch)


async def lines(shop: Shop) -> list[tuple[Any, ...]]:
    """What the audit says of replays: who, which event, before, after."""
    return await shop.rows(LINES)


async def a_dead_event(shop: Shop) -> tuple[Payment, Delivery]:
    """A payment whose answer was lost, and the event that would tell of it, which has died."""
    payment = await shop.lose_the_answer()
    events = await shop.gateway_events("charge.succeeded")
    dead = await shop.receive(events[-1])
    await bury(shop, dead.id, payment)
    return payment, dead


async def bury(shop: Shop, event_id: str, payment: Payment) -> None:
    """Eight tries in vain, as the worker leaves them."""
    await shop.write(
        "update webhook_events set status = 'DEAD', attempts = attempts + 8, tenant_id = :tenant,"
        " payment_id = :payment, error_message = 'It would not.' where id = :id",
        id=event_id,
        tenant=shop.tenant.id,
        payment=payment.id,
    )


async def many_dead(shop: Shop, count: int, **changes: object) -> list[str]:
    """DEAD events of the tenant about no payment of ours, by SQL; their ids, oldest first."""
    given = {
        "tenant": shop.tenant.id,
        "gateway": await shop.endpoints.platform_gateway_id(),
        "run": secrets.token_hex(8),
        "count": count,
        "type": "charge.succeeded",
        "status": "DEAD",
        "payload": '{"id": "evt"}',
        **changes,
    }
    await shop.write(
        "insert into webhook_events (id, gateway_id, livemode, event_id, event_type, payload,"
        " status, attempts, tenant_id, error_message, created_at)"
        " select 'we_' || lpad(substr(cast(:run as text), 1, 8), 18, '0') || lpad(n::text, 8, '0'),"
        " :gateway, false, 'evt_' || :run || n, :type, cast(:payload as jsonb), :status, 8,"
        " :tenant, 'It would not.', now() - interval '1 hour' + n * interval '1 second'"
        " from generate_series(1, :count) n",
        **given,
    )
    found = await shop.rows(
        "select id from webhook_events where event_id like 'evt_' || :run || '%' order by id",
        run=given["run"],
    )
    return [event_id for (event_id,) in found]


async def everything(shop: Shop) -> list[object]:
    """The inbox and the audit, row by row."""
    return [
        await shop.rows(f"select to_jsonb(t)::text from {table} t order by 1")  # noqa: S608 - of ours
        for table in ("webhook_events", "webhook_attempts", "audit_log")
    ]
