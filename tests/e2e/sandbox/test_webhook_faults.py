"""Faults of webhook deliveries."""

import asyncio

from tests.e2e.sandbox.api import Api
from tests.e2e.sandbox.control import Control
from tests.e2e.sandbox.receiver import Receiver
from tests.e2e.sandbox.steps import captured_at_once, payment


async def _secret(api: Api, receiver: Receiver, *types: str) -> str:
    endpoint = await api.webhook_endpoints.create(
        {"url": receiver.url, "enabled_events": list(types) or ["*"]}
    )
    return str(endpoint.secret)


async def test_double(api: Api, control: Control, receiver: Receiver) -> None:
    """A doubled delivery is the same event twice."""
    secret = await _secret(api, receiver, "payment_intent.created")
    await control.order_fault("webhook_double")

    await api.payment_intents.create(payment())

    first, second = await receiver.received(2)
    assert first.event(secret).id == second.event(secret).id


async def test_double_of_one_type(api: Api, control: Control, receiver: Receiver) -> None:
    """A fault with a type hits events of that type only."""
    secret = await _secret(api, receiver, "payment_intent.succeeded", "charge.succeeded")
    await control.order_fault("webhook_double", type=r"charge\..*", times=None)

    await api.payment_intents.create(captured_at_once())

    types = [delivery.event(secret).type for delivery in await receiver.received(3)]
    assert sorted(types) == ["charge.succeeded", "charge.succeeded", "payment_intent.succeeded"]


async def test_lose(api: Api, control: Control, receiver: Receiver) -> None:
    """A lost event never comes, but is listed; the next one comes."""
    secret = await _secret(api, receiver, "payment_intent.created")
    await control.order_fault("webhook_lose")
    lost = await api.payment_intents.create(payment())
    await control.advance(86400)

    kept = await api.payment_intents.create(payment())

    [delivery] = await receiver.received(1)
    assert delivery.event(secret).data.object.id == kept.id
    events = (await api.events.list({"type": "payment_intent.created"})).data
    assert [event.data.object.id for event in events] == [kept.id, lost.id]


async def test_delay(api: Api, control: Control, receiver: Receiver) -> None:
    """A delayed event comes once the sandbox's clock has reached its time."""
    secret = await _secret(api, receiver, "payment_intent.created")
    await control.order_fault("webhook_delay", seconds=3600)
    intent = await api.payment_intents.create(payment())
    await asyncio.sleep(0.2)
    assert receiver.deliveries == []

    await control.advance(3601)

    [delivery] = await receiver.received(1)
    assert delivery.event(secret).data.object.id == intent.id


async def test_shuffle(api: Api, control: Control, receiver: Receiver) -> None:
    """Shuffled events all come, each once, in another order than they happened."""
    secret = await _secret(api, receiver)
    await control.order_fault("webhook_shuffle", times=None)
    for _ in range(8):
        await api.payment_intents.create(captured_at_once())
    listed = [event.id for event in (await api.events.list({"limit": 100})).data][::-1]
    await control.advance(3600)

    deliveries = await receiver.received(len(listed))

    arrived = [delivery.event(secret).id for delivery in deliveries]
    assert sorted(arrived) == sorted(listed)
    assert arrived != listed
