"""What each fact of a payment puts into the books: one pure function for each.

A rule says what the books should say of its fact as it is known now; `posting` books the difference
to what they say. Written as tables: account, amount, currency. A debit is above zero, a credit
below. For every payment, in its own currency and once the gateway's fee is final,

    net = -(merchant_payable + platform_fee_receivable + gateway_fee_expense + dispute_loss).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from domain.dispute import Dispute, in_payment_currency
from domain.ledger import LedgerAccount, Posting
from domain.money import divide_half_up
from domain.payment import Payment, SettlementFacts
from domain.refund import Refund, RefundStatus
from domain.snapshot import FeeRefundSnapshot
from domain.tenant import GatewayMode

CLEARING = LedgerAccount.GATEWAY_CLEARING
PAYABLE = LedgerAccount.MERCHANT_PAYABLE
REVENUE = LedgerAccount.PLATFORM_FEE_REVENUE
RECEIVABLE = LedgerAccount.PLATFORM_FEE_RECEIVABLE
EXPENSE = LedgerAccount.GATEWAY_FEE_EXPENSE
HOLD = LedgerAccount.DISPUTE_HOLD
LOSS = LedgerAccount.DISPUTE_LOSS
FX = LedgerAccount.FX_CLEARING
DIFFERENCE = LedgerAccount.FX_DIFFERENCE

_Line = tuple[LedgerAccount, int, str]


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact by its key, what it is, and all that the books should hold of it: nothing, where it
    came to nothing."""

    key: str
    reason: str
    postings: tuple[Posting, ...]


def capture(payment: Payment, mode: GatewayMode) -> Fact:
    """Money taken. The platform's own account gives the merchant what is left of it; elsewhere the
    merchant has it all, and owes the fee."""
    currency, taken, fee = payment.currency, payment.captured, payment.platform_fee
    lines: tuple[_Line, ...]
    if mode is GatewayMode.PLATFORM:
        lines = (
            (CLEARING, taken, currency),
            (PAYABLE, fee - taken, currency),
            (REVENUE, -fee, currency),
        )
    else:
        lines = (
            (CLEARING, taken, currency),
            (PAYABLE, -taken, currency),
            (RECEIVABLE, fee, currency),
            (REVENUE, -fee, currency),
        )
    return Fact(f"capture:{payment.gateway_charge_id}", "captured", _postings(payment, lines))


def settlement(payment: Payment) -> Fact:
    """What the gateway kept, and the conversion where it settles in another currency."""
    settled, currency, fee = payment.settlement, payment.currency, payment.gateway_fee
    lines: tuple[_Line, ...] = ()
    if settled is not None and settled.currency == currency:
        lines = ((EXPENSE, fee, currency), (CLEARING, -fee, currency))
    elif settled is not None:
        lines = _converted(payment, settled)
    return Fact(f"settlement:{payment.gateway_charge_id}", "settled", _postings(payment, lines))


def _converted(payment: Payment, settled: SettlementFacts) -> tuple[_Line, ...]:
    currency, other = payment.currency, settled.currency
    return (
        (FX, payment.captured, currency),
        (CLEARING, -payment.captured, currency),
        (CLEARING, settled.amount, other),
        (FX, -settled.amount, other),
        (FX, settled.fee, other),
        (CLEARING, -settled.fee, other),
        (EXPENSE, payment.gateway_fee, currency),
        (FX, -payment.gateway_fee, currency),
    )


def application_fee(payment: Payment, platform_id: str) -> Fact:
    """What the gateway took of a connected account for the platform: it pays what is due, and
    stands in the platform's own account, whose gateway row is `platform_id`."""
    settled = payment.settlement
    fee = settled.application_fee if settled else None
    if settled is None or fee is None or fee.amount == 0:
        return Fact("application_fee:", "no application fee", ())
    lines: tuple[_Line, ...] = ((PAYABLE, fee.amount, payment.currency),)
    lines += ((RECEIVABLE, -fee.amount, payment.currency),)
    if settled.currency == payment.currency:
        lines += ((CLEARING, -fee.amount, payment.currency),)
    else:
        lines += ((FX, -fee.amount, payment.currency), (FX, fee.settled, settled.currency))
        lines += ((CLEARING, -fee.settled, settled.currency),)
    postings = (
        Posting(CLEARING, fee.amount, payment.currency, platform_id),
        *_postings(payment, lines),
    )
    return Fact(f"application_fee:{fee.id}", "application fee taken", postings)


def fee_refund(payment: Payment, returned: FeeRefundSnapshot, platform_id: str) -> Fact:
    """What of an application fee the platform gave back: it is the merchant's again."""
    amount, currency, settled = returned.amount, payment.currency, payment.settlement
    lines: tuple[_Line, ...] = ((RECEIVABLE, amount, currency), (PAYABLE, -amount, currency))
    if settled is None or settled.currency == currency:
        lines += ((CLEARING, amount, currency),)
    else:
        back = _returned(settled, returned)
        lines += ((FX, amount, currency), (FX, -back, settled.currency))
        lines += ((CLEARING, back, settled.currency),)
    postings = (Posting(CLEARING, -amount, currency, platform_id), *_postings(payment, lines))
    return Fact(
        f"fee_refund:{returned.gateway_fee_refund_id}", "application fee returned", postings
    )


