"""Idempotency keys as Stripe keeps them: docs.stripe.com/api/idempotent_requests."""

import asyncio
from typing import Any
from uuid import uuid4

import stripe

from tests.e2e.sandbox.api import Api, connected, new_key, refused
from tests.e2e.sandbox.control import Control, eventually
from tests.e2e.sandbox.steps import account_id, authorized, captured_at_once, payment

INTENTS = "/v1/payment_intents"


def _keyed() -> dict[str, str]:
    return {"idempotency_key": f"key-{uuid4()}"}


def _replayed(api: Api) -> bool:
    return api.recorder.last().headers.get("idempotent-replayed") == "true"


async def _calls(api: Api, control: Control, keyed: dict[str, str]) -> Any:
    ledger = await control.ledger(await account_id(api))
    call = ledger["calls"][keyed["idempotency_key"]]
    return call["count"], call["effects"], len(ledger["charges"])


async def test_same_key_and_body_are_replayed(api: Api, control: Control) -> None:
    """The same key with the same parameters answers the same, with the header, and acts once."""
    keyed = _keyed()
    first = await api.payment_intents.create(captured_at_once(), keyed)
    assert not _replayed(api)

    again = await api.payment_intents.create(captured_at_once(), keyed)

    assert _replayed(api)
    assert again.to_dict() == first.to_dict()
    assert await _calls(api, control, keyed) == (2, 1, 1)


async def test_replay_shows_the_answer_of_then(api: Api) -> None:
    """A replay is the stored answer, even when the object has changed since."""
    keyed = _keyed()
    first = await api.payment_intents.create(authorized(), keyed)
    await api.payment_intents.cancel(first.id)

    again = await api.payment_intents.create(authorized(), keyed)

    assert (again.id, again.status) == (first.id, "requires_capture")


async def test_same_key_other_body(api: Api) -> None:
    """The same key with other parameters is an idempotency_error and does nothing."""
    keyed = _keyed()
    await api.payment_intents.create(payment(), keyed)

    refusal = await refused(api.payment_intents.create(payment(amount=2100), keyed))

    assert refusal.kind is stripe.IdempotencyError
    assert refusal.facts[:2] == (400, "idempotency_error")
    assert len((await api.payment_intents.list()).data) == 1


async def test_same_key_other_endpoint(api: Api) -> None:
    """A key belongs to the endpoint that it was first used for."""
    keyed = _keyed()
    intent = await api.payment_intents.create(authorized(), keyed)

    refusal = await refused(api.payment_intents.cancel(intent.id, {}, keyed))

    assert refusal.facts[:2] == (400, "idempotency_error")


async def test_key_in_flight(api: Api, control: Control) -> None:
    """While the first call runs, the same key is 409 idempotency_key_in_use."""
    keyed = _keyed()
    await control.order_fault("latency", method="POST", path=INTENTS, seconds=1)
    first = asyncio.ensure_future(api.payment_intents.create(captured_at_once(), keyed))
    await eventually(control.ledger, lambda ledger: keyed["idempotency_key"] in ledger["calls"])

    refusal = await refused(api.payment_intents.create(captured_at_once(), keyed))

    assert refusal.facts[:3] == (409, "idempotency_error", "idempotency_key_in_use")
    assert (await first).status == "succeeded"
    again = await api.payment_intents.create(captured_at_once(), keyed)
    assert again.id == (await first).id


async def test_decline_is_replayed(api: Api, control: Control) -> None:
    """A stored decline is replayed with the same charge; the card is not tried again."""
    keyed = _keyed()
    card = "pm_card_visa_chargeDeclined"
    first = await refused(api.payment_intents.create(captured_at_once(card), keyed))

    again = await refused(api.payment_intents.create(captured_at_once(card), keyed))

    assert _replayed(api)
    assert again.facts == first.facts == (402, "card_error", "card_declined", first.facts[3])
    assert again.body["charge"] == first.body["charge"]
    assert await _calls(api, control, keyed) == (2, 1, 1)


async def test_stored_500_is_replayed(api: Api, control: Control) -> None:
    """A 500 after the effect is stored: the same key gets the same 500 again, one effect."""
    keyed = _keyed()
    await control.order_fault("error_after", method="POST", path=INTENTS)
    first = await refused(api.payment_intents.create(captured_at_once(), keyed))
    assert first.facts[:2] == (500, "api_error")

    again = await refused(api.payment_intents.create(captured_at_once(), keyed))

    assert _replayed(api)
    assert again.facts == first.facts
    assert await _calls(api, control, keyed) == (2, 1, 1)


async def test_state_error_is_stored(api: Api) -> None:
    """An error of an executed call stays with its key even when the state has changed."""
    keyed = _keyed()
    intent = await api.payment_intents.create(
        payment(payment_method="pm_card_visa", capture_method="manual")
    )
    await refused(api.payment_intents.capture(intent.id, {}, keyed))
    await api.payment_intents.confirm(intent.id)

    again = await refused(api.payment_intents.capture(intent.id, {}, keyed))

    assert _replayed(api)
    assert again.body["code"] == "payment_intent_unexpected_state"
    assert (await api.payment_intents.capture(intent.id)).status == "succeeded"


async def test_validation_error_is_not_stored(api: Api) -> None:
    """A call refused for its parameters never began, so its key is still free."""
    keyed = _keyed()
    refusal = await refused(api.payment_intents.create({"currency": "usd"}, keyed))
    assert refusal.facts[2:] == ("parameter_missing", "amount")

    intent = await api.payment_intents.create(payment(), keyed)

    assert intent.status == "requires_payment_method"
    assert not _replayed(api)


async def test_key_is_forgotten_after_a_day(api: Api, control: Control) -> None:
    """After 24 hours the same key makes a new object."""
    keyed = _keyed()
    first = await api.payment_intents.create(payment(), keyed)

    await control.advance(24 * 3600 + 1)
    again = await api.payment_intents.create(payment(), keyed)

    assert again.id != first.id


async def test_key_belongs_to_its_account(api: Api) -> None:
    """Another account may use the same key for something else."""
    keyed = _keyed()
    first = await api.payment_intents.create(payment(), keyed)

    async with connected(api.url, api.mode, api.recorder, new_key()) as other:
        second = await other.payment_intents.create(payment(amount=900), keyed)

    assert (second.amount, second.id != first.id) == (900, True)


async def test_too_long_key(api: Api) -> None:
    """A key of more than 255 characters is refused; one of 255 is taken."""
    too_long = await refused(api.payment_intents.create(payment(), {"idempotency_key": "k" * 256}))
    intent = await api.payment_intents.create(payment(), {"idempotency_key": "k" * 255})

    assert too_long.facts[0] == 400
    assert too_long.facts[1] in {"idempotency_error", "invalid_request_error"}
    assert intent.id


async def test_fifty_at_once_with_one_key(api: Api, control: Control) -> None:
    """Many calls at once with one key have one effect; each gets the answer or a 409."""
    keyed = _keyed()
    calls = [api.payment_intents.create(captured_at_once(), keyed) for _ in range(50)]

    answers = await asyncio.gather(*calls, return_exceptions=True)

    ids = {answer.id for answer in answers if isinstance(answer, stripe.PaymentIntent)}
    refusals = [answer for answer in answers if isinstance(answer, stripe.StripeError)]
    assert len(ids) == 1
    assert {refusal.http_status for refusal in refusals} <= {409}
    assert (await _calls(api, control, keyed))[1:] == (1, 1)
