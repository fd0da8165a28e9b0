"""Booking by difference: what the rules say of a fact now, less what the books say of it.

So a fact that is told again books nothing, one that is taken back books its exact reversal, and the
sums do not depend on the order in which facts became known. Under the payment's lock, in the
transaction that writes the fact down.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from domain import posting_rules
from domain.dispute import Dispute
from domain.errors import NotFound
from domain.ids import Prefix, new_id
from domain.ledger import LedgerAccount, LedgerEntry, LedgerTransaction, Posting
from domain.payment import Payment
from domain.ports import Work
from domain.posting_rules import Fact
from domain.refund import Refund, RefundStatus
from domain.snapshot import FeeRefundSnapshot
from domain.tenant import GatewayMode

_Place = tuple[LedgerAccount, str, str | None]


async def post_payment(
    work: Work,
    before: Payment,
    after: Payment,
    disputes: Iterable[Dispute],
    mode: GatewayMode,
    now: datetime,
) -> None:
    """Books what was captured, what the gateway settled, and those disputes, whose money a new
    settlement converts otherwise, as it does what refunds lost by it. The payment must be locked.

    The charge names the facts, so nothing is booked before it is known.
    """
    if not _is_booked(after) or _money_of(before) == _money_of(after):
        return
    facts = [
        posting_rules.capture(after, mode),
        posting_rules.settlement(after),
        *(posting_rules.dispute(after, each) for each in disputes),
    ]
    if after.settlement is not None and after.settlement.application_fee is not None:
        platform = await work.tenants.platform_gateway(after.gateway_type, livemode=after.livemode)
        facts.append(posting_rules.application_fee(after, platform.id))
    if after.refunded > 0 and after.settlement != before.settlement:
        refunds = await work.refunds.of_payment(after.tenant_id, after.id)
        facts.append(posting_rules.fx_difference(after, refunds))
    await _post(work, after, facts, now, is_first=not _is_booked(before))


async def post_refunds(
    work: Work,
    payment: Payment,
    refunds: Sequence[Refund],
    before: Mapping[str, Refund],
    now: datetime,
) -> None:
    """Books what those refunds gave back that are not as they were `before`, by their ids, and what
    all of them lost by changes of the rate. The payment must be locked."""
    given = [refund for refund in refunds if _has_moved(before[refund.id], refund)]
    if not given:
        return
    mode = await _mode_of(work, payment)
    facts = [posting_rules.refund(payment, refund, mode) for refund in given]
    facts += [posting_rules.refund_settlement(payment, refund) for refund in given]
    facts.append(posting_rules.fx_difference(payment, refunds))
    await _post(work, payment, facts, now)


def _has_moved(before: Refund, after: Refund) -> bool:
    is_money = RefundStatus.SUCCEEDED in {before.status, after.status}
    return before != after and (is_money or before.settlement != after.settlement)


async def post_dispute(work: Work, payment: Payment, dispute: Dispute, now: datetime) -> None:
    """Books what the dispute took or gave back. The payment must be locked."""
    await _post(work, payment, [posting_rules.dispute(payment, dispute)], now)


async def post_fee_refunds(
    work: Work, payment: Payment, returned: Iterable[FeeRefundSnapshot], now: datetime
) -> None:
    """Books parts of the application fee that went back. The payment must be locked."""
    platform = await work.tenants.platform_gateway(payment.gateway_type, livemode=payment.livemode)
    facts = [posting_rules.fee_refund(payment, each, platform.id) for each in returned]
    await _post(work, payment, facts, now)


def differences(
    payment: Payment,
    booked: Sequence[LedgerTransaction],
    facts: Iterable[Fact],
    now: datetime,
) -> Iterator[LedgerTransaction]:
    """The transactions that make the books say what these facts say; none for what they say
    already. What is booked of other facts stays."""
    for fact in facts:
        before = [each for each in booked if each.fact == fact.key]
        postings = difference(
            fact.postings, [posting for each in before for posting in each.postings]
        )
        if postings:
            yield LedgerTransaction(
                id=new_id(Prefix.LEDGER_TRANSACTION),
                tenant_id=payment.tenant_id,
                payment_id=payment.id,
                fact_key=f"{fact.key}:{len(before) + 1}" if before else fact.key,
                corrects=fact.key if before else None,
                reason=fact.reason,
                created_at=now,
                entries=tuple(
                    LedgerEntry(new_id(Prefix.LEDGER_ENTRY), posting) for posting in postings
                ),
            )


def difference(due: Iterable[Posting], booked: Iterable[Posting]) -> Sequence[Posting]:
    """What is to be added to `booked` to make it `due`, one posting an account, debits first."""
    sums: dict[_Place, int] = {}
    for sign, postings in ((1, due), (-1, booked)):
        for posting in postings:
            place = (posting.account, posting.currency, posting.gateway_id)
            sums[place] = sums.get(place, 0) + sign * posting.amount
    left = [
        Posting(account, amount, currency, gateway_id)
        for (account, currency, gateway_id), amount in sums.items()
        if amount
    ]
    return sorted(left, key=lambda each: (-each.amount, each.account, each.currency))


async def _post(
    work: Work, payment: Payment, facts: Iterable[Fact], now: datetime, *, is_first: bool = False
) -> None:
    booked = () if is_first else await work.ledger.of_payment(payment.tenant_id, payment.id)
    await work.ledger.add(list(differences(payment, booked, facts, now)))


async def _mode_of(work: Work, payment: Payment) -> GatewayMode:
    gateway = await work.tenants.gateway_by_id(payment.gateway_id)
    if gateway is None:
        raise NotFound(payment.gateway_id)
    return gateway.mode


def _is_booked(payment: Payment) -> bool:
    return payment.captured > 0 and payment.gateway_charge_id is not None


def _money_of(payment: Payment) -> tuple[object, ...]:
    return (
        payment.captured,
        payment.platform_fee,
        payment.gateway_fee,
        payment.settlement,
        payment.gateway_charge_id,
    )
