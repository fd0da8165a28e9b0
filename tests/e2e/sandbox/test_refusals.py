"""Parameters that Stripe refuses, seen through the library."""

import asyncio

import pytest
import stripe

from tests.e2e.sandbox.api import Api, refused
from tests.e2e.sandbox.steps import payment

# name -> (parameters, error.code, error.param)
REFUSED: dict[str, tuple[dict[str, object], str | None, str]] = {
    "unknown": (payment(colour="red"), "parameter_unknown", "colour"),
    "unknown in an object": (
        payment(automatic_payment_methods={"enabled": True, "colour": "red"}),
        "parameter_unknown",
        "automatic_payment_methods[colour]",
    ),
    "missing amount": ({"currency": "usd"}, "parameter_missing", "amount"),
    "missing currency": ({"amount": 2000}, "parameter_missing", "currency"),
    "amount in words": (payment(amount="twenty"), "parameter_invalid_integer", "amount"),
    "fractional amount": (payment(amount="20.5"), "parameter_invalid_integer", "amount"),
    "amount of nothing": (payment(amount=0), "parameter_invalid_integer", "amount"),
    "negative amount": (payment(amount=-100), "parameter_invalid_integer", "amount"),
    "too small": (payment(amount=49), "amount_too_small", "amount"),
    "too large": (payment(amount=100_000_000), "amount_too_large", "amount"),
    "empty currency": (payment(currency=""), "parameter_invalid_empty", "currency"),
    "unknown currency": (payment(currency="zzz"), None, "currency"),
    "bad enum": (payment(capture_method="later"), None, "capture_method"),
    "bad boolean": (payment(confirm="perhaps"), None, "confirm"),
    "text for an object": (payment(metadata="text"), None, "metadata"),
    "text for a list": (payment(expand="latest_charge"), None, "expand"),
    "long metadata key": (payment(metadata={"k" * 41: "v"}), None, "metadata"),
    "long metadata value": (payment(metadata={"k": "v" * 501}), None, "metadata"),
    "too much metadata": (
        payment(metadata={f"k{index}": "v" for index in range(51)}),
        None,
        "metadata",
    ),
    "long descriptor": (
        payment(statement_descriptor_suffix="x" * 23),
        None,
        "statement_descriptor_suffix",
    ),
}

# currency, amount, whether Stripe takes it (docs.stripe.com/currencies)
AMOUNTS = [
    ("usd", 50, True),
    ("usd", 99_999_999, True),
    ("jpy", 50, True),
    ("jpy", 49, False),
    ("gbp", 30, True),
    ("gbp", 29, False),
    ("kwd", 5000, True),
    ("kwd", 5001, False),
    ("isk", 50000, True),
    ("isk", 50050, False),
    ("ugx", 500000, True),
    ("ugx", 500050, False),
]


@pytest.mark.parametrize("name", REFUSED)
async def test_refused_parameters(api: Api, name: str) -> None:
    """A wrong parameter is 400 invalid_request_error with its code and name; nothing is made."""
    parameters, code, param = REFUSED[name]

    refusal = await refused(api.payment_intents.create(parameters))

    assert refusal.kind is stripe.InvalidRequestError
    assert refusal.facts[:3] == (400, "invalid_request_error", code)
    assert refusal.body["param"].partition("[")[0] == param.partition("[")[0]
    assert (await api.payment_intents.list()).data == []


@pytest.mark.parametrize(("currency", "amount", "taken"), AMOUNTS)
async def test_amounts_of_currencies(api: Api, currency: str, amount: int, *, taken: bool) -> None:
    """Minimum amounts and the special cases of currencies are Stripe's."""
    call = api.payment_intents.create(payment(currency=currency, amount=amount))

    if taken:
        assert (await call).amount == amount
    else:
        refusal = await refused(call)
        assert refusal.facts[:2] == (400, "invalid_request_error")
        assert refusal.body["param"] == "amount"


async def test_currency_in_capitals(api: Api) -> None:
    """Stripe takes a currency in capitals and answers in small letters."""
    intent = await api.payment_intents.create(payment(currency="USD"))

    assert intent.currency == "usd"


async def test_foreign_currency_is_settled(api: Api) -> None:
    """A charge in another currency settles in the account's, with the rate on the transaction."""
    intent = await api.payment_intents.create(
        payment(
            currency="eur",
            payment_method="pm_card_visa",
            confirm=True,
            capture_method="automatic",
            expand=["latest_charge.balance_transaction"],
        )
    )

    transaction = intent.latest_charge.balance_transaction
    assert (intent.currency, transaction.currency) == ("eur", "usd")
    assert abs(transaction.amount - 2000 * transaction.exchange_rate) <= 0.5
    assert transaction.net == transaction.amount - transaction.fee


async def test_two_ways_to_choose_methods(api: Api) -> None:
    """payment_method_types and automatic_payment_methods exclude each other."""
    refusal = await refused(api.payment_intents.create(payment(payment_method_types=["card"])))

    assert refusal.facts[:2] == (400, "invalid_request_error")
    assert refusal.body["param"] in {"automatic_payment_methods", "payment_method_types"}


async def test_payment_method_types_alone(api: Api) -> None:
    """With payment_method_types=card no return_url is needed, as a card never redirects."""
    intent = await api.payment_intents.create(
        {
            "amount": 2000,
            "currency": "usd",
            "payment_method_types": ["card"],
            "payment_method": "pm_card_visa",
            "confirm": True,
        }
    )

    assert (intent.status, intent.payment_method_types) == ("succeeded", ["card"])
    assert intent.automatic_payment_methods is None


async def test_unknown_route(api: Api) -> None:
    """A route that Stripe does not know is 404 with Stripe's words."""
    call = (
        api.client.raw_request_async("get", "/v1/colours")
        if api.mode == "async"
        else asyncio.to_thread(api.client.raw_request, "get", "/v1/colours")
    )

    refusal = await refused(call)

    assert refusal.facts[:2] == (404, "invalid_request_error")
    assert "Unrecognized request URL" in refusal.body["message"]


@pytest.mark.parametrize("resource", ["charges", "refunds", "disputes", "balance_transactions"])
async def test_unknown_objects(api: Api, resource: str) -> None:
    """Any object that does not exist is 404 resource_missing."""
    refusal = await refused(getattr(api, resource).retrieve("xx_nothing"))

    assert refusal.facts[:3] == (404, "invalid_request_error", "resource_missing")
