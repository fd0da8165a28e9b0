"""/v1/payment_intents."""

from sandbox.api.call import Call, found
from sandbox.api.intent_rules import (
    CANCELABLE,
    CONFIRMABLE,
    check_application_fee,
    check_charges_enabled,
    check_state,
    check_urls,
    payment_method,
)
from sandbox.api.lists import page
from sandbox.currencies import check_amount, check_granularity, check_positive, known
from sandbox.errors import ApiError, missing, refused, unexpected_state
from sandbox.events import emit
from sandbox.flows import payments, release
from sandbox.models import PaymentIntent
from sandbox.params import Params, merged_metadata
from sandbox.wire import Wire

TEXTS = (
    "description",
    "receipt_email",
    "setup_future_usage",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)
NO_METHOD = (
    "You cannot confirm this PaymentIntent because it's missing a payment method. You can either "
    "update the PaymentIntent with a payment method and then confirm it again, or confirm it again "
    "directly with a payment method or ConfirmationToken."
)
ONLY_WITH_CONFIRM = ("error_on_requires_action", "off_session", "return_url")


def create(call: Call) -> Wire:
    """POST /v1/payment_intents, with or without confirm=true."""
    params = call.params
    confirm = bool(params.flag("confirm"))
    amount = params.required_integer("amount")
    currency = known(params.required_text("currency"))
    check_amount(amount, currency)
    check_application_fee(call, params.integer("application_fee_amount"), amount, currency)
    _check_confirm_only(params, confirm=confirm)
    id_ = call.world.new_id("pi_")
    intent = PaymentIntent(
        id=id_,
        account=call.book.account.id,
        created=call.world.timestamp(),
        amount=amount,
        currency=currency,
        client_secret=call.world.new_id(f"{id_}_secret_"),
        capture_method=params.text("capture_method") or "automatic_async",
        confirmation_method=params.text("confirmation_method") or "automatic",
        application_fee_amount=params.integer("application_fee_amount"),
        metadata=merged_metadata({}, params),
    )
    _set_methods(intent, params)
    _set_texts(call, intent)
    if confirm:
        check_charges_enabled(call)
        check_urls(intent, params)
        if "payment_method" not in params:
            raise refused(NO_METHOD, code="payment_intent_unexpected_state")
    if name := params.text("payment_method"):
        intent.payment_method = payment_method(call, name).id
        intent.status = "requires_confirmation"
    call.world.add(call.book.intents, intent)
    emit(call.world, call.book, "payment_intent.created", intent)
    return _confirmed(call, intent) if confirm else call.render(intent)


def confirm(call: Call) -> Wire:
    """POST /v1/payment_intents/{intent}/confirm."""
    intent = call.intent()
    check_state(call, intent, "confirm", CONFIRMABLE)
    check_charges_enabled(call)
    check_urls(intent, call.params)
    if name := call.params.text("payment_method"):
        intent.payment_method = payment_method(call, name).id
    if intent.payment_method is None:
        raise unexpected_state(NO_METHOD, call.render(intent))
    intent.capture_method = call.params.text("capture_method") or intent.capture_method
    _set_texts(call, intent)
    return _confirmed(call, intent)


def retrieve(call: Call) -> Wire:
    """GET /v1/payment_intents/{intent}; a client_secret, where given, must be the intent's."""
    intent = call.intent()
    secret = call.params.text("client_secret")
    if secret is not None and secret != intent.client_secret:
        raise missing("payment_intent", intent.id, "intent")
    return call.render(intent)


def list_(call: Call) -> Wire:
    """GET /v1/payment_intents."""
    customer = call.params.text("customer")
    return page(
        call,
        call.book.intents,
        "/v1/payment_intents",
        "payment_intent",
        lambda intent: customer is None or intent.customer == customer,
    )


