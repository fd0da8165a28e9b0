"""An event never moves the payment of a tenant whose account it did not come from."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pytest_asyncio
import stripe
from sqlalchemy import text

from app.clock import SystemClock
from app.database import cipher_of
from db.engine import make_engine
from db.roles import DatabaseRole
from db.work import SqlDatabase
from domain.event_types import USE_CASES, UseCase
from domain.events import EventService
from domain.gateways.stripe_gateway import StripeGateway
from domain.ids import Prefix, new_id
from domain.payment import Payment
from tests.integration.db.builders import a_payment, an_order
from tests.integration.tenants.matrix import Matrix
from tests.integration.tenants.people import (
    CONNECT_SECRET,
    WEBHOOK_SECRET,
    Tenant,
    letters,
    twin,
)
from tests.integration.webhooks.shop import try_event
from tests.unit.app.asgi import answered
from webhooks.wake import ArqWake

PATH = "/api/webhooks/stripe"
CONNECT = (
    "INSERT INTO tenant_payment_gateways (id, tenant_id, gateway_type, mode, livemode, is_enabled,"
    " fee_basis_points, fee_fixed_cents, account_id, created_at, updated_at)"
    " VALUES (:id, :tenant, 'STRIPE', 'CONNECT', false, false, 290, 30, :account, now(), now())"
)


@dataclass(frozen=True, slots=True)
class Inbox:
    """Deliveries to the real application, worked off in the worker's role."""

    matrix: Matrix
    events: EventService

    async def delivered(self, secret: str, event: Mapping[str, object]) -> Sequence[object]:
        """How the delivery is answered, and how its event ends after one try."""
        body = json.dumps(event).encode()
        signed = stripe.WebhookSignature.generate_signature_header(
            body.decode(), secret, int(time.time())
        )
        headers = [("Content-Type", "application/json"), ("Stripe-Signature", signed)]
        answer = await answered(self.matrix.api.app, body, path=PATH, headers=headers)
        found = await self._row("SELECT id FROM webhook_events WHERE event_id = :id", event["id"])
        await try_event(self.events, str(found[0]))
        ended = await self._row(
            "SELECT status, error_message, tenant_id, payment_id, attempts FROM webhook_events"
            " WHERE event_id = :id",
            event["id"],
        )
        return [answer.status, answer.body, *ended]

    async def _row(self, statement: str, event_id: object) -> Sequence[object]:
        async with self.matrix.api.engine.connect() as connection:
            found = await connection.execute(text(statement), {"id": event_id})
            return tuple(found.one())


@pytest_asyncio.fixture
async def inbox(matrix: Matrix) -> AsyncIterator[Inbox]:
    """The worker's half, beside the application."""
    settings = matrix.api.settings
    url = settings.database_url.get_secret_value()
    engine = make_engine(url, pool_size=2, role=DatabaseRole.WORKER)
    gateway = StripeGateway(
        secret_key=settings.stripe_secret_key.get_secret_value(), api_base=settings.stripe_api_base
    )
    wake = ArqWake(settings.redis_url.get_secret_value())
    database = SqlDatabase(engine, cipher_of(settings))
    yield Inbox(matrix, EventService(database, gateway, wake, SystemClock()))
    await wake.close()
    await gateway.close()
    await engine.dispose()


def an_event(
    kind: str, gateway_payment_id: str, payment_id: str, account: str | None = None
) -> dict[str, object]:
    """An event of this type about an intent that names a payment of ours in its metadata."""
    of = "payment_intent" if kind.startswith("payment_intent") else kind.partition(".")[0]
    of = "refund" if kind == "charge.refund.updated" else of
    subject = {
        "id": gateway_payment_id if of == "payment_intent" else f"{of}_1",
        "object": of,
        "payment_intent": gateway_payment_id,
        "metadata": {"tollgate_payment_id": payment_id},
    }
    return {
        "id": f"evt_{letters(24)}",
        "object": "event",
        "type": kind,
        "livemode": False,
        "api_version": "2026-10-28.endive",
        "data": {"object": subject},
        **({} if account is None else {"account": account}),
    }


async def connected(matrix: Matrix, tenant: Tenant) -> tuple[str, str]:
    """A connected account of the tenant: its row's id and its own."""
    row, account = new_id(Prefix.GATEWAY), f"acct_{letters(16)}"
    async with matrix.api.engine.begin() as connection:
        asked = {"id": row, "tenant": tenant.id, "account": account}
        await connection.execute(text(CONNECT), asked)
    return row, account


