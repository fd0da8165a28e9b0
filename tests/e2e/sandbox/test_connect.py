"""Connect with direct charges: accounts, application fees, their refunds."""

from typing import Any

import pytest
import stripe

from tests.e2e.sandbox.api import Api, connected, new_key, refused
from tests.e2e.sandbox.control import Control, eventually
from tests.e2e.sandbox.steps import (
    authorized,
    captured_at_once,
    charge_of,
    confirmed,
    connected_account,
    event_types,
)


async def _charged(api: Api, fee: int = 200, **more: object) -> tuple[Any, dict[str, str]]:
    """A direct charge of 20.00 with an application fee, and the options that reach it."""
    options = {"stripe_account": await connected_account(api)}
    intent = await api.payment_intents.create(
        captured_at_once(application_fee_amount=fee, **more), options
    )
    return intent, options


async def test_account_is_created_and_retrieved(api: Api) -> None:
    """A connected account can be read by its platform, which it is not."""
    account = await connected_account(api)

    found = await api.accounts.retrieve(account)

    assert (found.id, found.object) == (account, "account")
    assert found.charges_enabled is True
    assert account != (await api.accounts.retrieve_current()).id


async def test_direct_charge_lives_on_the_connected_account(api: Api) -> None:
    """A direct charge is the connected account's; the platform does not see it."""
    intent, options = await _charged(api)

    refusal = await refused(api.payment_intents.retrieve(intent.id))
    found = await api.payment_intents.retrieve(intent.id, {}, options)

    assert refusal.facts[:3] == (404, "invalid_request_error", "resource_missing")
    assert found.status == "succeeded"
    assert "payment_intent.succeeded" in await event_types(api, options)
    assert "payment_intent.succeeded" not in await event_types(api)


async def test_application_fee_goes_to_the_platform(api: Api) -> None:
    """The fee is an object of the platform and a part of the charge's fee on the account."""
    intent, options = await _charged(api, fee=123)

    charge = await charge_of(api, intent, options)
    fee = await api.application_fees.retrieve(
        charge.application_fee, {"expand": ["balance_transaction"]}
    )
    assert intent.application_fee_amount == charge.application_fee_amount == 123
    assert (fee.amount, fee.currency, fee.charge) == (123, "usd", charge.id)
    assert (fee.account, fee.refunded) == (options["stripe_account"], False)
    assert (fee.balance_transaction.type, fee.balance_transaction.net) == ("application_fee", 123)
    parts = {part.type: part.amount for part in charge.balance_transaction.fee_details}
    assert parts == {"stripe_fee": 88, "application_fee": 123}
    assert charge.balance_transaction.net == 2000 - 88 - 123
    assert [found.id for found in (await api.application_fees.list()).data] == [fee.id]
    assert "application_fee.created" in await event_types(api)


async def test_application_fee_comes_late_with_asynchronous_capture(
    api: Api, control: Control
) -> None:
    """With automatic_async the application fee is null first and comes with charge.updated."""
    options = {"stripe_account": await connected_account(api)}
    intent = await api.payment_intents.create(
        confirmed(application_fee_amount=200, expand=["latest_charge"]), options
    )
    assert intent.latest_charge.application_fee is None
    assert intent.latest_charge.application_fee_amount == 200

    await control.advance(5)
    await eventually(lambda: event_types(api, options), lambda types: "charge.updated" in types)

    charge = await api.charges.retrieve(intent.latest_charge.id, {}, options)
    assert (await api.application_fees.retrieve(charge.application_fee)).amount == 200


async def test_application_fee_at_capture(api: Api) -> None:
    """The fee can be set anew at capture."""
    options = {"stripe_account": await connected_account(api)}
    intent = await api.payment_intents.create(authorized(application_fee_amount=200), options)
    assert (await api.application_fees.list()).data == []

    await api.payment_intents.capture(
        intent.id, {"amount_to_capture": 1000, "application_fee_amount": 100}, options
    )

    [fee] = (await api.application_fees.list()).data
    assert fee.amount == 100


async def test_application_fee_is_capped_at_what_is_captured(api: Api) -> None:
    """A fee left as it was at the authorization is capped at the captured amount."""
    options = {"stripe_account": await connected_account(api)}
    intent = await api.payment_intents.create(authorized(application_fee_amount=1500), options)

    await api.payment_intents.capture(intent.id, {"amount_to_capture": 1000}, options)

    [fee] = (await api.application_fees.list()).data
    assert fee.amount == 1000


@pytest.mark.parametrize("fee", [0, -1])
async def test_application_fee_is_positive(api: Api, fee: int) -> None:
    """A fee of 0 is refused: it must be left out instead."""
    options = {"stripe_account": await connected_account(api)}

    refusal = await refused(
        api.payment_intents.create(captured_at_once(application_fee_amount=fee), options)
    )

    assert refusal.facts == (
        400,
        "invalid_request_error",
        "parameter_invalid_integer",
        "application_fee_amount",
    )


@pytest.mark.parametrize("fee", [2000, 2001])
async def test_application_fee_is_below_the_amount(api: Api, fee: int) -> None:
    """A fee that is not below the amount is refused, and nothing is charged."""
    options = {"stripe_account": await connected_account(api)}

    refusal = await refused(
        api.payment_intents.create(captured_at_once(application_fee_amount=fee), options)
    )

    assert refusal.facts[:2] == (400, "invalid_request_error")
    assert refusal.body["param"] == "application_fee_amount"
    assert (await api.charges.list({}, options)).data == []


