"""PaymentIntents that are authorized first and captured later."""

import pytest

from tests.e2e.sandbox.api import Api, refused
from tests.e2e.sandbox.control import Control
from tests.e2e.sandbox.steps import account_id, authorized, charge_of, event_types, in_state

UNCAPTURABLE = (
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "processing",
    "succeeded",
    "canceled",
)


async def test_authorization_holds_the_amount(api: Api) -> None:
    """An authorized intent requires capture; its charge is paid, not captured, with a deadline."""
    intent = await api.payment_intents.create(authorized())

    charge = await charge_of(api, intent)
    assert (intent.status, intent.amount_capturable) == ("requires_capture", 2000)
    assert intent.amount_received == 0
    assert (charge.paid, charge.captured, charge.amount_captured) == (True, False, 0)
    assert charge.balance_transaction is None
    # docs.stripe.com: online card authorizations are held for seven days at most.
    held_days = (charge.payment_method_details.card.capture_before - charge.created) / 86400
    assert 4 <= held_days <= 7
    types = await event_types(api)
    assert types[0] == "payment_intent.created"
    assert sorted(types[1:]) == ["charge.succeeded", "payment_intent.amount_capturable_updated"]


async def test_full_capture(api: Api) -> None:
    """Capture without an amount takes all that is authorized."""
    intent = await api.payment_intents.create(authorized())

    intent = await api.payment_intents.capture(intent.id)

    charge = await charge_of(api, intent)
    assert (intent.status, intent.amount_received) == ("succeeded", 2000)
    assert intent.amount_capturable == 0
    assert (charge.captured, charge.amount_captured) == (True, 2000)
    assert charge.balance_transaction.net == 1912
    assert {"charge.captured", "payment_intent.succeeded"} <= set(await event_types(api))


async def test_partial_capture_releases_the_rest(api: Api) -> None:
    """A partial capture is final: the rest is released by a refund that moves no money."""
    intent = await api.payment_intents.create(authorized())

    intent = await api.payment_intents.capture(intent.id, {"amount_to_capture": 1500})

    charge = await charge_of(api, intent)
    assert (intent.status, intent.amount, intent.amount_received) == ("succeeded", 2000, 1500)
    assert intent.amount_capturable == 0
    assert (charge.amount, charge.amount_captured) == (2000, 1500)
    # The released part shows as refunded; only its missing balance transaction tells it apart.
    assert (charge.amount_refunded, charge.refunded) == (500, False)
    [released] = (await api.refunds.list({"charge": charge.id})).data
    assert (released.amount, released.balance_transaction) == (500, None)
    assert (charge.balance_transaction.amount, charge.balance_transaction.fee) == (1500, 74)


async def test_too_large_capture(api: Api) -> None:
    """More than what is authorized is amount_too_large, and nothing is captured."""
    intent = await api.payment_intents.create(authorized())

    refusal = await refused(api.payment_intents.capture(intent.id, {"amount_to_capture": 2001}))

    assert refusal.facts[:3] == (400, "invalid_request_error", "amount_too_large")
    intent = await api.payment_intents.retrieve(intent.id)
    assert (intent.status, intent.amount_capturable) == ("requires_capture", 2000)


@pytest.mark.parametrize("amount", [0, -1])
async def test_capture_of_nothing(api: Api, amount: int) -> None:
    """An amount to capture below 1 is no valid integer for Stripe."""
    intent = await api.payment_intents.create(authorized())

    refusal = await refused(api.payment_intents.capture(intent.id, {"amount_to_capture": amount}))

    assert refusal.facts == (
        400,
        "invalid_request_error",
        "parameter_invalid_integer",
        "amount_to_capture",
    )


async def test_capture_twice(api: Api, control: Control) -> None:
    """A second capture is an unexpected state, shows the intent, and takes nothing."""
    intent = await api.payment_intents.create(authorized())
    await api.payment_intents.capture(intent.id, {"amount_to_capture": 1000})

    refusal = await refused(api.payment_intents.capture(intent.id, {"amount_to_capture": 500}))

    assert refusal.facts[:3] == (400, "invalid_request_error", "payment_intent_unexpected_state")
    assert refusal.body["payment_intent"]["status"] == "succeeded"
    ledger = await control.ledger(await account_id(api))
    assert [charge["amount_captured"] for charge in ledger["charges"]] == [1000]


@pytest.mark.parametrize("status", UNCAPTURABLE)
async def test_capture_in_a_wrong_state(api: Api, control: Control, status: str) -> None:
    """Only requires_capture can be captured."""
    intent = await in_state(api, control, status)

    refusal = await refused(api.payment_intents.capture(intent.id))

    assert refusal.facts[:3] == (400, "invalid_request_error", "payment_intent_unexpected_state")
    assert refusal.body["payment_intent"]["status"] == status


async def test_capture_of_an_unknown_intent(api: Api) -> None:
    """An unknown intent cannot be captured."""
    refusal = await refused(api.payment_intents.capture("pi_nothing"))

    assert refusal.facts == (404, "invalid_request_error", "resource_missing", "intent")


async def test_authorization_expires(api: Api, control: Control) -> None:
    """An expired authorization is canceled by Stripe itself (automatic) with charge.expired."""
    intent = await api.payment_intents.create(authorized())

    await control.expire(intent.id)

    intent = await api.payment_intents.retrieve(intent.id)
    assert (intent.status, intent.cancellation_reason) == ("canceled", "automatic")
    assert intent.amount_capturable == 0
    assert {"charge.expired", "payment_intent.canceled"} <= set(await event_types(api))
    refusal = await refused(api.payment_intents.capture(intent.id))
    assert refusal.body["code"] == "payment_intent_unexpected_state"


async def test_authorization_expires_by_the_clock(api: Api, control: Control) -> None:
    """Seven days after the authorization nothing is left to capture."""
    intent = await api.payment_intents.create(authorized())

    await control.advance(7 * 86400 + 60)

    intent = await api.payment_intents.retrieve(intent.id)
    assert (intent.status, intent.cancellation_reason) == ("canceled", "automatic")


async def test_capture_in_parts_is_not_available(api: Api) -> None:
    """final_capture=false needs multicapture, which an ordinary account does not have."""
    intent = await api.payment_intents.create(authorized())

    refusal = await refused(
        api.payment_intents.capture(intent.id, {"amount_to_capture": 500, "final_capture": False})
    )

    assert refusal.facts[:2] == (400, "invalid_request_error")
    assert (await api.payment_intents.retrieve(intent.id)).status == "requires_capture"
