"""Refunds of captured charges, and of application fees."""

from sandbox.cards import Behaviour
from sandbox.errors import invalid
from sandbox.events import emit
from sandbox.fees import proportion
from sandbox.flows import settlement
from sandbox.flows.disputes import refunded
from sandbox.models import ApplicationFee, Charge, FeeRefund, Refund
from sandbox.world import Book, World

NEXT: dict[str, frozenset[str]] = {
    "pending": frozenset(("succeeded", "failed", "canceled", "requires_action")),
    "requires_action": frozenset(("pending", "succeeded", "failed", "canceled")),
    "succeeded": frozenset(("failed", "canceled")),
    "failed": frozenset(),
    "canceled": frozenset(),
}
"""Which status may follow which; a refund can fail long after it succeeded."""


def refund(
    world: World,
    book: Book,
    charge: Charge,
    *,
    amount: int,
    reason: str | None,
    metadata: dict[str, str],
    with_application_fee: bool,
) -> Refund:
    """Sends ``amount`` minor units back; the caller has checked that it may."""
    behaviour = charge.card.behaviour
    made = Refund(
        id=world.new_id("re_"),
        account=book.account.id,
        created=world.timestamp(),
        amount=amount,
        currency=charge.currency,
        charge=charge.id,
        payment_intent=charge.payment_intent,
        status="pending" if behaviour is Behaviour.REFUND_PENDING else "succeeded",
        reason=reason,
        metadata=metadata,
    )
    world.add(book.refunds, made)
    charge.refunds.append(made)
    previous = {"amount_refunded": charge.amount_refunded}
    charge.amount_refunded += amount
    made.balance_transaction = _post(world, book, made, "refund", -amount)
    if with_application_fee:
        _refund_share(world, book, charge)
    emit(world, book, "refund.created", made)
    emit(world, book, "charge.refunded", charge, dict(previous))
    _later(world, book, made, behaviour)
    return made


def move(
    world: World, book: Book, refund_: Refund, status: str, failure_reason: str | None = None
) -> None:
    """Moves a refund on; one that fails or is canceled brings the money back.

    Raises ApiError where the status cannot follow the present one.
    """
    if refund_.released:
        raise invalid(f"{refund_.id} is a released authorization: it moved no money.")
    if status not in NEXT[refund_.status]:
        raise invalid(f"A refund cannot go from {refund_.status} to {status}.", "status")
    previous = {"status": refund_.status}
    refund_.status = status
    if status in ("failed", "canceled"):
        charge = book.charges[refund_.charge]
        charge.amount_refunded -= refund_.amount
        refund_.failure_reason = failure_reason or ("unknown" if status == "failed" else None)
        refund_.failure_balance_transaction = _post(
            world, book, refund_, "refund_failure", refund_.amount
        )
    if status == "failed":
        emit(world, book, "refund.failed", refund_)
    emit(world, book, "refund.updated", refund_, dict(previous))
    emit(world, book, "charge.refund.updated", refund_, dict(previous))


def refund_fee(
    world: World, fee: ApplicationFee, amount: int, metadata: dict[str, str] | None = None
) -> FeeRefund:
    """Gives a part of an application fee back to the connected account."""
    platform = world.books[fee.account]
    made = FeeRefund(
        id=world.new_id("fr_"),
        account=fee.account,
        created=world.timestamp(),
        amount=amount,
        currency=fee.currency,
        fee=fee.id,
        metadata=metadata or {},
    )
    world.add(platform.fee_refunds, made)
    fee.refunds.append(made)
    fee.amount_refunded += amount
    made.balance_transaction = settlement.post(
        world,
        platform,
        amount=-amount,
        currency=fee.currency,
        type_="application_fee_refund",
        source=made.id,
        category="platform_earning_refund",
    ).id
    settlement.post(
        world,
        world.books[fee.payer],
        amount=amount,
        currency=fee.currency,
        type_="adjustment",
        source=made.id,
        category="other_adjustment",
        description=f"Application fee refund for {fee.charge}",
    )
    emit(world, platform, "application_fee.refunded", fee)
    return made


def _refund_share(world: World, book: Book, charge: Charge) -> None:
    platform = world.books[book.account.platform or ""]
    fee = platform.application_fees[charge.application_fee or ""]
    owed = proportion(fee.amount, refunded(charge), charge.amount_captured)
    part = min(owed, fee.amount) - fee.amount_refunded
    if part > 0:
        refund_fee(world, fee, part)


def _later(world: World, book: Book, made: Refund, behaviour: Behaviour) -> None:
    delay = world.settings.refund_delay_seconds
    if behaviour is Behaviour.REFUND_PENDING:
        world.after(delay, _move_from, world, book, made, "pending", "succeeded")
    elif behaviour is Behaviour.REFUND_FAIL:
        world.after(delay, _move_from, world, book, made, "succeeded", "failed")


def _move_from(world: World, book: Book, made: Refund, present: str, status: str) -> None:
    if made.status == present:
        move(world, book, made, status, "lost_or_stolen_card" if status == "failed" else None)


def _post(world: World, book: Book, refund_: Refund, type_: str, amount: int) -> str:
    return settlement.post(
        world,
        book,
        amount=amount,
        currency=refund_.currency,
        type_=type_,
        source=refund_.id,
        description=f"{type_.replace('_', ' ').upper()} FOR CHARGE ({refund_.charge})",
    ).id
