"""A payer who is forgotten: gone from every table, and the books still balance."""

from __future__ import annotations

import secrets
from dataclasses import replace

import pytest

from domain.caller import Actor, AuditActorType
from domain.commands import CreateOrder, RefundPayment, StartPayment
from domain.erasing import Erasure, PayerEraser
from domain.errors import OutcomeUnknown
from domain.inbox import WebhookEventStatus, without_payer
from domain.order import Order
from domain.payment import GatewayType, Payment, PaymentMethodType, PaymentStatus
from domain.refund import RefundReason
from tests.integration.webhooks.shop import USER, Shop

EMAIL = "Payer.Canary@Example.com"
OPERATOR = Actor(AuditActorType.SYSTEM, "command line", "cli-1")
TABLES = (
    *("orders", "payments", "refunds", "webhook_events", "audit_log", "alerts"),
    *("idempotency_keys", "audit_seals"),
)


async def order(shop: Shop, email: str | None = EMAIL) -> Order:
    """A fresh order of the payer's."""
    command = CreateOrder(
        reference=secrets.token_hex(8),
        total=10_000,
        currency="USD",
        idempotency_key=secrets.token_hex(8),
        customer_email=email,
        metadata={"name": "Canary of the order"},
    )
    return (await shop.orders.create(USER, shop.tenant.id, command)).order


def start(of: Order) -> StartPayment:
    """The command that pays the order."""
    return StartPayment(
        order_id=of.id,
        payment_method_type=PaymentMethodType.CARD,
        payment_method_ref="pm_card_visa",
        gateway_type=GatewayType.STRIPE,
        idempotency_key=secrets.token_hex(8),
        return_url="https://shop.example/canary",
        metadata={"name": "Canary of the payment"},
    )


async def paid(shop: Shop, email: str = EMAIL) -> Payment:
    """An order of the payer's, charged, a part refunded with a note, all events worked off."""
    command = start(await order(shop, email))
    payment = (await shop.payments.charge(USER, shop.tenant.id, command)).payment
    back = RefundPayment(
        payment_id=payment.id,
        idempotency_key=secrets.token_hex(8),
        reason=RefundReason.REQUESTED_BY_CUSTOMER,
        amount=1_000,
        note="Canary called twice",
    )
    await shop.payments.refund(USER, shop.tenant.id, back)
    for event in await shop.gateway_events():
        if event["data"]["object"]["metadata"].get("tollgate_payment_id") == payment.id:
            event["data"]["object"]["receipt_email"] = EMAIL
        await shop.receive(event)
    await shop.work_off()
    return await shop.now_of(payment)


async def erase(shop: Shop, email: str = EMAIL, *, batch: int = 2) -> Erasure:
    """The payer forgotten; every order is told of once."""
    eraser = PayerEraser(shop.worker_database, shop.clock, batch=batch)
    heard: list[int] = []
    expected = await eraser.count(shop.tenant.id, email)
    done = await eraser.erase(OPERATOR, shop.tenant.id, email, looked_at=heard.append)
    assert sum(heard) == expected == done.orders + len(done.left)
    return done


async def canaries(shop: Shop) -> list[str]:
    """The tables in which anything of the payer is still to be read; requests are decrypted."""
    found = [
        table
        for table in TABLES
        if await shop.rows(f"select 1 from {table} t where t::text ilike '%canary%'")  # noqa: S608
    ]
    async with shop.database.begin(shop.tenant.id) as work:
        for (operation_id,) in await shop.rows("select id from gateway_operations"):
            operation = await work.operations.find(shop.tenant.id, operation_id)
            assert operation is not None
            found += ["gateway_operations"] if "anary" in repr(operation.request) else []
    return found


async def test_a_payer_is_forgotten(shop: Shop) -> None:
    """E-mail, metadata, notes, payloads and requests go; amounts, states and the merchant's own
    reference stay. The address is found in any case, and what was done is audited without it."""
    payments = [await paid(shop) for _ in range(3)]
    assert set(await canaries(shop)) == {
        *("orders", "payments", "refunds", "webhook_events", "gateway_operations"),
    }
    amounts = "select id, total_amount_cents, net_amount_cents from payments order by id"
    before = await shop.rows(amounts)
    events = len(await shop.rows("select 1 from webhook_events where payload <> '{}'"))

    done = await erase(shop, f" {EMAIL.upper()} ")

    assert done == Erasure(orders=3, payments=3, notes=3, payloads=events)
    assert await canaries(shop) == []
    assert before == await shop.rows(amounts)
    for payment in payments:
        now = await shop.now_of(payment)
        assert replace(now, updated_at=payment.updated_at) == replace(
            payment, metadata={}, version=payment.version + 1
        )
    lines = await shop.rows(
        "select actor_id, request_id, subject_id, after from audit_log"
        " where action = 'order.payer_erased' order by id"
    )
    assert [line[:3] for line in lines] == [
        ("command line", "cli-1", payment.order_id) for payment in payments
    ]
    assert {key for line in lines for key in line[3]} == {"payments", "notes", "payloads"}
    assert await erase(shop) == Erasure()


