"""PaymentIntents with automatic capture."""

import pytest
import stripe

from tests.e2e.sandbox.api import Api, refused
from tests.e2e.sandbox.control import Control, eventually
from tests.e2e.sandbox.steps import (
    RETURN_URL,
    account_id,
    captured_at_once,
    charge_of,
    confirmed,
    event_types,
    in_state,
    payment,
)


async def test_created_intent_waits_for_a_payment_method(api: Api) -> None:
    """A bare PaymentIntent requires a payment method and has Stripe's defaults."""
    intent = await api.payment_intents.create({"amount": 2000, "currency": "usd"})

    assert intent.status == "requires_payment_method"
    assert intent.client_secret.startswith(f"{intent.id}_secret_")
    assert (intent.amount, intent.amount_received, intent.amount_capturable) == (2000, 0, 0)
    assert intent.capture_method == "automatic_async"
    assert intent.automatic_payment_methods.enabled is True
    assert intent.automatic_payment_methods.allow_redirects == "always"
    assert intent.latest_charge is None
    assert intent.livemode is False
    assert await event_types(api) == ["payment_intent.created"]


async def test_confirmed_later(api: Api) -> None:
    """With a payment method the intent requires confirmation; confirming takes the money."""
    intent = await api.payment_intents.create(payment(payment_method="pm_card_visa"))
    assert intent.status == "requires_confirmation"

    intent = await api.payment_intents.confirm(intent.id)

    assert (intent.status, intent.amount_received) == ("succeeded", 2000)


async def test_payment_method_given_at_confirmation(api: Api) -> None:
    """An intent without a payment method takes one when it is confirmed."""
    intent = await api.payment_intents.create(payment())

    intent = await api.payment_intents.confirm(intent.id, {"payment_method": "pm_card_mastercard"})

    charge = await charge_of(api, intent)
    assert charge.payment_method_details.card.brand == "mastercard"
    assert charge.payment_method_details.card.last4 == "4444"


async def test_created_and_confirmed_at_once(api: Api) -> None:
    """Create with confirm=true succeeds and leaves a paid, captured charge."""
    intent = await api.payment_intents.create(captured_at_once(metadata={"order": "6735"}))

    charge = await charge_of(api, intent)
    assert intent.status == "succeeded"
    assert (charge.paid, charge.captured, charge.refunded) == (True, True, False)
    assert (charge.amount, charge.amount_captured, charge.amount_refunded) == (2000, 2000, 0)
    assert charge.payment_intent == intent.id
    assert charge.metadata.to_dict() == {"order": "6735"}
    assert (charge.outcome.type, charge.outcome.risk_level) == ("authorized", "normal")
    assert charge.outcome.network_status == "approved_by_network"
    assert charge.payment_method_details.card.last4 == "4242"


async def test_expanded_balance_transaction_carries_the_fee(api: Api) -> None:
    """Expanding latest_charge.balance_transaction brings amount, fee (2.9 % + 30) and net."""
    intent = await api.payment_intents.create(
        captured_at_once(expand=["latest_charge.balance_transaction"])
    )

    transaction = intent.latest_charge.balance_transaction
    assert (transaction.amount, transaction.fee, transaction.net) == (2000, 88, 1912)
    assert (transaction.type, transaction.currency) == ("charge", "usd")
    assert transaction.source == intent.latest_charge.id
    assert [(part.type, part.amount) for part in transaction.fee_details] == [("stripe_fee", 88)]


async def test_asynchronous_capture_brings_the_balance_transaction_later(
    api: Api, control: Control
) -> None:
    """With automatic_async the balance transaction is null and arrives with charge.updated."""
    intent = await api.payment_intents.create(confirmed(expand=["latest_charge"]))
    assert intent.status == "succeeded"
    assert intent.latest_charge.balance_transaction is None

    await control.advance(5)
    await eventually(lambda: event_types(api), lambda types: "charge.updated" in types)

    charge = await api.charges.retrieve(
        intent.latest_charge.id, {"expand": ["balance_transaction"]}
    )
    assert charge.balance_transaction.fee == 88


async def test_events_of_a_success_in_order(api: Api, control: Control) -> None:
    """A success tells created, charge.succeeded, succeeded, and charge.updated at the end."""
    await api.payment_intents.create(confirmed())
    await control.advance(5)

    types = await eventually(lambda: event_types(api), lambda types: "charge.updated" in types)

    assert types[0] == "payment_intent.created"
    assert types[-1] == "charge.updated"
    assert sorted(types[1:-1]) == ["charge.succeeded", "payment_intent.succeeded"]


