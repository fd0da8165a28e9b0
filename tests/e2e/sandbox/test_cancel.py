"""Cancelling from every state."""

import pytest

from tests.e2e.sandbox.api import Api, refused
from tests.e2e.sandbox.control import Control
from tests.e2e.sandbox.steps import (
    account_id,
    authorized,
    charge_of,
    event_types,
    in_state,
    payment,
)

CANCELABLE = (
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "requires_capture",
)
REASONS = ("abandoned", "duplicate", "fraudulent", "requested_by_customer")


@pytest.mark.parametrize("status", CANCELABLE)
async def test_cancel_from_an_open_state(api: Api, control: Control, status: str) -> None:
    """An open intent is canceled, with the time and without anything left to capture."""
    intent = await in_state(api, control, status)

    intent = await api.payment_intents.cancel(intent.id)

    assert (intent.status, intent.amount_capturable) == ("canceled", 0)
    assert intent.canceled_at >= intent.created
    assert intent.cancellation_reason is None
    assert intent.next_action is None
    assert (await event_types(api))[-1] in {"payment_intent.canceled", "charge.refunded"}
    assert "payment_intent.canceled" in await event_types(api)


@pytest.mark.parametrize("status", ["processing", "succeeded", "canceled"])
async def test_cancel_from_a_closed_state(api: Api, control: Control, status: str) -> None:
    """A processing card payment, a paid and a canceled intent cannot be canceled."""
    intent = await in_state(api, control, status)

    refusal = await refused(api.payment_intents.cancel(intent.id))

    assert refusal.facts[:3] == (400, "invalid_request_error", "payment_intent_unexpected_state")
    assert f"it has a status of {status}" in refusal.body["message"]
    assert refusal.body["payment_intent"]["status"] == status


@pytest.mark.parametrize("reason", REASONS)
async def test_cancellation_reason_is_kept(api: Api, reason: str) -> None:
    """Each reason that a caller may give is shown on the intent."""
    intent = await api.payment_intents.create(payment())

    await api.payment_intents.cancel(intent.id, {"cancellation_reason": reason})

    assert (await api.payment_intents.retrieve(intent.id)).cancellation_reason == reason


@pytest.mark.parametrize("reason", ["automatic", "expired", "because"])
async def test_cancellation_reason_of_stripe_is_not_for_callers(api: Api, reason: str) -> None:
    """Reasons that Stripe generates itself, or that do not exist, are refused."""
    intent = await api.payment_intents.create(payment())

    refusal = await refused(api.payment_intents.cancel(intent.id, {"cancellation_reason": reason}))

    assert refusal.facts[:2] == (400, "invalid_request_error")
    assert refusal.body["param"] == "cancellation_reason"
    assert (await api.payment_intents.retrieve(intent.id)).status == "requires_payment_method"


async def test_canceled_authorization_is_released(api: Api, control: Control) -> None:
    """A released authorization shows as refunded, by a refund that moves no money."""
    intent = await api.payment_intents.create(authorized())

    await api.payment_intents.cancel(intent.id)

    charge = await charge_of(api, intent)
    assert (charge.captured, charge.refunded, charge.amount_refunded) == (False, True, 2000)
    [released] = (await api.refunds.list({"payment_intent": intent.id})).data
    assert (released.amount, released.balance_transaction) == (2000, None)
    ledger = await control.ledger(await account_id(api))
    assert ledger["balance_transactions"] == []
    assert "charge.refunded" in await event_types(api)


async def test_processing_ends_either_way(api: Api, control: Control) -> None:
    """A processing intent ends paid or back at requires_payment_method."""
    paid = await in_state(api, control, "processing")
    failed = await in_state(api, control, "processing")
    assert "payment_intent.processing" in await event_types(api)

    await control.process(paid.id, "succeed")
    await control.process(failed.id, "fail")

    paid = await api.payment_intents.retrieve(paid.id)
    failed = await api.payment_intents.retrieve(failed.id)
    assert (paid.status, paid.amount_received) == ("succeeded", 2000)
    assert (failed.status, failed.amount_received) == ("requires_payment_method", 0)
    assert failed.last_payment_error.code
    types = await event_types(api)
    assert {"payment_intent.succeeded", "payment_intent.payment_failed"} <= set(types)
