"""Payments: what confirming an intent does, and how a waiting one ends."""

from sandbox.cards import AUTHENTICATION_REQUIRED, Behaviour, Decline
from sandbox.errors import ApiError, doc_url
from sandbox.events import emit
from sandbox.flows import disputes, release, settlement
from sandbox.models import Charge, PaymentIntent, PaymentMethod
from sandbox.objects import payment_intents, payment_methods
from sandbox.wire import Wire
from sandbox.world import Book, World

AUTHORIZATION_SECONDS = 7 * 24 * 3600
"""How long an authorization can be captured (docs.stripe.com/payments/capture-later)."""

ASKS = frozenset((Behaviour.AUTHENTICATE, Behaviour.AUTHENTICATE_DECLINE))
AUTHENTICATION_FAILED = (
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or "
    "a new PaymentMethod to attempt to fulfill this PaymentIntent again."
)


def confirm(
    world: World, book: Book, intent: PaymentIntent, *, present: bool, use_sdk: bool
) -> Decline | None:
    """Attempts the payment with the intent's payment method.

    ``present`` says that the shopper can be asked for 3-D Secure. Answers the decline, or None;
    the intent holds the rest.
    """
    method = book.payment_methods[intent.payment_method or ""]
    intent.last_payment_error = None
    if method.card.behaviour not in ASKS:
        return attempt(world, book, intent, method)
    if not present:
        fail(world, book, intent, _charge(world, book, intent, method), AUTHENTICATION_REQUIRED)
        return AUTHENTICATION_REQUIRED
    intent.status = "requires_action"
    intent.next_action = _next_action(world, intent, use_sdk=use_sdk)
    emit(world, book, "payment_intent.requires_action", intent)
    return None


def attempt(
    world: World, book: Book, intent: PaymentIntent, method: PaymentMethod
) -> Decline | None:
    """Charges the card, authenticated or not; answers the decline, or None."""
    card = method.card
    charge = _charge(world, book, intent, method)
    intent.next_action = None
    if card.decline:
        fail(world, book, intent, charge, card.decline)
        return card.decline
    if card.behaviour is Behaviour.PROCESS:
        intent.status = "processing"
        emit(world, book, "charge.pending", charge)
        emit(world, book, "payment_intent.processing", intent)
        return None
    take(world, book, intent, charge)
    return None


def take(world: World, book: Book, intent: PaymentIntent, charge: Charge) -> None:
    """The bank agrees: the amount is authorized, and captured unless capture is manual."""
    charge.status = "succeeded"
    if intent.capture_method == "manual":
        _authorize(world, book, intent, charge)
        return
    charge.captured = True
    charge.amount_captured = charge.amount
    intent.status = "succeeded"
    intent.amount_received = charge.amount
    if intent.capture_method == "automatic":
        settlement.settle(world, book, charge)
    else:
        delay = world.settings.balance_delay_seconds
        world.after(delay, settlement.settle_later, world, book, charge)
    emit(world, book, "charge.succeeded", charge)
    dispute_if_asked(world, book, charge)
    emit(world, book, "payment_intent.succeeded", intent)


def dispute_if_asked(world: World, book: Book, charge: Charge) -> None:
    """Opens the dispute of a card that disputes all its charges."""
    if charge.card.dispute:
        disputes.open_dispute(world, book, charge, charge.card.dispute)


def fail(world: World, book: Book, intent: PaymentIntent, charge: Charge, decline: Decline) -> None:
    """The bank declines: the charge fails and the intent waits for another payment method."""
    charge.status = "failed"
    method = book.payment_methods[charge.payment_method]
    error: Wire = {
        "advice_code": decline.advice_code,
        "charge": charge.id,
        "code": decline.code,
        "doc_url": doc_url(decline.code),
        "message": decline.message,
        "payment_method": payment_methods.render(method),
        "type": "card_error",
    }
    if decline.decline_code:
        error["decline_code"] = decline.decline_code
    if decline.param:
        error["param"] = decline.param
    _give_back(intent, error)
    emit(world, book, "charge.failed", charge)
    emit(world, book, "payment_intent.payment_failed", intent)


def card_error(intent: PaymentIntent, decline: Decline, application: str | None) -> ApiError:
    """The 402 that tells a decline."""
    told = dict(intent.last_payment_error or {})
    for name in ("message", "type", "code", "doc_url", "param"):
        told.pop(name, None)
    return ApiError(
        402,
        decline.message,
        type_="card_error",
        code=decline.code,
        param=decline.param,
        details={**told, "payment_intent": payment_intents.render(intent, application)},
    )


def authenticate(world: World, book: Book, intent: PaymentIntent, *, succeeded: bool) -> None:
    """Ends 3-D Secure: the payment is attempted, or the intent waits for another method."""
    method = book.payment_methods[intent.payment_method or ""]
    intent.next_action = None
    if succeeded:
        attempt(world, book, intent, method)
        return
    code = "payment_intent_authentication_failure"
    error: Wire = {
        "code": code,
        "doc_url": doc_url(code),
        "message": AUTHENTICATION_FAILED,
        "payment_method": payment_methods.render(method),
        "type": "invalid_request_error",
    }
    _give_back(intent, error)
    emit(world, book, "payment_intent.payment_failed", intent)


def _give_back(intent: PaymentIntent, error: Wire) -> None:
    intent.status = "requires_payment_method"
    intent.payment_method = None
    intent.next_action = None
    intent.last_payment_error = error


def _charge(world: World, book: Book, intent: PaymentIntent, method: PaymentMethod) -> Charge:
    charge = Charge(
        id=world.new_id("ch_"),
        account=book.account.id,
        created=world.timestamp(),
        amount=intent.amount,
        currency=intent.currency,
        card=method.card,
        payment_method=method.id,
        payment_intent=intent.id,
        status="pending",
        captured=False,
        authenticated=method.card.behaviour in ASKS,
        application_fee_amount=intent.application_fee_amount,
        customer=intent.customer,
        description=intent.description,
        receipt_email=intent.receipt_email,
        statement_descriptor=intent.statement_descriptor,
        statement_descriptor_suffix=intent.statement_descriptor_suffix,
        transfer_group=intent.transfer_group,
        metadata=dict(intent.metadata),
    )
    world.add(book.charges, charge)
    intent.latest_charge = charge.id
    return charge


def _authorize(world: World, book: Book, intent: PaymentIntent, charge: Charge) -> None:
    expires_at = world.now() + AUTHORIZATION_SECONDS
    charge.capture_before = int(expires_at)
    intent.status = "requires_capture"
    intent.amount_capturable = charge.amount
    emit(world, book, "charge.succeeded", charge)
    emit(world, book, "payment_intent.amount_capturable_updated", intent)
    world.at(expires_at, release.expire_if_waiting, world, book, intent)


def _next_action(world: World, intent: PaymentIntent, *, use_sdk: bool) -> Wire:
    url = f"{world.cause.base_url}/_sandbox/authenticate/{intent.id}"
    if intent.return_url and not use_sdk:
        redirect: Wire = {"return_url": intent.return_url, "url": url}
        return {"redirect_to_url": redirect, "type": "redirect_to_url"}
    sdk: Wire = {
        "source": world.new_id("payatt_"),
        "stripe_js": url,
        "type": "three_d_secure_redirect",
    }
    return {"type": "use_stripe_sdk", "use_stripe_sdk": sdk}
