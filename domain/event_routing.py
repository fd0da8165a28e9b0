"""Whose an event is: the row that it came in by, and the payment that it speaks of there.

Mode and account are checked before anything is looked up. A tenant signs with its own secret what
it likes: whatever the event says, it reaches the payments of the row it came in by and no others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from domain.errors import GatewayRefused, NotFound
from domain.event_types import Subject
from domain.gateway import GatewayReader
from domain.inbox import WebhookEvent
from domain.operation_reads import JOB_SECONDS
from domain.payment import Payment
from domain.ports import Database
from domain.tenant import GatewayAccount, GatewayMode

_WITHOUT_OUR_IDS = frozenset({"refund", "dispute"})
"""What can be made without Tollgate, and then carries none of our metadata, or never does."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The event has nothing to say to anybody here, for this reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """The payment, and the account by which it is read: its own, not the one that was heard."""

    payment: Payment
    account: GatewayAccount


@dataclass(frozen=True, slots=True)
class Route:
    """Where an event leads: the row it came in by, and what was found there."""

    subject: Subject
    came_by: GatewayAccount
    found: Found | None = None


class Router:
    """Finds where events lead."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._platform_account_id: str | None = None

    async def route(
        self, event: WebhookEvent, subject: Subject, reads: GatewayReader | None
    ) -> Route | Refused:
        """Where the event leads. Through `reads` the gateway is asked, with no transaction open,
        for the intent of a refund or dispute that nobody here knows: whose it is stands on the
        intent alone. Raises GatewayProblem.
        """
        async with self._database.begin_across_tenants() as work:
            came_by = await work.tenants.gateway_by_id(event.gateway_id)
        if came_by is None or came_by.livemode is not event.livemode:
            return Refused("The event is of the other mode than its account.")
        if not await self._is_of_its_account(event, came_by, reads):
            return Refused("The event is of another account than its endpoint.")
        route = await self._route(came_by, subject)
        if route.found is None and reads is not None and _may_be_ours_unnamed(event, subject):
            return await self._route(came_by, await _asked(came_by, subject, reads))
        return route

    async def _is_of_its_account(
        self, event: WebhookEvent, came_by: GatewayAccount, reads: GatewayReader | None
    ) -> bool:
        if came_by.mode is GatewayMode.CONNECT:
            return event.account == came_by.account_id
        if event.account is None:
            return True
        if came_by.tenant_id is not None:
            return event.account == came_by.key_account_id
        if self._platform_account_id is None and reads is not None:
            facts = await reads.check_account(came_by, timeout_seconds=JOB_SECONDS)
            self._platform_account_id = facts.account_id
        return event.account == self._platform_account_id

    async def _route(self, came_by: GatewayAccount, subject: Subject) -> Route:
        async with self._database.begin_across_tenants() as work:
            payment = await work.inbox.find_payment(
                came_by, subject.gateway_payment_id, subject.gateway_charge_id, subject.payment_id
            )
            if payment is None:
                return Route(subject, came_by)
            account = await work.tenants.gateway_by_id(payment.gateway_id)
        if account is None:
            raise NotFound(payment.gateway_id)
        return Route(subject, came_by, Found(payment, account))


def _may_be_ours_unnamed(event: WebhookEvent, subject: Subject) -> bool:
    return subject.payment_id is None and event.object_type in _WITHOUT_OUR_IDS


async def _asked(came_by: GatewayAccount, subject: Subject, reads: GatewayReader) -> Subject:
    """The subject with what the gateway says of it; what it does not know is nobody's."""
    try:
        if subject.gateway_payment_id is None and subject.gateway_refund_id is not None:
            # Older shapes name the charge alone.
            refund = await reads.read_refund(
                came_by, subject.gateway_refund_id, timeout_seconds=JOB_SECONDS
            )
            subject = replace(subject, gateway_payment_id=refund.gateway_payment_id)
        if subject.gateway_payment_id is None:
            return subject
        intent = await reads.read_intent(
            came_by, subject.gateway_payment_id, timeout_seconds=JOB_SECONDS
        )
    except GatewayRefused:
        return subject
    return replace(subject, payment_id=intent.tollgate_payment_id)
