"""The table of event types, and what an event's object names."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from domain.event_types import USE_CASES, Subject, UseCase, subject_of
from domain.inbox import WebhookEvent, WebhookEventStatus

EVENT = WebhookEvent(
    id="we_1",
    gateway_id="gw_1",
    livemode=False,
    event_id="evt_1",
    event_type="payment_intent.succeeded",
    api_version=None,
    account=None,
    payload={},
    status=WebhookEventStatus.RECEIVED,
    created_at=datetime(2026, 11, 23, tzinfo=UTC),
)


def event_about(obj: object) -> WebhookEvent:
    """An event with this object."""
    return replace(EVENT, payload={"data": {"object": obj}})


def test_the_table_holds_the_types_of_the_path() -> None:
    """Each type about a payment, its refunds or disputes, or its account has its use case, and no
    other type has."""
    intent = "created requires_action processing amount_capturable_updated succeeded"
    charge = "succeeded failed captured updated expired refunded refund.updated"
    dispute = "created updated closed funds_withdrawn funds_reinstated"

    assert set(USE_CASES) == {
        *(f"payment_intent.{verb}" for verb in f"{intent} payment_failed canceled".split()),
        *(f"charge.{verb}" for verb in charge.split()),
        *(f"charge.dispute.{verb}" for verb in dispute.split()),
        *(f"refund.{verb}" for verb in ("created", "updated", "failed")),
        "account.updated",
        "account.application.deauthorized",
    }


def test_every_use_case_is_used() -> None:
    """No use case stands in the enum that no event sets off."""
    assert set(UseCase) == set(USE_CASES.values())


def test_a_refund_is_read_by_its_id_and_never_from_a_charge() -> None:
    """Events about a refund object read that refund; a charge's cumulative amount is not used."""
    by_refund = {name for name, use in USE_CASES.items() if use is UseCase.REFUND}

    assert all(name.startswith(("refund.", "charge.refund.")) for name in by_refund)
    assert USE_CASES["charge.refunded"] is UseCase.REFUNDS


def test_an_intent_names_itself() -> None:
    """An intent's event speaks of the intent, and of our payment by its metadata."""
    event = event_about(
        {"object": "payment_intent", "id": "pi_1", "metadata": {"tollgate_payment_id": "pay_1"}}
    )

    assert subject_of(event) == Subject("pi_1", None, "pay_1")


def test_a_charge_names_its_intent() -> None:
    """A charge's event speaks of itself and of the intent that it belongs to."""
    event = event_about({"object": "charge", "id": "ch_1", "payment_intent": "pi_1"})

    assert subject_of(event) == Subject("pi_1", None, None, "ch_1")


def test_an_older_refund_names_its_charge_alone() -> None:
    """A refund's event may name no intent; one of ours is found by its charge."""
    event = event_about({"object": "refund", "id": "re_1", "charge": "ch_1"})

    assert subject_of(event) == Subject(None, "re_1", None, "ch_1")


def test_a_refund_names_itself_and_its_intent() -> None:
    """A refund's event speaks of the refund and of the intent."""
    event = event_about({"object": "refund", "id": "re_1", "payment_intent": "pi_1"})

    assert subject_of(event) == Subject("pi_1", "re_1", None)


def test_a_dispute_names_itself_and_its_intent() -> None:
    """A dispute's event speaks of the dispute, its charge and its intent."""
    event = event_about(
        {"object": "dispute", "id": "du_1", "charge": "ch_1", "payment_intent": "pi_1"}
    )

    assert subject_of(event) == Subject("pi_1", None, None, "ch_1", "du_1")


@pytest.mark.parametrize(
    "obj",
    [
        None,
        [],
        "pi_1",
        {},
        {"object": "payment_intent", "id": 7, "metadata": []},
        {"object": "payment_intent", "id": "pi_1/../accounts"},
        {"object": "payment_intent", "id": "pi_1?expand=x"},
        {"object": "payment_intent", "id": "p" * 256},
        {"object": "refund", "id": "", "payment_intent": {"id": "pi_1"}},
        {"object": "refund", "id": "re/1", "charge": "ch_1/../accounts"},
        {"object": "charge", "metadata": {"tollgate_payment_id": "pay_1, and call us at once"}},
        {"object": "charge", "metadata": {"tollgate_payment_id": "p" * 256}},
        {"object": "dispute", "id": "du_1/close", "payment_intent": "pi_1/capture"},
        {"object": "charge", "payment_intent": None, "metadata": {"tollgate_payment_id": 7}},
    ],
)
def test_what_is_no_id_is_nobody(obj: object) -> None:
    """A missing object, and ids that are no ids or would bend a path, name nothing."""
    assert subject_of(event_about(obj)) == Subject(None, None, None)