def update(call: Call) -> Wire:
    """POST /v1/payment_intents/{intent}: what is bound to money only before confirmation."""
    intent = call.intent()
    params = call.params
    if any(name in params for name in ("amount", "currency", "payment_method", "capture_method")):
        check_state(call, intent, "update", CONFIRMABLE)
    currency = known(params.text("currency") or intent.currency)
    amount = params.integer("amount") or intent.amount
    if "amount" in params:
        check_positive(params.required_integer("amount"), "amount")
    check_amount(amount, currency)
    if "application_fee_amount" in params:
        check_application_fee(call, params.integer("application_fee_amount"), amount, currency)
        intent.application_fee_amount = params.integer("application_fee_amount")
    intent.metadata = merged_metadata(intent.metadata, params)
    if name := params.text("payment_method"):
        intent.payment_method = payment_method(call, name).id
        intent.status = "requires_confirmation"
    intent.amount, intent.currency = amount, currency
    intent.capture_method = params.text("capture_method") or intent.capture_method
    _set_methods(intent, params)
    _set_texts(call, intent)
    return call.render(intent)


def capture(call: Call) -> Wire:
    """POST /v1/payment_intents/{intent}/capture: once, all or a part of what is authorized."""
    intent = call.intent()
    amount = call.params.integer("amount_to_capture")
    fee = call.params.integer("application_fee_amount")
    if amount is not None:
        check_positive(amount, "amount_to_capture")
        check_granularity(amount, intent.currency, "amount_to_capture")
    if call.params.flag("final_capture") is False:
        raise refused("Multicapture is not available for this payment.", "final_capture")
    _check_capturable(call, intent, amount)
    taken = amount or intent.amount_capturable
    check_application_fee(call, fee, taken, intent.currency)
    intent.metadata = merged_metadata(intent.metadata, call.params)
    _set_texts(call, intent)
    charge = call.book.charges[intent.latest_charge or ""]
    release.capture(call.world, call.book, intent, charge, taken, fee)
    payments.dispute_if_asked(call.world, call.book, charge)
    emit(call.world, call.book, "payment_intent.succeeded", intent)
    return call.render(intent)


def cancel(call: Call) -> Wire:
    """POST /v1/payment_intents/{intent}/cancel; a card payment in processing is not canceled."""
    intent = call.intent()
    check_state(call, intent, "cancel", CANCELABLE)
    reason = call.params.text("cancellation_reason")
    release.cancel(call.world, call.book, intent, reason)
    return call.render(intent)


def _confirmed(call: Call, intent: PaymentIntent) -> Wire:
    params = call.params
    intent.return_url = params.text("return_url") or intent.return_url
    absent = bool(params.flag("off_session") or params.text("off_session"))
    decline = payments.confirm(
        call.world,
        call.book,
        intent,
        present=not absent and not params.flag("error_on_requires_action"),
        use_sdk=bool(params.flag("use_stripe_sdk")),
    )
    if decline:
        raise payments.card_error(intent, decline, call.book.account.application)
    return call.render(intent)


def _set_methods(intent: PaymentIntent, params: Params) -> None:
    automatic = params.nested("automatic_payment_methods")
    types = params.texts("payment_method_types")
    if automatic and automatic.flag("enabled") and types:
        raise refused(
            "You may only specify one of these parameters: automatic_payment_methods, "
            "payment_method_types.",
            "payment_method_types",
        )
    if any(name != "card" for name in types):
        raise refused(
            "The payment method type provided is invalid: the sandbox takes cards only.",
            "payment_method_types",
            "payment_intent_invalid_parameter",
        )
    if types or (automatic and not automatic.flag("enabled")):
        intent.automatic = False
    elif automatic:
        intent.allow_redirects = automatic.text("allow_redirects") or "always"


def _set_texts(call: Call, intent: PaymentIntent) -> None:
    for name in TEXTS:
        if name in call.params:
            setattr(intent, name, call.params.text(name))
    if customer := call.params.text("customer"):
        shelf = call.book.customers
        intent.customer = found(shelf, customer, "customer", "customer", status=400).id


def _check_confirm_only(params: Params, *, confirm: bool) -> None:
    for name in ONLY_WITH_CONFIRM:
        if name in params and not confirm:
            raise refused(
                f"The parameter `{name}` cannot be passed when creating a PaymentIntent unless "
                "`confirm` is set to true.",
                name,
            )


def _check_capturable(call: Call, intent: PaymentIntent, amount: int | None) -> None:
    check_state(call, intent, "capture", ("requires_capture",))
    if amount is not None and amount > intent.amount_capturable:
        raise ApiError(
            400,
            "The requested capture amount is greater than the authorized amount.",
            code="amount_too_large",
            param="amount_to_capture",
            details={"payment_intent": call.render(intent)},
        )
