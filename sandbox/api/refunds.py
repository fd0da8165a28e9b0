"""/v1/refunds."""

from sandbox.api.call import Call, found
from sandbox.api.lists import page
from sandbox.currencies import check_granularity, check_positive, display
from sandbox.errors import invalid, refused
from sandbox.flows import refunds, settlement
from sandbox.flows.disputes import check_refundable, refunded
from sandbox.models import Charge, Refund
from sandbox.params import merged_metadata
from sandbox.wire import Wire


def create(call: Call) -> Wire:
    """POST /v1/refunds: of a charge or of an intent's charge, all that is left or a part."""
    params = call.params
    amount = params.integer("amount")
    if amount is not None:
        check_positive(amount, "amount")
    metadata = merged_metadata({}, params)
    charge = _charge(call)
    if amount is not None:
        check_granularity(amount, charge.currency, "amount")
    check_refundable(charge)
    if charge.balance_transaction is None:
        settlement.settle_later(call.world, call.book, charge)
    with_fee = bool(params.flag("refund_application_fee"))
    if with_fee and charge.application_fee is None:
        raise invalid(
            f"Attempting to refund_application_fee on charge {charge.id}, but it has no "
            "application fee.",
            "refund_application_fee",
        )
    made = refunds.refund(
        call.world,
        call.book,
        charge,
        amount=_checked_amount(charge, amount),
        reason=params.text("reason"),
        metadata=metadata,
        with_application_fee=with_fee,
    )
    return call.render(made)


def retrieve(call: Call) -> Wire:
    """GET /v1/refunds/{refund}."""
    return call.render(_refund(call))


def list_(call: Call) -> Wire:
    """GET /v1/refunds, released authorizations among them."""
    charge = call.params.text("charge")
    intent = call.params.text("payment_intent")

    def matches(refund: Refund) -> bool:
        return (charge is None or refund.charge == charge) and (
            intent is None or refund.payment_intent == intent
        )

    return page(call, call.book.refunds, "/v1/refunds", "refund", matches)


def update(call: Call) -> Wire:
    """POST /v1/refunds/{refund}: metadata only."""
    refund = _refund(call)
    refund.metadata = merged_metadata(refund.metadata, call.params)
    return call.render(refund)


def cancel(call: Call) -> Wire:
    """POST /v1/refunds/{refund}/cancel: only while the refund waits for the shopper."""
    refund = _refund(call)
    if refund.status != "requires_action":
        raise invalid("Canceling this refund is unsupported.")
    refunds.move(call.world, call.book, refund, "canceled", "merchant_request")
    return call.render(refund)


def _refund(call: Call) -> Refund:
    return found(call.book.refunds, call.ids[0], "refund", "id")


def _charge(call: Call) -> Charge:
    named = call.params.text("charge")
    intent_id = call.params.text("payment_intent")
    if named is None and intent_id is None:
        raise refused(
            "One of the following params should be provided for this request: payment_intent or "
            "charge."
        )
    if intent_id is not None:
        intent = found(call.book.intents, intent_id, "payment_intent", "payment_intent")
        charge = call.book.charges.get(intent.latest_charge or "")
        if named is not None and (charge is None or charge.id != named):
            raise invalid(f"Charge {named} does not belong to {intent_id}.", "charge")
        return _captured(charge, intent_id)
    charge = found(call.book.charges, named or "", "charge", "id")
    return _captured(charge, charge.payment_intent)


def _captured(charge: Charge | None, intent: str) -> Charge:
    if charge is not None and charge.status == "succeeded" and charge.captured:
        return charge
    if charge is not None and charge.status == "succeeded" and charge.amount_refunded == 0:
        raise invalid(
            f"This PaymentIntent ({intent}) has not been captured. You must cancel the "
            "PaymentIntent instead of refunding it."
        )
    raise invalid(f"This PaymentIntent ({intent}) does not have a successful charge to refund.")


def _checked_amount(charge: Charge, amount: int | None) -> int:
    left = charge.amount_captured - refunded(charge)
    if left == 0:
        raise invalid(
            f"Charge {charge.id} has already been refunded.", code="charge_already_refunded"
        )
    if amount is not None and amount > left:
        asked, rest = display(amount, charge.currency), display(left, charge.currency)
        raise invalid(
            f"Refund amount ({asked}) is greater than unrefunded amount on charge ({rest})",
            "amount",
        )
    return amount or left
