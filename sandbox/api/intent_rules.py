"""What Stripe refuses about payment intents before anything happens."""

from collections.abc import Collection
from urllib.parse import urlsplit

from sandbox.api.call import Call
from sandbox.cards import CARDS
from sandbox.currencies import check_granularity, check_positive
from sandbox.errors import missing, refused, unexpected_state
from sandbox.models import PaymentIntent, PaymentMethod
from sandbox.params import Params

CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
CANCELABLE = (
    "requires_payment_method",
    "requires_capture",
    "requires_confirmation",
    "requires_action",
)
URL_LENGTH_MAX = 2048

RETURN_URL_NEEDED = (
    "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because "
    "some of these payment methods might redirect your customer off of your page, you must provide "
    "a `return_url`. If you don't want to accept redirect-based payment methods, set "
    "`automatic_payment_methods[enabled]` to `true` and "
    "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and "
    "Payment Intents."
)
FEE_NEEDS_CONNECT = (
    "Can only apply an application_fee_amount when the PaymentIntent is attempting a direct "
    "payment (using an OAuth key or Stripe-Account header) or destination payment (using "
    "`transfer_data[destination]`)."
)


def check_state(call: Call, intent: PaymentIntent, verb: str, allowed: Collection[str]) -> None:
    """Raises payment_intent_unexpected_state unless the intent's status is one of ``allowed``."""
    if intent.status in allowed:
        return
    participle = {"capture": "captured", "confirm": "confirmed", "cancel": "canceled"}.get(verb)
    only = (
        f"it has a status of {intent.status}. Only a PaymentIntent with one of the following "
        f"statuses may be {participle or 'updated in this way'}: {', '.join(allowed)}."
    )
    if verb == "capture":
        message = f"This PaymentIntent could not be captured because {only}"
    else:
        message = f"You cannot {verb} this PaymentIntent because {only}"
    raise unexpected_state(message, call.render(intent))


def check_application_fee(call: Call, fee: int | None, amount: int, currency: str) -> None:
    """Raises ApiError for a fee without Connect, of 0, not below the amount, or of a sum that the
    currency does not have."""
    if fee is None:
        return
    name = "application_fee_amount"
    check_positive(fee, name)
    check_granularity(fee, currency, name)
    if call.book.account.platform is None:
        raise refused(FEE_NEEDS_CONNECT, name)
    if fee >= amount:
        raise refused(
            f"The application fee ({fee}) must be less than the amount of the charge ({amount}).",
            name,
        )


def check_charges_enabled(call: Call) -> None:
    """Raises ApiError for an account that may not charge."""
    if not call.book.account.charges_enabled:
        raise refused("Your account cannot currently make charges.")


def check_urls(intent: PaymentIntent, params: Params) -> None:
    """Raises ApiError where a return_url is missing although redirects are allowed, or is no URL.

    docs.stripe.com/api/payment_intents/create: with automatic payment methods, redirects are
    allowed unless ``allow_redirects`` is ``never``.
    """
    given = params.text("return_url")
    if given is not None:
        check_url(given, "return_url", ("http", "https"))
    elif intent.return_url is None and intent.automatic and intent.allow_redirects == "always":
        raise refused(RETURN_URL_NEEDED, "return_url")


def check_url(url: str, param: str, schemes: Collection[str]) -> None:
    """Raises url_invalid for what is no absolute URL of one of the schemes."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in schemes and bool(parts.hostname)
    except ValueError:
        valid = False
    if not valid or len(url) > URL_LENGTH_MAX or any(character <= " " for character in url):
        raise refused("Not a valid URL", param, "url_invalid")


def payment_method(call: Call, name: str) -> PaymentMethod:
    """The payment method of an id, or a new one of a test card's name."""
    held = call.book.payment_methods.get(name)
    if held:
        return held
    card = CARDS.get(name)
    if card is None:
        raise missing("PaymentMethod", name, "payment_method", 400)
    made = PaymentMethod(
        id=call.world.new_id("pm_"),
        account=call.book.account.id,
        created=call.world.timestamp(),
        card=card,
    )
    return call.world.add(call.book.payment_methods, made)
