"""Declined cards: docs.stripe.com/testing, "Declined payments"."""

import pytest
import stripe

from tests.e2e.sandbox.api import Api, refused
from tests.e2e.sandbox.control import Control
from tests.e2e.sandbox.steps import account_id, confirmed, event_types, payment

# Name of the payment method -> (error.code, error.decline_code, error.param). Stripe gives a
# decline code only where the code is card_declined (docs.stripe.com/declines/card).
DECLINES = {
    "pm_card_visa_chargeDeclined": ("card_declined", "generic_decline", None),
    "pm_card_visa_chargeDeclinedInsufficientFunds": ("card_declined", "insufficient_funds", None),
    "pm_card_visa_chargeDeclinedLostCard": ("card_declined", "lost_card", None),
    "pm_card_visa_chargeDeclinedStolenCard": ("card_declined", "stolen_card", None),
    "pm_card_chargeDeclinedExpiredCard": ("expired_card", None, "exp_month"),
    "pm_card_chargeDeclinedIncorrectCvc": ("incorrect_cvc", None, "cvc"),
    "pm_card_chargeDeclinedProcessingError": ("processing_error", None, None),
    "pm_card_chargeDeclinedFraudulent": ("card_declined", "fraudulent", None),
}


@pytest.mark.parametrize("card", DECLINES)
async def test_decline(api: Api, card: str) -> None:
    """A decline is 402 card_error with its codes, the charge and the intent, which stays open."""
    code, decline_code, param = DECLINES[card]

    refusal = await refused(api.payment_intents.create(confirmed(card)))

    assert refusal.kind is stripe.CardError
    assert refusal.facts == (402, "card_error", code, param)
    assert refusal.body.get("decline_code") == decline_code
    intent = refusal.body["payment_intent"]
    assert intent["status"] == "requires_payment_method"
    assert intent["last_payment_error"]["code"] == code
    assert intent["last_payment_error"].get("decline_code") == decline_code
    assert intent["payment_method"] is None
    assert intent["latest_charge"] == refusal.body["charge"]
    assert refusal.body["payment_method"]["object"] == "payment_method"


@pytest.mark.parametrize("card", DECLINES)
async def test_decline_leaves_a_failed_charge(api: Api, control: Control, card: str) -> None:
    """The declined attempt is a failed charge with its code; no money moved; three events."""
    refusal = await refused(api.payment_intents.create(confirmed(card)))

    charge = await api.charges.retrieve(refusal.body["charge"])
    assert (charge.status, charge.paid, charge.captured) == ("failed", False, False)
    assert charge.failure_code == DECLINES[card][0]
    assert charge.balance_transaction is None
    types = await event_types(api)
    assert types[0] == "payment_intent.created"
    assert sorted(types[1:]) == ["charge.failed", "payment_intent.payment_failed"]
    assert (await control.ledger(await account_id(api)))["balance_transactions"] == []


async def test_blocked_charge_says_so(api: Api) -> None:
    """A payment that Radar blocks has the outcome blocked with the highest risk."""
    refusal = await refused(
        api.payment_intents.create(confirmed("pm_card_chargeDeclinedFraudulent"))
    )

    charge = await api.charges.retrieve(refusal.body["charge"])
    assert charge.outcome.type == "blocked"
    assert charge.outcome.risk_level == "highest"


async def test_decline_of_the_issuer_says_so(api: Api) -> None:
    """A payment that the issuer declines has the outcome issuer_declined with the reason."""
    refusal = await refused(
        api.payment_intents.create(confirmed("pm_card_visa_chargeDeclinedLostCard"))
    )

    charge = await api.charges.retrieve(refusal.body["charge"])
    assert charge.outcome.type == "issuer_declined"
    assert charge.outcome.network_status == "declined_by_network"
    assert charge.outcome.reason == "lost_card"


async def test_elevated_risk_still_succeeds(api: Api) -> None:
    """A card of elevated risk is charged and says so."""
    intent = await api.payment_intents.create(
        confirmed("pm_card_riskLevelElevated", expand=["latest_charge"])
    )

    assert intent.status == "succeeded"
    assert intent.latest_charge.outcome.risk_level == "elevated"


async def test_decline_at_confirmation(api: Api) -> None:
    """A decline at confirm is the same error on the same intent."""
    intent = await api.payment_intents.create(
        payment(payment_method="pm_card_visa_chargeDeclinedInsufficientFunds")
    )

    refusal = await refused(api.payment_intents.confirm(intent.id))

    assert refusal.facts[:3] == (402, "card_error", "card_declined")
    assert refusal.body["payment_intent"]["id"] == intent.id


async def test_another_card_after_a_decline(api: Api) -> None:
    """The same intent succeeds with another card; both attempts stay as charges."""
    refusal = await refused(api.payment_intents.create(confirmed("pm_card_visa_chargeDeclined")))
    intent_id = refusal.body["payment_intent"]["id"]

    intent = await api.payment_intents.confirm(intent_id, {"payment_method": "pm_card_visa"})

    assert intent.status == "succeeded"
    assert intent.last_payment_error is None
    charges = (await api.charges.list({"payment_intent": intent_id})).data
    assert [charge.status for charge in charges] == ["succeeded", "failed"]


async def test_given_up_after_a_decline(api: Api) -> None:
    """A declined intent is closed for good by canceling it; it keeps what went wrong."""
    refusal = await refused(api.payment_intents.create(confirmed("pm_card_visa_chargeDeclined")))
    intent_id = refusal.body["payment_intent"]["id"]

    intent = await api.payment_intents.cancel(intent_id, {"cancellation_reason": "abandoned"})

    assert (intent.status, intent.cancellation_reason) == ("canceled", "abandoned")
    assert intent.latest_charge == refusal.body["charge"]
    assert intent.last_payment_error.code == "card_declined"
    again = await refused(
        api.payment_intents.confirm(intent_id, {"payment_method": "pm_card_visa"})
    )
    assert again.body["code"] == "payment_intent_unexpected_state"