async def test_others_are_not_forgotten(shop: Shop) -> None:
    """Another payer's order, and one without an address, stay as they are."""
    await paid(shop)
    theirs = await order(shop, "other.canary@example.com")
    nobodys = await order(shop, None)
    await erase(shop)

    async with shop.database.begin(shop.tenant.id) as work:
        assert await work.orders.find(shop.tenant.id, theirs.id) == theirs
        assert await work.orders.find(shop.tenant.id, nobodys.id) == nobodys


async def test_an_order_that_is_being_paid_is_left(shop: Shop) -> None:
    """The very same request may have to be sent again: such an order is left whole, and is erased
    when it is asked for again after the payment's end."""
    await paid(shop)
    command = start(await order(shop))
    await shop.control.order_fault("drop_before", method="POST", path="/v1/payment_intents")
    with pytest.raises(OutcomeUnknown):
        await shop.payments.charge(USER, shop.tenant.id, command)
    done = await erase(shop)
    assert (done.orders, done.left) == (1, (command.order_id,))
    assert "gateway_operations" in await canaries(shop)

    shop.clock.advance(6)
    await shop.settler.settle_due()
    assert (await shop.payment_of(command.order_id)).status is PaymentStatus.PAID
    assert (await erase(shop)).orders == 1
    assert await canaries(shop) == []


async def test_an_event_that_is_still_to_be_worked_off_can_be(shop: Shop) -> None:
    """Of a dead event, ids and states are left: replayed, it does what it would have done."""
    payment = await paid(shop)
    await shop.call_stripe("refunds", payment_intent=str(payment.gateway_payment_id))
    (news, _) = reversed(await shop.gateway_events("charge.refunded"))
    news["data"]["object"]["billing_details"] = {"email": EMAIL}
    stored = await shop.receive(news)
    await shop.write(
        "update webhook_events set status = 'DEAD', tenant_id = :tenant, payment_id = :payment"
        " where id = :id",
        tenant=shop.tenant.id,
        payment=payment.id,
        id=stored.id,
    )
    await erase(shop)
    assert await canaries(shop) == []
    await shop.write("update webhook_events set status = 'RECEIVED' where id = :id", id=stored.id)
    await shop.work_off()

    assert (await shop.event(stored.id)).status is WebhookEventStatus.PROCESSED
    assert (await shop.now_of(payment)).refunded == 10_000


async def test_an_emptied_event_says_that_it_is_empty(shop: Shop) -> None:
    """Worked off again it changes nothing, is DEAD with an alert, and its message says why."""
    payment = await paid(shop)
    await erase(shop)
    ((event_id,), *_) = await shop.rows("select id from webhook_events where payload = '{}'")
    assert not (await shop.event(event_id)).has_payload
    await shop.write("update webhook_events set status = 'RECEIVED' where id = :id", id=event_id)
    await shop.work_off()

    after = await shop.event(event_id)
    assert after.status is WebhookEventStatus.DEAD
    assert after.error_message == "It has no payload: emptied since, or never to be stored."
    assert await shop.alerts() == [("webhook.dead", "HIGH", event_id)]
    assert (await shop.now_of(payment)).version == payment.version + 1


async def test_an_event_that_changes_nothing_belongs_to_its_payment(shop: Shop) -> None:
    """A dispute's evidence names the payer: of a type that is not handled, it is found too."""
    payment = await paid(shop)
    (event, *_) = await shop.gateway_events("charge.succeeded")
    event["data"]["object"]["evidence"] = {"customer_name": "Canary"}
    stored = await shop.process(event, id="evt_other", type="charge.something_new")
    assert (stored.status, stored.payment_id) == (WebhookEventStatus.IGNORED, payment.id)
    await erase(shop)

    assert await canaries(shop) == []


def test_what_is_left_of_a_payload() -> None:
    """Ids, amounts and states, whatever else is in it and however it is nested."""
    payload = {
        "id": "evt_1",
        "type": "charge.refunded",
        "request": {"id": "req_1", "idempotency_key": "op_1"},
        "data": {
            "object": {
                "id": "ch_1",
                "object": "charge",
                "amount": 100,
                "billing_details": {"email": EMAIL},
                "latest_charge": {"id": "ch_1", "receipt_email": EMAIL},
                "metadata": {"name": "Canary", "tollgate_payment_id": "pay_1"},
                "payment_intent": "pi_1",
                "receipt_email": EMAIL,
            },
            "previous_attributes": {"receipt_email": EMAIL},
        },
    }

    assert without_payer(payload) == {
        "id": "evt_1",
        "type": "charge.refunded",
        "data": {
            "object": {
                "id": "ch_1",
                "object": "charge",
                "amount": 100,
                "metadata": {"tollgate_payment_id": "pay_1"},
                "payment_intent": "pi_1",
            }
        },
    }
    assert without_payer({"id": "evt_1", "data": [EMAIL]}) == {"id": "evt_1"}
