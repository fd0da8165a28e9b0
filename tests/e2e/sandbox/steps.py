"""Steps that many tests of the contract take."""

from collections.abc import Mapping
from typing import Any

from tests.e2e.sandbox.api import Api
from tests.e2e.sandbox.control import Control

NO_REDIRECTS: Mapping[str, object] = {"enabled": True, "allow_redirects": "never"}
RETURN_URL = "https://shop.example/return"


def payment(**more: object) -> dict[str, object]:
    """Parameters of a PaymentIntent of 20.00 USD without redirects, not yet confirmed."""
    return {
        "amount": 2000,
        "currency": "usd",
        "automatic_payment_methods": dict(NO_REDIRECTS),
        **more,
    }


def confirmed(card: str = "pm_card_visa", /, **more: object) -> dict[str, object]:
    """Parameters that create and confirm in one call."""
    return payment(payment_method=card, confirm=True, **more)


def captured_at_once(card: str = "pm_card_visa", /, **more: object) -> dict[str, object]:
    """The same, captured synchronously: the balance transaction is there in the answer."""
    return confirmed(card, capture_method="automatic", **more)


def authorized(card: str = "pm_card_visa", /, **more: object) -> dict[str, object]:
    """The same, to be captured later."""
    return confirmed(card, capture_method="manual", **more)


async def in_state(api: Api, control: Control, status: str) -> Any:
    """A PaymentIntent in this status, reached the way Stripe documents."""
    intent = await _created(api, status)
    if status == "canceled":
        intent = await api.payment_intents.cancel(intent.id)
    assert intent.status == status
    return intent


async def _created(api: Api, status: str) -> Any:
    parameters = {
        "requires_payment_method": payment(),
        "requires_confirmation": payment(payment_method="pm_card_visa"),
        "requires_action": confirmed("pm_card_threeDSecure2Required"),
        "requires_capture": authorized(),
        "processing": confirmed("pm_card_sandbox_processing"),
        "succeeded": captured_at_once(),
        "canceled": payment(),
    }
    return await api.payment_intents.create(parameters[status])


async def charge_of(api: Api, intent: Any, options: Mapping[str, str] | None = None) -> Any:
    """The latest charge of an intent, its balance transaction expanded."""
    return await api.charges.retrieve(
        intent.latest_charge, {"expand": ["balance_transaction"]}, dict(options or {})
    )


async def event_types(api: Api, options: Mapping[str, str] | None = None) -> list[str]:
    """The types of all events of the account, oldest first."""
    events = await api.every(await api.events.list({"limit": 100}, dict(options or {})))
    return [event.type for event in reversed(events)]


async def account_id(api: Api) -> str:
    """The Stripe account behind the key."""
    account = await api.accounts.retrieve_current()
    return str(account.id)


async def connected_account(api: Api) -> str:
    """A new account connected to the platform behind the key."""
    account = await api.accounts.create({"type": "standard", "country": "US"})
    return str(account.id)
