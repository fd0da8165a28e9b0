"""Webhook endpoints: signed deliveries, retries, connected accounts."""

import time
from typing import Any

import pytest
import stripe

from tests.e2e.sandbox.api import Api, refused
from tests.e2e.sandbox.control import Control, eventually
from tests.e2e.sandbox.receiver import Receiver, listening
from tests.e2e.sandbox.steps import captured_at_once, connected_account, payment


async def _endpoint(api: Api, receiver: Receiver, *types: str, **more: object) -> Any:
    return await api.webhook_endpoints.create(
        {"url": receiver.url, "enabled_events": list(types) or ["*"], **more}
    )


async def test_endpoint_has_its_secret_once(api: Api, receiver: Receiver) -> None:
    """The signing secret is in the answer to create, and never again."""
    created = await _endpoint(api, receiver, "payment_intent.created")

    found = await api.webhook_endpoints.retrieve(created.id)

    assert created.secret.startswith("whsec_")
    assert "secret" not in found.to_dict()
    assert (found.status, found.enabled_events) == ("enabled", ["payment_intent.created"])
    assert [listed.id for listed in (await api.webhook_endpoints.list()).data] == [created.id]


async def test_delivery_is_signed(api: Api, receiver: Receiver) -> None:
    """The library verifies the signature over the raw bytes; the event is the listed one."""
    endpoint = await _endpoint(api, receiver, "payment_intent.created")
    await api.payment_intents.create(payment())

    [delivery] = await receiver.received(1)

    header = delivery.headers["Stripe-Signature"]
    assert stripe.WebhookSignature.verify_header(
        delivery.body, header, endpoint.secret, tolerance=300
    )
    event = delivery.event(endpoint.secret)
    listed = await api.events.retrieve(event.id)
    assert (event.type, event.data.object.id) == (
        "payment_intent.created",
        listed.data.object.id,
    )
    assert event.api_version == stripe.api_version
    assert delivery.headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize("tampered", ["body", "secret"])
async def test_wrong_signature_is_noticed(api: Api, receiver: Receiver, tampered: str) -> None:
    """Another body or another secret does not verify."""
    endpoint = await _endpoint(api, receiver, "payment_intent.created")
    await api.payment_intents.create(payment())
    [delivery] = await receiver.received(1)
    body = delivery.body + b" " if tampered == "body" else delivery.body
    secret = "whsec_other" if tampered == "secret" else endpoint.secret

    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, delivery.headers["Stripe-Signature"], secret)


async def test_signature_is_of_now_whatever_the_sandbox_clock(
    api: Api, receiver: Receiver, control: Control
) -> None:
    """Moving the sandbox's clock leaves signatures within the tolerance of a real receiver."""
    await control.advance(3600)
    await _endpoint(api, receiver, "payment_intent.created")
    await api.payment_intents.create(payment())

    [delivery] = await receiver.received(1)

    signed_at = int(delivery.headers["Stripe-Signature"].split(",")[0].removeprefix("t="))
    assert abs(time.time() - signed_at) < 300


async def test_only_enabled_events_come(api: Api, receiver: Receiver) -> None:
    """An endpoint hears its types only."""
    endpoint = await _endpoint(api, receiver, "payment_intent.succeeded", "charge.succeeded")
    await api.payment_intents.create(captured_at_once())

    deliveries = await receiver.received(2)

    types = {delivery.event(endpoint.secret).type for delivery in deliveries}
    assert types == {"payment_intent.succeeded", "charge.succeeded"}


async def test_all_events_come_by_star(api: Api, receiver: Receiver) -> None:
    """With * every event is delivered, each once."""
    endpoint = await _endpoint(api, receiver)
    await api.payment_intents.create(captured_at_once())
    events = (await api.events.list({"limit": 100})).data

    deliveries = await receiver.received(len(events))

    delivered = sorted(delivery.event(endpoint.secret).id for delivery in deliveries)
    assert delivered == sorted(event.id for event in events)


async def test_retry_after_a_500(api: Api, receiver: Receiver, control: Control) -> None:
    """A delivery that is answered 500 comes again, the same event, until it is taken."""
    receiver.answers = [500, 500]
    endpoint = await _endpoint(api, receiver, "payment_intent.created")
    await api.payment_intents.create(payment())
    await receiver.received(1)
    await control.advance(60)
    await receiver.received(2)
    await control.advance(600)

    deliveries = await receiver.received(3)

    assert len({delivery.event(endpoint.secret).id for delivery in deliveries}) == 1

    async def tried() -> list[tuple[int, int]]:
        return [
            (one["attempt"], one["status"])
            for one in await control.deliveries()
            if one["url"] == receiver.url
        ]

    assert await eventually(tried, lambda seen: len(seen) == 3) == [(1, 500), (2, 500), (3, 200)]


