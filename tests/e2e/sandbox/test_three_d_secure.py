"""3-D Secure: demanded, finished, failed."""

import pytest

from tests.e2e.sandbox.api import Api, refused
from tests.e2e.sandbox.control import Control
from tests.e2e.sandbox.steps import RETURN_URL, account_id, confirmed, event_types, in_state

CARDS = (
    "pm_card_authenticationRequired",
    "pm_card_threeDSecure2Required",
    "pm_card_threeDSecureRequired",
)


@pytest.mark.parametrize("card", CARDS)
async def test_authentication_is_demanded(api: Api, control: Control, card: str) -> None:
    """A card that needs 3-D Secure leaves the intent at requires_action, without money."""
    intent = await api.payment_intents.create(confirmed(card))

    assert intent.status == "requires_action"
    assert intent.next_action.type == "use_stripe_sdk"
    assert intent.amount_received == 0
    assert await event_types(api) == ["payment_intent.created", "payment_intent.requires_action"]
    assert not any((await control.ledger(await account_id(api)))["balance"].values())


async def test_redirect_when_a_return_url_was_given(api: Api) -> None:
    """With a return_url the shopper is sent to a page of Stripe, which knows the way back."""
    intent = await api.payment_intents.create(
        confirmed("pm_card_threeDSecure2Required", return_url=RETURN_URL)
    )

    assert intent.status == "requires_action"
    assert intent.next_action.type == "redirect_to_url"
    assert intent.next_action.redirect_to_url.return_url == RETURN_URL
    assert intent.next_action.redirect_to_url.url.startswith("http")


@pytest.mark.parametrize("capture", ["automatic", "manual"])
@pytest.mark.parametrize("way", [{}, {"return_url": RETURN_URL}])
async def test_authentication_finished(
    api: Api, control: Control, capture: str, way: dict[str, str]
) -> None:
    """Once the shopper has authenticated, the payment goes on: paid, or authorized if manual."""
    intent = await api.payment_intents.create(
        confirmed("pm_card_threeDSecure2Required", capture_method=capture, **way)
    )

    await control.authenticate(intent.id, "succeed")

    intent = await api.payment_intents.retrieve(intent.id)
    assert intent.status == ("succeeded" if capture == "automatic" else "requires_capture")
    assert intent.next_action is None
    assert intent.latest_charge


@pytest.mark.parametrize("way", [{}, {"return_url": RETURN_URL}])
async def test_authentication_failed(api: Api, control: Control, way: dict[str, str]) -> None:
    """A failed authentication asks for another payment method and says why."""
    intent = await api.payment_intents.create(confirmed("pm_card_threeDSecure2Required", **way))

    await control.authenticate(intent.id, "fail")

    intent = await api.payment_intents.retrieve(intent.id)
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error.code == "payment_intent_authentication_failure"
    assert intent.next_action is None
    assert intent.payment_method is None
    assert (await event_types(api))[-1] == "payment_intent.payment_failed"


async def test_new_card_after_a_failed_authentication(api: Api, control: Control) -> None:
    """The intent lives on: another card pays it."""
    intent = await in_state(api, control, "requires_action")
    await control.authenticate(intent.id, "fail")

    intent = await api.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})

    assert intent.status == "succeeded"


async def test_authentication_is_not_finished_twice(api: Api, control: Control) -> None:
    """The control route finishes only what waits for the shopper."""
    intent = await in_state(api, control, "requires_action")
    await control.authenticate(intent.id, "succeed")

    with pytest.raises(AssertionError, match="authenticate: 4"):
        await control.authenticate(intent.id, "succeed")


async def test_waiting_intent_is_canceled(api: Api, control: Control) -> None:
    """A shopper who never comes back is given up; the intent then takes no authentication."""
    intent = await in_state(api, control, "requires_action")

    intent = await api.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})

    assert (intent.status, intent.next_action) == ("canceled", None)
    refusal = await refused(api.payment_intents.confirm(intent.id))
    assert refusal.body["code"] == "payment_intent_unexpected_state"


async def test_page_of_the_redirect_leads_back(api: Api) -> None:
    """The page that the shopper is sent to ends 3-D Secure and goes to the return_url."""
    intent = await api.payment_intents.create(
        confirmed("pm_card_threeDSecure2Required", return_url=f"{RETURN_URL}?order=1")
    )
    page = intent.next_action.redirect_to_url.url

    async with api.raw_session.get(page) as shown:
        assert (shown.status, shown.content_type) == (200, "text/html")
    async with api.raw_session.post(
        page, data={"outcome": "succeed"}, allow_redirects=False
    ) as answer:
        location = answer.headers["Location"]

    # The parameters that Stripe adds: docs.stripe.com/js/payment_intents/confirm_payment.
    assert location == (
        f"{RETURN_URL}?order=1&payment_intent={intent.id}"
        f"&payment_intent_client_secret={intent.client_secret}&redirect_status=succeeded"
    )
    assert (await api.payment_intents.retrieve(intent.id)).status == "succeeded"


async def test_decline_after_authentication(api: Api, control: Control) -> None:
    """A card can pass 3-D Secure and still be declined: a failed charge, the intent open."""
    intent = await api.payment_intents.create(
        confirmed("pm_card_threeDSecureRequiredChargeDeclined")
    )

    await control.authenticate(intent.id, "succeed")

    intent = await api.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error.code == "card_declined"
    assert intent.latest_charge.status == "failed"


async def test_authentication_off_session(api: Api) -> None:
    """Without the shopper a card that needs 3-D Secure is declined: authentication_required."""
    refusal = await refused(
        api.payment_intents.create(confirmed("pm_card_authenticationRequired", off_session=True))
    )

    assert refusal.facts[:3] == (402, "card_error", "authentication_required")
    assert refusal.body["decline_code"] == "authentication_required"
    assert refusal.body["payment_intent"]["status"] == "requires_payment_method"
