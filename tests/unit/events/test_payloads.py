"""The full-size payloads: valid by Stripe's own schemas, of real size, stripped on the way in."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import pytest

from domain.event_types import USE_CASES, Subject, subject_of
from domain.gateways.stripe_calls import API_VERSION
from domain.inbox import WebhookEvent, WebhookEventStatus, without_payer
from tests import canaries
from tests.builders import NOW
from tests.e2e.sandbox.openapi import absence, faults
from tests.events.catalog import CURRENT_VERSION, SENT, Shape, body, event
from tests.events.charges import balance_transaction
from tests.events.facts import Facts, Json
from tests.integration.events.rows import ACCOUNT_TYPES, ROWS
from tests.proofs.document import blocks
from webhooks.envelope import read_envelope

OF_THE_BRIEF = (
    *("payment_intent.created", "payment_intent.succeeded", "payment_intent.payment_failed"),
    *("payment_intent.canceled", "charge.succeeded", "charge.failed", "charge.refunded"),
    *("charge.dispute.created", "charge.dispute.closed", "refund.created", "refund.updated"),
)
ALSO_NEEDED = (
    *("payment_intent.requires_action", "payment_intent.processing"),
    *("payment_intent.amount_capturable_updated", "charge.captured", "charge.updated"),
    *("charge.expired", "charge.dispute.updated", "charge.dispute.funds_withdrawn"),
    *("charge.dispute.funds_reinstated", "refund.failed", "charge.refund.updated"),
    *("account.updated", "account.application.deauthorized"),
)
EVERY = [(type_, shape) for type_ in SENT for shape in Shape]
SMALLEST = {"refund": 900, "application": 500, "account": 2_500}
"""Bytes; every other object is of 2,500 or more."""

needs_schemas = pytest.mark.skipif(absence() is not None, reason=str(absence()))


def facts(type_: str) -> Facts:
    """Facts that fit the type."""
    return Facts(
        refunded=4_000 if type_ == "charge.refunded" else 0,
        charges_enabled=type_ != "account.updated",
        tollgate={"tollgate_payment_id": "pay_0000000000000000000000000a"},
    )


def the_object(made: Mapping[str, object]) -> Json:
    """The object of an event."""
    data = made["data"]
    assert isinstance(data, dict)
    found = data["object"]
    assert isinstance(found, dict)
    return found


def test_every_type_has_its_payload() -> None:
    """The types that Tollgate acts on, those that the design names, those that a deployment's
    endpoint asks for and those with a payload here are the same ones."""
    asked = re.findall(r"enabled_events\[\]=([a-z_.]+)", blocks()["webhook-endpoint"])
    named = [*OF_THE_BRIEF, *ALSO_NEEDED]

    assert len(named) == 24
    assert sorted(USE_CASES) == sorted(SENT) == sorted(asked) == sorted(named)


def test_every_type_is_tried_with_a_real_payment() -> None:
    """A type is about a payment, with a row that says what it does to one, or about an account."""
    assert sorted([*ROWS, *ACCOUNT_TYPES]) == sorted(USE_CASES)


@needs_schemas
@pytest.mark.parametrize("type_", SENT)
def test_a_payload_of_today_is_valid(type_: str) -> None:
    """Envelope and object pass Stripe's description, in which nothing undescribed may stand."""
    assert CURRENT_VERSION == API_VERSION
    assert faults("GET", "/v1/none", 200, event(type_, facts(type_))) == []
    assert faults("GET", "/v1/none", 200, balance_transaction(facts(type_))) == []


@needs_schemas
@pytest.mark.parametrize(
    "type_",
    [type_ for type_ in SENT if not type_.startswith(("refund.", "charge.refund.", "account.app"))],
)
def test_an_older_payload_is_not(type_: str) -> None:
    """The older shape really is another one. A refund and an application only have less in them."""
    assert faults("GET", "/v1/none", 200, event(type_, facts(type_), Shape.OLDER)) != []


@pytest.mark.parametrize(("type_", "shape"), EVERY)
def test_a_payload_is_of_real_size(type_: str, shape: Shape) -> None:
    """No payload is a stub: each has the size that Stripe's have."""
    made = event(type_, facts(type_), shape)
    name = str(the_object(made)["object"])

    assert SMALLEST.get(name, 2_500) <= len(body(made)) < 20_000


@pytest.mark.parametrize(("type_", "shape"), EVERY)
def test_nothing_of_it_that_is_secret_is_kept(type_: str, shape: Shape) -> None:
    """Client secrets, also the one in the address of a next action, payment methods at any depth
    and the address of a receipt stay outside; ids, amounts and states come in."""
    made = event(type_, facts(type_), shape)
    whole, kept = body(made).decode(), json.dumps(read_envelope(body(made)).payload)
    secret = canaries.find(whole)

    assert (secret is not None) is type_.startswith("payment_intent.")
    assert canaries.find(kept) is None
    assert '"pm_' not in kept
    assert "pay.stripe.com" not in kept
    assert read_envelope(body(made)).payload["id"] == made["id"]
    assert {"id", "object"} <= set(the_object(read_envelope(body(made)).payload))


def test_the_sharpest_secret_is_there_to_be_lost() -> None:
    """The payload of 3-D Secure holds a client secret outside the field of that name."""
    made = event("payment_intent.requires_action", Facts())
    del the_object(made)["client_secret"]

    assert canaries.find(body(made).decode()) is not None
    assert canaries.find(json.dumps(read_envelope(body(made)).payload)) is None


@pytest.mark.parametrize(("type_", "shape"), EVERY)
def test_its_subject_is_read(type_: str, shape: Shape) -> None:
    """Both shapes name intent, charge, refund, dispute and our payment alike, also once the
    payer is taken out."""
    of = facts(type_)
    made = event(type_, of, shape)
    name = str(the_object(made)["object"])
    subject = subject_of(received(made, read_envelope(body(made)).payload))

    assert subject == subject_of(received(made, without_payer(made)))
    assert subject == Subject(
        gateway_payment_id=None if name in ("account", "application") else of.intent,
        gateway_refund_id=of.refund if name == "refund" else None,
        payment_id=(
            of.tollgate["tollgate_payment_id"]
            if name in ("payment_intent", "charge", "account")
            else None
        ),
        gateway_charge_id=of.charge if name in ("charge", "refund", "dispute") else None,
        gateway_dispute_id=of.dispute if name == "dispute" else None,
    )


def received(made: Json, payload: Mapping[str, object]) -> WebhookEvent:
    """The event as the inbox has it, with this payload."""
    return WebhookEvent(
        id="we_1",
        gateway_id="gw_1",
        livemode=False,
        event_id=str(made["id"]),
        event_type=str(made["type"]),
        api_version=str(made["api_version"]),
        account=None,
        payload=payload,
        status=WebhookEventStatus.RECEIVED,
        created_at=NOW,
    )
