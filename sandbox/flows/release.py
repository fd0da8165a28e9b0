"""Capturing an authorization, and letting it go."""

from sandbox.events import emit
from sandbox.flows import settlement
from sandbox.models import Charge, PaymentIntent, Refund
from sandbox.world import Book, World


def capture(
    world: World, book: Book, intent: PaymentIntent, charge: Charge, amount: int, fee: int | None
) -> None:
    """Captures ``amount`` minor units once; the rest is released and shows as refunded.

    ``fee`` replaces the application fee of the intent; without it that fee stays, at most the
    captured amount.
    """
    charge.captured = True
    charge.amount_captured = amount
    if fee is not None:
        intent.application_fee_amount = fee
    if intent.application_fee_amount is not None:
        charge.application_fee_amount = min(intent.application_fee_amount, amount)
    _let_go(world, book, charge, charge.amount - amount, None)
    intent.status = "succeeded"
    intent.amount_capturable = 0
    intent.amount_received = amount
    settlement.settle(world, book, charge)
    emit(world, book, "charge.captured", charge)


def cancel(world: World, book: Book, intent: PaymentIntent, reason: str | None) -> None:
    """Cancels an intent and releases what was authorized."""
    charge = book.charges.get(intent.latest_charge or "")
    _close(world, intent, reason)
    if charge and charge.status == "succeeded":
        _let_go(world, book, charge, charge.amount, None)
        emit(world, book, "charge.refunded", charge)
    emit(world, book, "payment_intent.canceled", intent)


def expire(world: World, book: Book, intent: PaymentIntent) -> None:
    """The authorization runs out: the intent is canceled by Stripe itself."""
    charge = book.charges[intent.latest_charge or ""]
    _close(world, intent, "automatic")
    _let_go(world, book, charge, charge.amount, "expired_uncaptured_charge")
    emit(world, book, "charge.expired", charge)
    emit(world, book, "payment_intent.canceled", intent)


def expire_if_waiting(world: World, book: Book, intent: PaymentIntent) -> None:
    """Expires the authorization unless it was captured or canceled meanwhile."""
    if intent.status == "requires_capture":
        expire(world, book, intent)


def _close(world: World, intent: PaymentIntent, reason: str | None) -> None:
    intent.status = "canceled"
    intent.amount_capturable = 0
    intent.canceled_at = world.timestamp()
    intent.cancellation_reason = reason
    intent.next_action = None


def _let_go(world: World, book: Book, charge: Charge, amount: int, reason: str | None) -> None:
    if amount == 0:
        return
    released = Refund(
        id=world.new_id("re_"),
        account=book.account.id,
        created=world.timestamp(),
        amount=amount,
        currency=charge.currency,
        charge=charge.id,
        payment_intent=charge.payment_intent,
        status="succeeded",
        reason=reason,
        released=True,
    )
    world.add(book.refunds, released)
    charge.refunds.append(released)
    charge.amount_refunded += amount
