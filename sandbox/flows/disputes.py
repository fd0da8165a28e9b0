"""Disputes: money leaves when one opens and comes back when it is won."""

from sandbox.cards import DisputeKind
from sandbox.errors import ApiError, invalid
from sandbox.events import emit
from sandbox.fees import DISPUTE_FEE
from sandbox.flows import settlement
from sandbox.models import Charge, Dispute, FeeDetail
from sandbox.objects.disputes import CLOSED_STATUSES, INQUIRY_STATUSES, is_charge_refundable
from sandbox.world import Book, World

FEE = FeeDetail(DISPUTE_FEE, "stripe_fee", "Dispute fee")
RETURNED_FEE = FeeDetail(-DISPUTE_FEE, "stripe_fee", "Dispute fee refund")

NEXT: dict[str, frozenset[str]] = {
    "warning_needs_response": frozenset(
        ("warning_under_review", "warning_closed", "needs_response", "prevented")
    ),
    "warning_under_review": frozenset(("warning_closed", "needs_response", "prevented")),
    "needs_response": frozenset(("under_review", "won", "lost", "prevented")),
    "under_review": frozenset(("needs_response", "won", "lost", "prevented")),
    "won": frozenset(("needs_response", "under_review", "lost")),
    "lost": frozenset(("needs_response", "under_review", "won")),
    "warning_closed": frozenset(("needs_response",)),
    "prevented": frozenset(("needs_response",)),
}
"""Which status may follow which; the bank reopens and reverses decisions now and then."""

FIRST = ("needs_response", "warning_needs_response", "under_review", "lost", "prevented")
"""The statuses in which a dispute can be heard of first."""

_TAKING = frozenset(("needs_response", "under_review", "lost"))
"""The statuses in which the money is away."""


def open_dispute(
    world: World, book: Book, charge: Charge, kind: DisputeKind, amount: int | None = None
) -> Dispute:
    """Opens a dispute of ``amount`` (default: all that is left of the charge)."""
    dispute = Dispute(
        id=world.new_id("du_"),
        account=book.account.id,
        created=world.timestamp(),
        amount=amount or disputable(charge),
        currency=charge.currency,
        charge=charge.id,
        payment_intent=charge.payment_intent,
        reason=kind.reason,
        status=kind.status,
        case_type=kind.case_type,
        network_reason_code=kind.network_reason_code,
        brand=charge.card.brand,
    )
    world.add(book.disputes, dispute)
    charge.disputes.append(dispute)
    charge.disputed = True
    takes = kind.status in _TAKING
    if takes:
        _withdraw(world, book, dispute)
    emit(world, book, "charge.dispute.created", dispute)
    if takes:
        emit(world, book, "charge.dispute.funds_withdrawn", dispute)
    if kind.status in CLOSED_STATUSES:
        emit(world, book, "charge.dispute.closed", dispute)
    return dispute


def disputable(charge: Charge) -> int:
    """Minor units of the charge that neither went back nor are away by a dispute."""
    away = sum(dispute.amount for dispute in charge.disputes if dispute.withdrawn)
    return charge.amount_captured - refunded(charge) - away


def refunded(charge: Charge) -> int:
    """Minor units sent back to the card, releases not counted."""
    return sum(
        refund.amount
        for refund in charge.refunds
        if not refund.released and refund.status not in ("failed", "canceled")
    )


def check_refundable(charge: Charge) -> None:
    """Raises ApiError while a dispute of the charge forbids refunds."""
    if not all(is_charge_refundable(dispute) for dispute in charge.disputes):
        raise ApiError(
            400,
            f"Charge {charge.id} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )


def move(
    world: World, book: Book, dispute: Dispute, status: str, *, return_fee: bool = False
) -> None:
    """Moves a dispute on, with the money and the events that belong to it. With ``return_fee`` the
    money that comes back brings the dispute's fee along.

    Raises ApiError where the status cannot follow the present one.
    """
    if status not in NEXT[dispute.status]:
        raise invalid(f"A dispute cannot go from {dispute.status} to {status}.", "status")
    previous = {"status": dispute.status}
    dispute.status = status
    if status == "needs_response":
        dispute.case_type = "chargeback"
    closed = status in CLOSED_STATUSES
    if not dispute.withdrawn and status in _TAKING:
        _withdraw(world, book, dispute)
        emit(world, book, "charge.dispute.funds_withdrawn", dispute)
    elif dispute.withdrawn and status in ("won", "prevented"):
        _reinstate(world, book, dispute, return_fee=return_fee)
        emit(world, book, "charge.dispute.funds_reinstated", dispute)
    name = "charge.dispute.closed" if closed else "charge.dispute.updated"
    emit(world, book, name, dispute, dict(previous))


def check_open(dispute: Dispute) -> None:
    """Raises ApiError where nothing more can be answered."""
    if dispute.status in CLOSED_STATUSES:
        raise invalid("This dispute is already closed")


def respond(world: World, book: Book, dispute: Dispute) -> None:
    """Hands the evidence to the bank; Stripe's magic texts decide the dispute a little later."""
    dispute.submission_count += 1
    inquiry = dispute.status in INQUIRY_STATUSES
    under_review = "warning_under_review" if inquiry else "under_review"
    if dispute.status != under_review:
        move(world, book, dispute, under_review)
    else:
        emit(world, book, "charge.dispute.updated", dispute)
    magic = {
        "winning_evidence": "warning_closed" if inquiry else "won",
        "losing_evidence": "lost",
        "escalate_inquiry_evidence": "needs_response",
    }
    decided = magic.get(dispute.evidence.get("uncategorized_text", ""))
    if decided:
        delay = world.settings.evidence_delay_seconds
        world.after(delay, _decide, world, book, dispute, decided)


def _decide(world: World, book: Book, dispute: Dispute, status: str) -> None:
    if status in NEXT[dispute.status]:
        move(world, book, dispute, status)


def _withdraw(world: World, book: Book, dispute: Dispute) -> None:
    """Takes the money, and the fee when it is the first time."""
    transaction = settlement.post(
        world,
        book,
        amount=-dispute.amount,
        currency=dispute.currency,
        type_="adjustment",
        source=dispute.id,
        category="dispute",
        description=f"Chargeback withdrawal for {dispute.charge}",
        fee_details=() if dispute.balance_transactions else (FEE,),
    )
    dispute.balance_transactions.append(transaction)
    dispute.withdrawn = True


def _reinstate(world: World, book: Book, dispute: Dispute, *, return_fee: bool) -> None:
    transaction = settlement.post(
        world,
        book,
        amount=dispute.amount,
        currency=dispute.currency,
        type_="adjustment",
        source=dispute.id,
        category="dispute_reversal",
        description=f"Chargeback reversal for {dispute.charge}",
        fee_details=(RETURNED_FEE,) if return_fee else (),
    )
    dispute.balance_transactions.append(transaction)
    dispute.withdrawn = False