async def test_retry_when_nobody_listens(api: Api, control: Control) -> None:
    """An endpoint that cannot be reached is tried again."""
    async with listening() as gone:
        address = gone.url
    await api.webhook_endpoints.create(
        {"url": address, "enabled_events": ["payment_intent.created"]}
    )
    await api.payment_intents.create(payment())

    async def tried() -> list[int]:
        return [one["attempt"] for one in await control.deliveries() if one["url"] == address]

    await eventually(tried, lambda seen: seen == [1])
    await control.advance(60)
    await eventually(tried, lambda seen: seen[:2] == [1, 2])


async def test_two_endpoints_have_two_secrets(api: Api, receiver: Receiver) -> None:
    """Each endpoint gets the event, signed with its own secret."""
    first = await _endpoint(api, receiver, "payment_intent.created")
    async with listening() as other:
        second = await _endpoint(api, other, "payment_intent.created")
        await api.payment_intents.create(payment())
        [to_first], [to_second] = await receiver.received(1), await other.received(1)

    assert first.secret != second.secret
    assert to_first.event(first.secret).id == to_second.event(second.secret).id


async def test_connect_endpoint_hears_connected_accounts(api: Api, receiver: Receiver) -> None:
    """A connect endpoint gets the accounts' events, with `account`; a plain one does not."""
    options = {"stripe_account": await connected_account(api)}
    async with listening() as plain:
        await _endpoint(api, plain, "payment_intent.created")
        endpoint = await _endpoint(api, receiver, "payment_intent.created", connect=True)
        own = await api.payment_intents.create(payment())
        theirs = await api.payment_intents.create(payment(), options)
        [to_connect] = await receiver.received(1)
        [to_plain] = await plain.received(1)

    event = to_connect.event(endpoint.secret)
    assert event.account == options["stripe_account"]
    assert event.data.object.id == theirs.id
    assert own.id.encode() in to_plain.body
    assert b'"account"' not in to_plain.body
    assert (len(receiver.deliveries), len(plain.deliveries)) == (1, 1)


async def test_endpoint_is_updated_and_disabled(
    api: Api, receiver: Receiver, control: Control
) -> None:
    """A disabled endpoint hears nothing; enabled again, with other types, it does."""
    endpoint = await _endpoint(api, receiver, "payment_intent.created")
    changed = await api.webhook_endpoints.update(endpoint.id, {"disabled": True})
    assert changed.status == "disabled"
    await api.payment_intents.create(payment())

    await api.webhook_endpoints.update(
        endpoint.id, {"disabled": False, "enabled_events": ["payment_intent.canceled"]}
    )
    intent = await api.payment_intents.create(payment())
    await api.payment_intents.cancel(intent.id)

    [delivery] = await receiver.received(1)
    assert delivery.event(endpoint.secret).type == "payment_intent.canceled"
    assert len(await eventually(control.deliveries, bool)) == 1


async def test_endpoint_is_deleted(api: Api, receiver: Receiver) -> None:
    """A deleted endpoint is gone."""
    endpoint = await _endpoint(api, receiver)

    gone = await api.webhook_endpoints.delete(endpoint.id)

    assert (gone.id, gone.deleted) == (endpoint.id, True)
    refusal = await refused(api.webhook_endpoints.retrieve(endpoint.id))
    assert refusal.facts[:3] == (404, "invalid_request_error", "resource_missing")


async def test_endpoint_of_nonsense(api: Api) -> None:
    """A URL that is none and an event type that does not exist are refused."""
    no_url = await refused(
        api.webhook_endpoints.create({"url": "nowhere", "enabled_events": ["*"]})
    )
    no_type = await refused(
        api.webhook_endpoints.create(
            {"url": "https://shop.example/hook", "enabled_events": ["payment_intent.invented"]}
        )
    )

    assert (no_url.facts[0], no_url.facts[3]) == (400, "url")
    assert no_type.facts[0] == 400
    assert no_type.body["param"].startswith("enabled_events")
