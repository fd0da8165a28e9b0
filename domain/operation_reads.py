"""What the gateway shows of an operation whose answer was lost. Reads alone, never the search
endpoint: it lags behind the truth."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from domain.answers import Answer, fee_refund_answer, intent_answer, refund_answer
from domain.gateway import PaymentGateway
from domain.operation import Operation, OperationKind
from domain.payment import Payment
from domain.ports import Clock
from domain.progress import SENDING_MAX
from domain.snapshot import IntentSnapshot
from domain.tenant import GatewayAccount

JOB_SECONDS = 6.0
"""How long a job waits for the gateway."""

LISTING_SPAN = timedelta(minutes=10)
"""How far around its sends an intent is looked for, by its `created`."""

SHARED = timedelta(seconds=5)
"""How old a listing may be that tells whether a request is to be repeated."""

RESEND_MAX = timedelta(minutes=10)
"""How long after the first send the same request may be sent again under the same key."""

_GRID = timedelta(minutes=5)
"""Listings begin and end at such times, so that neighbours have one in common."""


@dataclass(frozen=True, slots=True)
class _Listing:
    begun_at: datetime
    intents: asyncio.Task[Sequence[IntentSnapshot]]

    @property
    def has_failed(self) -> bool:
        """Whether it came to nothing."""
        task = self.intents
        return task.done() and (task.cancelled() or task.exception() is not None)


class IntentListings:
    """The listings of looks that begin together, some of them from looks a moment before: after an
    outage there are hundreds, and each listing holds what all of them are looking for."""

    def __init__(self, gateway: PaymentGateway, clock: Clock, recent: RecentListings) -> None:
        """`recent` is what all looks of one process have in common."""
        self._gateway = gateway
        self._clock = clock
        self._recent = recent
        self._since = clock.now()

    async def around(
        self, account: GatewayAccount, first: datetime, last: datetime
    ) -> Sequence[IntentSnapshot]:
        """The account's intents created from LISTING_SPAN before `first` to as long after `last`,
        its sends. Raises GatewayProblem."""
        begin = _floor(first - LISTING_SPAN)
        end = _floor(last + LISTING_SPAN) + _GRID
        span = (account.id, begin, end)
        known = self._recent.get(span)
        if known is None or known.has_failed or not self._serves(known, first, last):
            now = self._clock.now()
            self._forget(now)
            listing = asyncio.create_task(self._list(account, begin, end))
            known = self._recent[span] = _Listing(now, listing)
        return await known.intents

    def _serves(self, known: _Listing, first: datetime, last: datetime) -> bool:
        """One that began with these looks or after does. An older one tells whether a request is to
        be repeated under its key, if it began well after the last send; that a request never took
        effect, only a listing of its own proves."""
        if known.begun_at >= self._since:
            return True
        is_young = self._since - known.begun_at <= SHARED and self._since - first <= RESEND_MAX
        return is_young and known.begun_at - last > SENDING_MAX

    def _forget(self, now: datetime) -> None:
        old = [span for span, known in self._recent.items() if now - known.begun_at > SHARED]
        for span in old:
            del self._recent[span]

    async def _list(
        self, account: GatewayAccount, begin: datetime, end: datetime
    ) -> Sequence[IntentSnapshot]:
        return await self._gateway.list_intents(
            account, created_from=begin, created_until=end, timeout_seconds=JOB_SECONDS
        )


_Span = tuple[str, datetime, datetime]
RecentListings = dict[_Span, _Listing]


def _floor(moment: datetime) -> datetime:
    seconds = _GRID.total_seconds()
    return datetime.fromtimestamp(moment.timestamp() // seconds * seconds, UTC)


async def find_effect(
    gateway: PaymentGateway,
    listings: IntentListings,
    operation: Operation,
    payment: Payment,
    account: GatewayAccount,
) -> Answer | None:
    """What came of the operation; None when the gateway shows no sign of it. Raises
    GatewayProblem."""
    if operation.kind is OperationKind.REFUND:
        return await _find_refund(gateway, operation, payment, account)
    if operation.kind is OperationKind.FEE_REFUND:
        return await _find_fee_refund(gateway, operation, payment, account)
    if payment.gateway_payment_id is None:
        return await _find_intent(listings, operation, payment, account)
    intent = await gateway.read_intent(
        account, payment.gateway_payment_id, timeout_seconds=JOB_SECONDS
    )
    return intent_answer(operation.kind, intent)


def sent_between(operation: Operation) -> tuple[datetime, datetime]:
    """When it was sent first, and last."""
    first = operation.first_sent_at or operation.created_at
    return first, operation.last_sent_at or first


async def _find_intent(
    listings: IntentListings, operation: Operation, payment: Payment, account: GatewayAccount
) -> Answer | None:
    intents = await listings.around(account, *sent_between(operation))
    found = (intent for intent in intents if intent.tollgate_payment_id == payment.id)
    intent = next(found, None)
    return intent_answer(operation.kind, intent) if intent else None


async def _find_refund(
    gateway: PaymentGateway, operation: Operation, payment: Payment, account: GatewayAccount
) -> Answer | None:
    if payment.gateway_payment_id is None:
        return None
    refunds = await gateway.list_refunds(
        account, payment.gateway_payment_id, timeout_seconds=JOB_SECONDS
    )
    ours = (refund for refund in refunds if refund.tollgate_refund_id == operation.refund_id)
    refund = next(ours, None)
    return refund_answer(refund) if refund else None


async def _find_fee_refund(
    gateway: PaymentGateway, operation: Operation, payment: Payment, account: GatewayAccount
) -> Answer | None:
    fee = payment.settlement.application_fee if payment.settlement else None
    if fee is None:
        return None
    found = await gateway.list_fee_refunds(account, fee.id, timeout_seconds=JOB_SECONDS)
    ours = (each for each in found if each.tollgate_operation_id == operation.id)
    returned = next(ours, None)
    return fee_refund_answer(returned) if returned else None