async def test_application_fee_needs_connect(api: Api) -> None:
    """Without Stripe-Account there is nobody to take a fee from."""
    refusal = await refused(
        api.payment_intents.create(captured_at_once(application_fee_amount=100))
    )

    assert refusal.facts[:2] == (400, "invalid_request_error")
    assert refusal.body["param"] == "application_fee_amount"
    assert (await api.charges.list()).data == []


@pytest.mark.parametrize(
    "more",
    [{"on_behalf_of": "acct_1"}, {"transfer_data": {"destination": "acct_1"}}],
    ids=["on_behalf_of", "transfer_data"],
)
async def test_destination_charges_are_refused(api: Api, more: dict[str, object]) -> None:
    """What the sandbox does not support of Connect is refused, never ignored."""
    refusal = await refused(api.payment_intents.create(captured_at_once(**more)))

    assert refusal.facts[:2] == (400, "invalid_request_error")
    assert refusal.body["param"].startswith(next(iter(more)))


async def test_unknown_account(api: Api) -> None:
    """An account that is not connected to the platform is a permission error."""
    options = {"stripe_account": "acct_nothing"}

    refusal = await refused(api.payment_intents.create(captured_at_once(), options))

    assert refusal.kind is stripe.PermissionError
    assert refusal.facts[:3] == (403, "invalid_request_error", "account_invalid")


async def test_account_of_another_platform(api: Api) -> None:
    """A platform does not reach the accounts of another one."""
    options = {"stripe_account": await connected_account(api)}

    async with connected(api.url, api.mode, api.recorder, new_key()) as other:
        refusal = await refused(other.payment_intents.list({}, options))

    assert refusal.facts[:3] == (403, "invalid_request_error", "account_invalid")


async def test_fee_refund_in_parts(api: Api) -> None:
    """An application fee is refunded in parts, up to the whole."""
    intent, options = await _charged(api, fee=200)
    fee = (await charge_of(api, intent, options)).application_fee
    first = await api.fee_refunds.create(fee, {"amount": 50, "metadata": {"a": "1"}})
    assert (first.object, first.amount, first.fee) == ("fee_refund", 50, fee)

    rest = await api.fee_refunds.create(fee)

    assert rest.amount == 150
    found = await api.application_fees.retrieve(fee)
    assert (found.amount_refunded, found.refunded) == (200, True)
    listed = await api.fee_refunds.list(fee)
    assert [refund.id for refund in listed.data] == [rest.id, first.id]
    again = await api.fee_refunds.retrieve(fee, first.id)
    assert again.metadata.to_dict() == {"a": "1"}
    assert "application_fee.refunded" in await event_types(api)


async def test_fee_refund_over_what_is_left(api: Api) -> None:
    """More than the rest of a fee is refused."""
    intent, options = await _charged(api, fee=200)
    fee = (await charge_of(api, intent, options)).application_fee
    await api.fee_refunds.create(fee, {"amount": 150})

    refusal = await refused(api.fee_refunds.create(fee, {"amount": 51}))

    assert refusal.facts[:2] == (400, "invalid_request_error")
    assert (await api.application_fees.retrieve(fee)).amount_refunded == 150


@pytest.mark.parametrize(("amount", "returned"), [(1000, 100), (2000, 200)])
async def test_refund_returns_the_fee_in_proportion(api: Api, amount: int, returned: int) -> None:
    """With refund_application_fee the fee goes back in proportion, all of it on a full refund."""
    intent, options = await _charged(api, fee=200)

    await api.refunds.create(
        {"payment_intent": intent.id, "amount": amount, "refund_application_fee": True}, options
    )

    charge = await charge_of(api, intent, options)
    assert (await api.application_fees.retrieve(charge.application_fee)).amount_refunded == returned


async def test_refund_keeps_the_fee_by_default(api: Api) -> None:
    """Without the flag the platform keeps its fee."""
    intent, options = await _charged(api, fee=200)

    await api.refunds.create({"payment_intent": intent.id}, options)

    charge = await charge_of(api, intent, options)
    assert (await api.application_fees.retrieve(charge.application_fee)).amount_refunded == 0


async def test_refund_of_a_fee_that_is_not_there(api: Api) -> None:
    """Asking for a fee back that was never taken is refused."""
    intent = await api.payment_intents.create(captured_at_once())

    refusal = await refused(
        api.refunds.create({"payment_intent": intent.id, "refund_application_fee": True})
    )

    assert refusal.facts[:2] == (400, "invalid_request_error")
    assert (await api.refunds.list()).data == []


async def test_balances_of_account_and_platform(api: Api, control: Control) -> None:
    """What the account loses to the application fee is what the platform gains."""
    _, options = await _charged(api, fee=200)
    platform = (await api.accounts.retrieve_current()).id

    on_account = await control.ledger(options["stripe_account"])
    on_platform = await control.ledger(platform)

    assert on_account["balance"] == {"usd": 2000 - 88 - 200}
    assert on_platform["balance"] == {"usd": 200}
    assert on_platform["charges"] == []


async def test_fee_is_refunded_with_the_key_of_the_platform_only(api: Api) -> None:
    """The fee belongs to the platform: through the connected account it does not exist."""
    intent, options = await _charged(api, fee=200)
    fee = (await charge_of(api, intent, options)).application_fee

    refusal = await refused(api.fee_refunds.create(fee, {"amount": 50}, options))

    assert refusal.facts[:3] == (404, "invalid_request_error", "resource_missing")
