"""What the gateway shows of an operation whose answer was lost. Reads alone, never the search
endpoint: it lags behind the truth."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from domain.answers import Answer, fee_refund_answer, intent_answer, refund_answer
from domain.gateway import PaymentGateway
from domain.operation import Operation, OperationKind
from domain.payment import Payment
from domain.snapshot import IntentSnapshot
from domain.tenant import GatewayAccount

JOB_SECONDS = 6.0
"""How long a job waits for the gateway."""

LISTING_SPAN = timedelta(minutes=10)
"""How far around its sends an intent is looked for, by its `created`."""

_GRID = timedelta(minutes=5)
"""Listings begin and end at such times, so that neighbours have one in common."""


class IntentListings:
    """Listings that looks which begin together share: after an outage there are hundreds of them,
    and each listing holds what all are looking for."""

    def __init__(self, gateway: PaymentGateway) -> None:
        self._gateway = gateway
        self._begun: dict[_Span, asyncio.Task[Sequence[IntentSnapshot]]] = {}

    async def around(
        self, account: GatewayAccount, first: datetime, last: datetime
    ) -> Sequence[IntentSnapshot]:
        """The account's intents created from LISTING_SPAN before `first` to as long after `last`.
        Raises GatewayProblem."""
        begin = _floor(first - LISTING_SPAN)
        end = _floor(last + LISTING_SPAN) + _GRID
        span = (account.id, begin, end)
        if span not in self._begun:
            self._begun[span] = asyncio.create_task(self._list(account, begin, end))
        return await self._begun[span]

    async def _list(
        self, account: GatewayAccount, begin: datetime, end: datetime
    ) -> Sequence[IntentSnapshot]:
        return await self._gateway.list_intents(
            account, created_from=begin, created_until=end, timeout_seconds=JOB_SECONDS
        )


_Span = tuple[str, datetime, datetime]


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