async def test_metadata_is_merged_and_unset(api: Api) -> None:
    """Metadata is updated key by key, and an empty string removes a key."""
    intent = await api.payment_intents.create(payment(metadata={"a": "1", "b": "2"}))

    await api.payment_intents.update(intent.id, {"metadata": {"b": "", "c": "3"}})

    intent = await api.payment_intents.retrieve(intent.id)
    assert intent.metadata.to_dict() == {"a": "1", "c": "3"}


async def test_amount_may_change_only_before_confirmation(api: Api) -> None:
    """The amount is updated while unconfirmed and refused once the intent has succeeded."""
    intent = await api.payment_intents.create(payment(payment_method="pm_card_visa"))
    intent = await api.payment_intents.update(intent.id, {"amount": 2500})
    assert intent.amount == 2500

    await api.payment_intents.confirm(intent.id)

    refusal = await refused(api.payment_intents.update(intent.id, {"amount": 2600}))
    assert refusal.facts[:3] == (400, "invalid_request_error", "payment_intent_unexpected_state")


@pytest.mark.parametrize("status", ["succeeded", "canceled", "requires_capture"])
async def test_confirming_in_a_wrong_state(api: Api, control: Control, status: str) -> None:
    """An intent that is over or authorized is not confirmed again; the error shows the intent."""
    intent = await in_state(api, control, status)

    refusal = await refused(
        api.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    )

    assert refusal.facts[:3] == (400, "invalid_request_error", "payment_intent_unexpected_state")
    assert refusal.body["payment_intent"]["id"] == intent.id
    assert refusal.body["payment_intent"]["status"] == status


async def test_redirects_need_a_return_url(api: Api) -> None:
    """With redirects allowed (the default) confirming without a return_url is refused."""
    refusal = await refused(
        api.payment_intents.create(
            payment(
                automatic_payment_methods={"enabled": True},
                payment_method="pm_card_visa",
                confirm=True,
            )
        )
    )

    assert refusal.facts[:2] == (400, "invalid_request_error")
    assert "return_url" in refusal.body["message"]
    assert (await api.payment_intents.list()).data == []


async def test_return_url_satisfies_redirects(api: Api) -> None:
    """With a return_url the same call succeeds."""
    intent = await api.payment_intents.create(
        confirmed(automatic_payment_methods={"enabled": True}, return_url=RETURN_URL)
    )

    assert intent.status == "succeeded"


async def test_return_url_is_for_confirmation_only(api: Api) -> None:
    """A return_url without confirm=true is refused."""
    refusal = await refused(api.payment_intents.create(payment(return_url=RETURN_URL)))

    assert refusal.facts[:2] == (400, "invalid_request_error")
    assert "return_url" in refusal.body["message"]


async def test_confirmation_needs_a_payment_method(api: Api) -> None:
    """Confirming an intent without any payment method is refused."""
    intent = await api.payment_intents.create(payment())

    refusal = await refused(api.payment_intents.confirm(intent.id))

    assert refusal.facts[:2] == (400, "invalid_request_error")
    assert refusal.body["code"] in {"payment_intent_unexpected_state", "parameter_missing"}


async def test_unknown_intent(api: Api) -> None:
    """An id that does not exist is 404 resource_missing."""
    refusal = await refused(api.payment_intents.retrieve("pi_does_not_exist"))

    assert refusal.facts == (404, "invalid_request_error", "resource_missing", "intent")
    assert refusal.kind is stripe.InvalidRequestError
    assert "No such payment_intent: 'pi_does_not_exist'" in refusal.body["message"]


async def test_unknown_payment_method(api: Api) -> None:
    """A payment method that does not exist is resource_missing with its parameter."""
    refusal = await refused(api.payment_intents.create(payment(payment_method="pm_nothing")))

    assert refusal.facts == (400, "invalid_request_error", "resource_missing", "payment_method")


async def test_payment_method_is_retrievable_by_its_name(api: Api) -> None:
    """A pm_card_* name answers with a card payment method."""
    method = await api.payment_methods.retrieve("pm_card_visa")

    assert (method.type, method.card.brand, method.card.last4) == ("card", "visa", "4242")


async def test_own_card_payment_method(api: Api) -> None:
    """A payment method made from a test token pays."""
    method = await api.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})

    intent = await api.payment_intents.create(confirmed(method.id))

    assert (intent.status, intent.payment_method) == ("succeeded", method.id)


async def test_balance_holds_the_net_amount(api: Api, control: Control) -> None:
    """What came in, less Stripe's fee, is the account's balance, at Stripe and in the ledger."""
    await api.payment_intents.create(captured_at_once())

    balance = await api.balance.retrieve()

    held = balance.available + balance.pending
    assert sum(part.amount for part in held if part.currency == "usd") == 1912
    assert (await control.ledger(await account_id(api)))["balance"] == {"usd": 1912}
