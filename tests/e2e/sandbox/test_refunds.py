"""Refunds: full, partial, over, pending, failing late."""

from typing import Any

import pytest

from tests.e2e.sandbox.api import Api, refused
from tests.e2e.sandbox.control import Control, eventually
from tests.e2e.sandbox.steps import (
    account_id,
    authorized,
    captured_at_once,
    charge_of,
    confirmed,
    event_types,
    in_state,
)


async def test_full_refund(api: Api, control: Control) -> None:
    """A refund without an amount returns all; Stripe keeps its fee; the events tell it."""
    intent = await api.payment_intents.create(captured_at_once())

    refund = await api.refunds.create(
        {"payment_intent": intent.id, "expand": ["balance_transaction"]}
    )

    assert (refund.status, refund.amount, refund.currency) == ("succeeded", 2000, "usd")
    assert (refund.charge, refund.payment_intent) == (intent.latest_charge, intent.id)
    transaction = refund.balance_transaction
    assert (transaction.type, transaction.amount, transaction.fee) == ("refund", -2000, 0)
    charge = await charge_of(api, intent)
    assert (charge.refunded, charge.amount_refunded) == (True, 2000)
    assert {"refund.created", "charge.refunded"} <= set(await event_types(api))
    assert (await control.ledger(await account_id(api)))["balance"] == {"usd": -88}


async def test_partial_refunds_add_up(api: Api) -> None:
    """Several partial refunds add up on the charge, which is refunded only at the end."""
    intent = await api.payment_intents.create(captured_at_once())
    first = await api.refunds.create({"charge": intent.latest_charge, "amount": 500})
    assert (await charge_of(api, intent)).refunded is False

    second = await api.refunds.create({"payment_intent": intent.id, "amount": 1500})

    charge = await charge_of(api, intent)
    assert (charge.refunded, charge.amount_refunded) == (True, 2000)
    refunds = (await api.refunds.list({"payment_intent": intent.id})).data
    assert [refund.id for refund in refunds] == [second.id, first.id]


async def test_refund_keeps_reason_and_metadata(api: Api) -> None:
    """Reason and metadata are kept; metadata can be changed later."""
    intent = await api.payment_intents.create(captured_at_once())
    refund = await api.refunds.create(
        {"payment_intent": intent.id, "reason": "duplicate", "metadata": {"a": "1"}}
    )

    await api.refunds.update(refund.id, {"metadata": {"b": "2"}})

    refund = await api.refunds.retrieve(refund.id)
    assert (refund.reason, refund.metadata.to_dict()) == ("duplicate", {"a": "1", "b": "2"})


@pytest.mark.parametrize("before", [0, 500])
async def test_refund_over_what_is_left(api: Api, before: int) -> None:
    """More than what is left on the charge is refused, naming the amount; nothing moves."""
    intent = await api.payment_intents.create(captured_at_once())
    if before:
        await api.refunds.create({"payment_intent": intent.id, "amount": before})

    refusal = await refused(
        api.refunds.create({"payment_intent": intent.id, "amount": 2001 - before})
    )

    assert refusal.facts == (400, "invalid_request_error", None, "amount")
    assert "greater than unrefunded amount on charge" in refusal.body["message"]
    assert (await charge_of(api, intent)).amount_refunded == before


async def test_refund_of_a_refunded_charge(api: Api) -> None:
    """A charge that is refunded in full cannot be refunded again."""
    intent = await api.payment_intents.create(captured_at_once())
    await api.refunds.create({"payment_intent": intent.id})

    refusal = await refused(api.refunds.create({"payment_intent": intent.id}))

    assert refusal.facts[:3] == (400, "invalid_request_error", "charge_already_refunded")


@pytest.mark.parametrize("amount", [0, -5])
async def test_refund_of_nothing(api: Api, amount: int) -> None:
    """A refund is of at least one unit."""
    intent = await api.payment_intents.create(captured_at_once())

    refusal = await refused(api.refunds.create({"payment_intent": intent.id, "amount": amount}))

    assert refusal.facts == (400, "invalid_request_error", "parameter_invalid_integer", "amount")


@pytest.mark.parametrize("status", ["requires_payment_method", "requires_capture", "canceled"])
async def test_refund_of_an_unpaid_intent(api: Api, control: Control, status: str) -> None:
    """An intent without captured money has nothing to refund."""
    intent = await in_state(api, control, status)

    refusal = await refused(api.refunds.create({"payment_intent": intent.id}))

    assert refusal.facts[:2] == (400, "invalid_request_error")
    assert (await api.refunds.list()).data == []


async def test_refund_after_a_partial_capture(api: Api) -> None:
    """Of a partial capture only the captured part can be refunded."""
    intent = await api.payment_intents.create(authorized())
    await api.payment_intents.capture(intent.id, {"amount_to_capture": 1500})

    refusal = await refused(api.refunds.create({"payment_intent": intent.id, "amount": 1501}))
    refund = await api.refunds.create({"payment_intent": intent.id})

    assert refusal.facts[:2] == (400, "invalid_request_error")
    assert refund.amount == 1500
    assert (await charge_of(api, intent)).refunded is True


