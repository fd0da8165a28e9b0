"""Every kind of object that the sandbox emits is held against Stripe's schemas.

All other tests judge what they happen to see; this one makes sure that no kind is left out, and
that the judge can tell a fault.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.sandbox import openapi
from tests.e2e.sandbox.api import Api, refused
from tests.e2e.sandbox.control import Control
from tests.e2e.sandbox.steps import captured_at_once, connected_account

KINDS = {
    "account",
    "application_fee",
    "balance",
    "balance_transaction",
    "charge",
    "customer",
    "dispute",
    "event",
    "fee_refund",
    "list",
    "payment_intent",
    "payment_method",
    "refund",
    "webhook_endpoint",
}


def _kinds(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("object"), str):
            yield value["object"]
        for child in value.values():
            yield from _kinds(child)
    elif isinstance(value, list):
        for child in value:
            yield from _kinds(child)


@pytest.fixture(autouse=True)
def _described() -> None:
    """Without Stripe's description there is nothing to judge by."""
    if reason := openapi.absence():
        pytest.skip(reason)


async def test_every_kind_of_object_is_judged(api: Api, control: Control) -> None:
    """One walk through all resources answers with objects that Stripe's schemas take."""
    options = {"stripe_account": await connected_account(api)}
    intent = await api.payment_intents.create(
        captured_at_once(application_fee_amount=200, expand=["latest_charge", "payment_method"]),
        options,
    )
    [fee] = (await api.application_fees.list({"expand": ["data.charge"]})).data
    await api.fee_refunds.create(fee.id, {"amount": 10})
    await api.refunds.create(
        {"payment_intent": intent.id, "amount": 500, "expand": ["charge", "balance_transaction"]},
        options,
    )
    await control.dispute(intent.latest_charge.id, amount=100)
    await api.disputes.list({"expand": ["data.charge", "data.payment_intent"]}, options)
    await api.balance_transactions.list({"expand": ["data.source"]}, options)
    await api.balance.retrieve()
    await api.webhook_endpoints.create(
        {"url": "https://shop.example/hook", "enabled_events": ["*"]}
    )
    customer = await api.customers.create({"email": "jenny@example.com"})
    await api.customers.retrieve(customer.id)
    await refused(api.charges.retrieve("ch_nothing"))
    await api.events.list({"limit": 100}, options)

    seen = {kind for exchange in api.recorder.exchanges for kind in _kinds(exchange.json())}

    assert seen == KINDS
    assert api.recorder.faults() == []


async def test_the_judge_tells_a_fault(api: Api) -> None:
    """A missing, an unknown and a wrongly typed property of a true answer are all noticed."""
    await api.payment_intents.create(captured_at_once(expand=["latest_charge"]))
    exchange = api.recorder.last()

    def judged(**changed: object) -> list[str]:
        body = {**exchange.json(), **changed}
        return openapi.faults(exchange.method, exchange.path, 200, body)

    assert judged() == []
    assert judged(colour="red")
    assert judged(amount="2000")
    assert judged(status="paid")
    assert judged(latest_charge={**exchange.json()["latest_charge"], "captured": None})
    incomplete = {name: value for name, value in exchange.json().items() if name != "livemode"}
    assert openapi.faults(exchange.method, exchange.path, 200, incomplete)


def test_newer_fields_are_really_newer() -> None:
    """The table of newer fields names only what the description does not have."""
    schemas = openapi.description()["components"]["schemas"]

    for (schema, name), reason in openapi.NEWER.items():
        assert name not in schemas[schema]["properties"]
        assert reason