async def paid_elsewhere(matrix: Matrix, tenant: Tenant, gateway_id: str) -> Payment:
    """A payment of the tenant through this row, on its way."""
    order = an_order(tenant.merchant)
    payment = replace(
        a_payment(tenant.merchant, order),
        gateway_id=gateway_id,
        gateway_payment_id=f"pi_{letters(24)}",
    )
    async with matrix.api.database.begin(tenant.id) as work:
        await work.orders.add(order)
        await work.payments.add(payment)
        await work.commit()
    return payment


async def payments_of(matrix: Matrix, tenant: Tenant) -> list[tuple[str, str]]:
    """Every payment of the tenant that the gateway knows: its id there and ours."""
    async with matrix.api.engine.connect() as connection:
        found = await connection.execute(
            text(
                "SELECT gateway_payment_id, id FROM payments"
                " WHERE tenant_id = :id AND gateway_payment_id IS NOT NULL ORDER BY id"
            ),
            {"id": tenant.id},
        )
        return [(str(theirs), str(ours)) for theirs, ours in found]


async def same_as_nothing(
    inbox: Inbox, secret: str, kind: str, named: tuple[str, str], account: str | None = None
) -> None:
    """The event about this payment ends as one about a payment that nobody has."""
    twins = (twin(named[0]), twin(named[1]))
    one = await inbox.delivered(secret, an_event(kind, *named, account))
    other = await inbox.delivered(secret, an_event(kind, *twins, account))
    for real, made_up in zip(named, twins, strict=True):
        one = [str(part).replace(real, "<id>") for part in one]
        other = [str(part).replace(made_up, "<id>") for part in other]
    assert one == other, kind
    assert one[4] == "None", "it was routed to a tenant"


async def test_a_connected_account_speaks_for_its_own_tenant(inbox: Inbox) -> None:
    """Events of our connected account about each of the other tenant's payments, of every type
    about payments: not a row of theirs changes, and the gateway is not asked."""
    matrix = inbox.matrix
    _, account = await connected(matrix, matrix.ours)
    named = await payments_of(matrix, matrix.theirs)
    before = await matrix.state()
    types = [kind for kind, use_case in USE_CASES.items() if use_case is not UseCase.ACCOUNT]
    for number, kind in enumerate(types):
        await same_as_nothing(
            inbox, CONNECT_SECRET, kind, named[number % len(named)], account=account
        )
    for each in named:
        await same_as_nothing(
            inbox, CONNECT_SECRET, "payment_intent.canceled", each, account=account
        )
    after = await matrix.state()

    assert len(named) > 8
    assert (before.theirs, before.ours, before.said) == (after.theirs, after.ours, after.said)


async def test_the_platforms_account_speaks_for_its_own_payments(inbox: Inbox) -> None:
    """The platform's secret reaches no payment through a tenant's own or connected account, also
    where the event names that account."""
    matrix = inbox.matrix
    row, account = await connected(matrix, matrix.theirs)
    payment = await paid_elsewhere(matrix, matrix.theirs, row)
    named = (str(payment.gateway_payment_id), payment.id)
    # The first event that names an account makes us ask, once, what the platform's own is.
    await inbox.delivered(WEBHOOK_SECRET, an_event("charge.updated", *named, account))
    before = await matrix.state()
    for kind in USE_CASES:
        await same_as_nothing(inbox, WEBHOOK_SECRET, kind, named)
        await same_as_nothing(inbox, WEBHOOK_SECRET, kind, named, account=account)
    after = await matrix.state()

    assert (before.theirs, before.ours, before.said) == (after.theirs, after.ours, after.said)


async def test_metadata_does_not_move_another_tenants_payment(inbox: Inbox) -> None:
    """An event of the platform's account about our intent, whose metadata names a payment of the
    other tenant: what the gateway says of the intent is ours, and theirs stays as it is."""
    matrix = inbox.matrix
    (ours, _), *_ = await payments_of(matrix, matrix.ours)
    before = await matrix.state()
    for _, theirs in await payments_of(matrix, matrix.theirs):
        for kind in ("payment_intent.succeeded", "charge.refunded", "payment_intent.canceled"):
            await inbox.delivered(WEBHOOK_SECRET, an_event(kind, ours, theirs))
    after = await matrix.state()

    assert before.theirs == after.theirs