async def test_refund_names_what_to_refund(api: Api) -> None:
    """A refund without charge and payment intent is refused, and an unknown one too."""
    nothing = await refused(api.refunds.create({"amount": 100}))
    unknown = await refused(api.refunds.create({"payment_intent": "pi_nothing"}))

    assert nothing.facts[:2] == (400, "invalid_request_error")
    assert unknown.facts[1:] == ("invalid_request_error", "resource_missing", "payment_intent")


async def test_reason_of_stripe_is_not_for_callers(api: Api) -> None:
    """The reason expired_uncaptured_charge is Stripe's own."""
    intent = await api.payment_intents.create(captured_at_once())

    refusal = await refused(
        api.refunds.create({"payment_intent": intent.id, "reason": "expired_uncaptured_charge"})
    )

    assert (refusal.facts[0], refusal.facts[3]) == (400, "reason")


async def _pending(api: Api) -> Any:
    intent = await api.payment_intents.create(captured_at_once("pm_card_pendingRefund"))
    refund = await api.refunds.create({"payment_intent": intent.id})
    assert refund.status == "pending"
    return refund


async def test_pending_refund_settles_by_itself(api: Api, control: Control) -> None:
    """A pending refund counts at once and succeeds later, with refund.updated."""
    refund = await _pending(api)
    again = await refused(api.refunds.create({"charge": refund.charge}))
    assert again.body["code"] == "charge_already_refunded"

    await control.advance(86400)

    settled = await eventually(
        lambda: api.refunds.retrieve(refund.id), lambda found: found.status != "pending"
    )
    assert settled.status == "succeeded"
    assert {"refund.updated", "charge.refund.updated"} <= set(await event_types(api))


async def test_pending_refund_fails(api: Api, control: Control) -> None:
    """A pending refund that fails frees its amount on the charge."""
    refund = await _pending(api)

    await control.settle_refund(refund.id, "failed", failure_reason="declined")

    refund = await api.refunds.retrieve(refund.id)
    assert (refund.status, refund.failure_reason) == ("failed", "declined")
    charge = await api.charges.retrieve(refund.charge)
    assert (charge.refunded, charge.amount_refunded) == (False, 0)
    assert "refund.failed" in await event_types(api)


async def _failed_late(api: Api, refund: Any) -> None:
    refund = await api.refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction"]})
    assert refund.status == "failed"
    assert refund.failure_reason
    transaction = refund.failure_balance_transaction
    assert (transaction.type, transaction.amount) == ("refund_failure", 2000)
    charge = await api.charges.retrieve(refund.charge)
    assert (charge.refunded, charge.amount_refunded) == (False, 0)


async def test_succeeded_refund_fails_late_by_card(api: Api, control: Control) -> None:
    """With pm_card_refundFail a refund succeeds first and fails later; the money is back."""
    intent = await api.payment_intents.create(captured_at_once("pm_card_refundFail"))
    refund = await api.refunds.create({"payment_intent": intent.id})
    assert refund.status == "succeeded"

    await control.advance(86400)
    await eventually(lambda: event_types(api), lambda types: "refund.failed" in types)

    await _failed_late(api, refund)
    assert (await control.ledger(await account_id(api)))["balance"] == {"usd": 1912}


async def test_succeeded_refund_fails_late_by_order(api: Api, control: Control) -> None:
    """The control route fails a succeeded refund; afterwards the charge can be refunded again."""
    intent = await api.payment_intents.create(captured_at_once())
    refund = await api.refunds.create({"payment_intent": intent.id})

    await control.settle_refund(refund.id, "failed")

    await _failed_late(api, refund)
    again = await api.refunds.create({"payment_intent": intent.id})
    assert again.status == "succeeded"
    assert (await control.ledger(await account_id(api)))["balance"] == {"usd": -88}


async def test_settled_refund_is_not_canceled(api: Api) -> None:
    """Only refunds that wait for the shopper can be canceled; a card refund cannot."""
    intent = await api.payment_intents.create(captured_at_once())
    refund = await api.refunds.create({"payment_intent": intent.id})

    refusal = await refused(api.refunds.cancel(refund.id))

    assert refusal.facts[:2] == (400, "invalid_request_error")
    assert (await api.refunds.retrieve(refund.id)).status == "succeeded"


async def test_refund_before_the_balance_transaction(api: Api, control: Control) -> None:
    """A refund may overtake the balance transaction of an asynchronous capture; both are booked."""
    intent = await api.payment_intents.create(confirmed())

    refund = await api.refunds.create({"payment_intent": intent.id})
    await control.advance(5)

    assert refund.status == "succeeded"
    ledger = await control.ledger(await account_id(api))
    assert sorted(part["type"] for part in ledger["balance_transactions"]) == ["charge", "refund"]
    assert ledger["balance"] == {"usd": -88}
