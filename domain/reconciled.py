"""What a reconciliation finds on its way: what a span tells of an intent, whose it is, and what
came of comparing it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from domain.applying import apply_snapshot
from domain.comparing import Compared
from domain.differences import Difference
from domain.errors import SnapshotMismatch
from domain.gateway_balance import Movement
from domain.movement_sums import Span
from domain.payment import Payment
from domain.snapshot import IntentSnapshot
from domain.tenant import GatewayAccount


@dataclass(slots=True)
class Touched:
    """What a span tells of one intent."""

    intent: IntentSnapshot | None = None
    movements: list[Movement] = field(default_factory=list)

    @property
    def names(self) -> tuple[str | None, str | None, str | None]:
        """The intent's id, the charge's, and that of our payment, as far as they are told."""
        if self.intent is not None:
            found = self.intent
            return found.gateway_payment_id, found.gateway_charge_id, found.tollgate_payment_id
        moved = self.movements[0]
        return moved.gateway_payment_id, moved.gateway_charge_id, moved.tollgate_payment_id


@dataclass(frozen=True, slots=True)
class Suspect:
    """A payment to be read by itself, and the intent that was found for it."""

    tenant_id: str
    payment_id: str
    found_intent_id: str | None = None


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a span showed. `subject_ids` are those whose differences are known now."""

    span: Span
    payments: int
    subject_ids: frozenset[str]
    repaired: tuple[Difference, ...]
    left: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A payment of ours, and whether nothing speaks against it."""

    suspect: Suspect
    is_in_step: bool

    @property
    def payment_id(self) -> str:
        """Ours."""
        return self.suspect.payment_id


class Results:
    """What was compared so far, a subject at a time."""

    def __init__(self) -> None:
        self.subject_ids: set[str] = set()
        self._repaired: list[Difference] = []
        self._left: list[Difference] = []

    def add(self, subject_id: str, compared: Compared | None) -> None:
        """One subject; None where it could not be told."""
        if compared is not None:
            self.subject_ids.add(subject_id)
            self._repaired += compared.repaired
            self._left += compared.left

    def of(self, span: Span, payments: int) -> Reconciled:
        """All of them."""
        ids = frozenset(self.subject_ids)
        return Reconciled(span, payments, ids, tuple(self._repaired), tuple(self._left))


def is_second(payment: Payment, touched: Touched) -> bool:
    """Whether the payment has another intent than this one, which names it."""
    intent_id = touched.names[0]
    return intent_id is not None and payment.gateway_payment_id not in {None, intent_id}


def would_stay(
    payment: Payment, intent: IntentSnapshot | None, row: GatewayAccount, now: datetime
) -> bool:
    """Whether recording the intent would change nothing."""
    if intent is None:
        return True
    try:
        applied = apply_snapshot(payment, intent, row.fee_schedule, now)
    except SnapshotMismatch:
        return False
    return applied.payment == payment and not applied.superseded