def _returned(settled: SettlementFacts, returned: FeeRefundSnapshot) -> int:
    """What reached the account; where that is not shown, its share of what was taken."""
    fee = settled.application_fee
    if returned.settled is not None or fee is None or fee.amount == 0:
        return returned.settled or 0
    return divide_half_up(fee.settled * returned.amount, fee.amount)


def refund(payment: Payment, refunded: Refund, mode: GatewayMode) -> Fact:
    """Money given back, with its part of the platform's fee; nothing, unless it succeeded."""
    currency, given, fee = payment.currency, refunded.amount, refunded.platform_fee_refunded
    lines: tuple[_Line, ...] = ()
    if refunded.status is RefundStatus.SUCCEEDED and mode is GatewayMode.PLATFORM:
        lines = (
            (PAYABLE, given - fee, currency),
            (REVENUE, fee, currency),
            (CLEARING, -given, currency),
        )
    elif refunded.status is RefundStatus.SUCCEEDED:
        lines = (
            (PAYABLE, given, currency),
            (CLEARING, -given, currency),
            (REVENUE, fee, currency),
            (RECEIVABLE, -fee, currency),
        )
    reason = f"refund {refunded.status.lower()}"
    return Fact(f"refund:{refunded.gateway_refund_id}", reason, _postings(payment, lines))


def refund_settlement(payment: Payment, refunded: Refund) -> Fact:
    """The conversion of a refund that the gateway took in another currency, less what came back of
    one that failed."""
    settled, currency, lines = refunded.settlement, payment.currency, tuple[_Line, ...]()
    if settled is not None and settled.currency != currency:
        moved, other = taken_by(refunded), settled.currency
        lines = ((FX, moved, other), (CLEARING, -moved, other))
        if refunded.status is RefundStatus.SUCCEEDED:
            lines += ((CLEARING, refunded.amount, currency), (FX, -refunded.amount, currency))
    key = f"refund_settlement:{refunded.gateway_refund_id}"
    return Fact(key, "refund settled", _postings(payment, lines))


def taken_by(refunded: Refund) -> int:
    """What the refund took from the account for good, in minor units of its settlement's currency;
    one that failed took what did not come back, by the rates of the two days."""
    settled = refunded.settlement
    if settled is None:
        return 0
    if refunded.status is RefundStatus.SUCCEEDED:
        return settled.amount
    return 0 if settled.returned is None else settled.amount - settled.returned


def fx_difference(payment: Payment, refunds: Iterable[Refund]) -> Fact:
    """What refunds took more, or less, than their share of what was settled, since the rate had
    changed: with it the conversions of a payment that went back whole come to nothing."""
    settled, lines = payment.settlement, tuple[_Line, ...]()
    if settled is not None and settled.currency != payment.currency and payment.captured > 0:
        known = [one for one in refunds if _is_settled_in(one, settled.currency)]
        done = [one for one in known if one.status is RefundStatus.SUCCEEDED]
        share = divide_half_up(settled.amount * sum(at.amount for at in done), payment.captured)
        more = sum(taken_by(one) for one in known) - share
        lines = ((DIFFERENCE, more, settled.currency), (FX, -more, settled.currency))
    key = f"fx_difference:{payment.gateway_charge_id}"
    return Fact(key, "rate changed", _postings(payment, lines))


def _is_settled_in(refunded: Refund, currency: str) -> bool:
    return refunded.settlement is not None and refunded.settlement.currency == currency


def dispute(payment: Payment, disputed: Dispute) -> Fact:
    """Money that a dispute took: held until it is decided, then lost or back. Its fee is lost."""
    reason = f"dispute {disputed.status.lower()}"
    return Fact(
        f"dispute:{disputed.gateway_dispute_id}",
        reason,
        _postings(payment, _disputed(payment, disputed)),
    )


def _disputed(payment: Payment, disputed: Dispute) -> tuple[_Line, ...]:
    funds, currency = disputed.funds, payment.currency
    if funds is None:
        return ()
    gone = funds.withdrawn - funds.reinstated
    held = in_payment_currency(payment, disputed, gone - disputed.lost)
    lost = in_payment_currency(payment, disputed, disputed.lost)
    fee = in_payment_currency(payment, disputed, funds.fee)
    lines = ((HOLD, held, currency), (LOSS, lost + fee, currency))
    if funds.currency == currency:
        return (*lines, (CLEARING, -gone - funds.fee, currency))
    return (
        *lines,
        (FX, -held - lost - fee, currency),
        (FX, gone + funds.fee, funds.currency),
        (CLEARING, -gone - funds.fee, funds.currency),
    )


def _postings(payment: Payment, lines: tuple[_Line, ...]) -> tuple[Posting, ...]:
    return tuple(
        Posting(account, amount, currency, payment.gateway_id if account is CLEARING else None)
        for account, amount, currency in lines
        if amount
    )
