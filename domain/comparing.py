"""One payment, or one intent that is no payment's, held against the gateway, and mended."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.caller import Actor
from domain.differences import Difference, Label, OnRecord, differences, is_moving
from domain.errors import (
    GatewayRefused,
    GatewayUnknown,
    GatewayUnreached,
    NotFound,
    SnapshotMismatch,
)
from domain.event_ends import READS_MAX
from domain.event_reading import READ_TIMEOUT_SECONDS, Picture, read_everything
from domain.gateway import PaymentGateway
from domain.ports import Clock, Database, Wake
from domain.recording import TooEarly
from domain.snapshot import IntentSnapshot, IntentStatus
from domain.syncing import PaymentMoves, PaymentSync
from domain.tenant import GatewayAccount

GRACE = timedelta(minutes=15)
"""What was begun less long ago is not judged: its answer or its event may be on its way, and an
alert calls for people if an operation is not settled by then."""


def judged_until(now: datetime) -> datetime:
    """The end of what is judged, in whole seconds, as gateways list."""
    return (now - GRACE).replace(microsecond=0)


MISSING = "resource_missing"
"""Stripe's code for what it does not have (docs.stripe.com/error-codes)."""

_NOT_READ = frozenset({Label.MISSING_AT_GATEWAY, Label.UNREADABLE})
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Compared:
    """What differed and does no more, and what differs still."""

    repaired: tuple[Difference, ...]
    left: tuple[Difference, ...]


class Comparison:
    """Compares by fresh reads of the gateway, with no transaction open meanwhile."""

    def __init__(
        self, database: Database, gateway: PaymentGateway, wake: Wake, clock: Clock
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._clock = clock
        self._syncing = PaymentSync(database, gateway, wake, clock)

    async def payment(
        self,
        tenant_id: str,
        payment_id: str,
        *,
        found_intent_id: str | None = None,
        repair_as: Actor | None = None,
    ) -> Compared | None:
        """The payment's differences, after a repair in the actor's name if there is one; None while
        it moves. A repair records what the gateway says, and sends nothing that moves money.

        Raises NotFound, and GatewayProblem where the gateway is away or refuses the credentials.
        """
        before = await self._differences(tenant_id, payment_id, found_intent_id)
        if before is None:
            return None
        if repair_as is None or all(each.label in _NOT_READ for each in before):
            return Compared((), before)
        try:
            await self._syncing.sync(
                tenant_id, payment_id, repair_as, found_intent_id=found_intent_id
            )
        except (SnapshotMismatch, TooEarly, PaymentMoves) as problem:
            _log.warning("%s was not repaired: %s", payment_id, problem)
        after = await self._differences(tenant_id, payment_id, found_intent_id)
        if after is None:
            return None
        repaired = tuple(each for each in before if each.label not in {at.label for at in after})
        return Compared(repaired, after)

    async def nobodys(
        self, account: GatewayAccount, intent: IntentSnapshot, label: Label
    ) -> tuple[Difference, ...]:
        """The difference that an intent makes which belongs to no payment of ours, or to one that
        has another: none, unless it has or may still take money. Raises GatewayProblem."""
        kept = intent.amount_capturable
        if intent.status is IntentStatus.SUCCEEDED:
            refunds = await self._gateway.list_refunds(
                account, intent.gateway_payment_id, timeout_seconds=READ_TIMEOUT_SECONDS
            )
            returned = sum(each.amount for each in refunds if not each.has_failed)
            kept = intent.amount_received - returned
        if kept <= 0 and intent.status is not IntentStatus.PROCESSING:
            return ()
        theirs = f"{intent.status} with {kept} {intent.currency}"
        ours = intent.tollgate_payment_id or "nothing"
        return (Difference(label, intent.gateway_payment_id, account.tenant_id, ours, theirs),)

    async def _differences(
        self, tenant_id: str, payment_id: str, found_intent_id: str | None
    ) -> tuple[Difference, ...] | None:
        since = self._clock.now() - GRACE
        for _ in range(READS_MAX):
            record, account = await self._on_record(tenant_id, payment_id)
            intent_id = record.payment.gateway_payment_id or found_intent_id
            if intent_id is None:
                return ()
            picture = await self._picture(account, record, intent_id)
            if isinstance(picture, Difference):
                return (picture,)
            if is_moving(record, picture, since):
                return None
            again, _ = await self._on_record(tenant_id, payment_id)
            if again.payment.version == record.payment.version:
                return differences(record, picture, self._clock.now())
        return None

    async def _picture(
        self, account: GatewayAccount, record: OnRecord, intent_id: str
    ) -> Picture | Difference:
        payment = record.payment
        try:
            return await self._insist(account, intent_id)
        except (GatewayRefused, GatewayUnknown) as problem:
            is_missing = problem.gateway_code == MISSING
            label = Label.MISSING_AT_GATEWAY if is_missing else Label.UNREADABLE
            told = f"{intent_id}: {problem}"
            return Difference(label, payment.id, payment.tenant_id, payment.status, told, intent_id)

    async def _insist(self, account: GatewayAccount, intent_id: str) -> Picture:
        """The picture, at the second try if the first had no answer and the gateway is there:
        otherwise an outage would look like a fault of each payment."""
        try:
            return await read_everything(self._gateway, account, intent_id)
        except GatewayUnknown:
            try:
                await self._gateway.check_account(account, timeout_seconds=READ_TIMEOUT_SECONDS)
            except GatewayUnknown as away:
                raise GatewayUnreached(f"the gateway is away: {away}") from away
        return await read_everything(self._gateway, account, intent_id)

    async def _on_record(self, tenant_id: str, payment_id: str) -> tuple[OnRecord, GatewayAccount]:
        async with self._database.begin(tenant_id) as work:
            payment = await work.payments.find(tenant_id, payment_id)
            if payment is None:
                raise NotFound(payment_id)
            account = await work.tenants.gateway_by_id(payment.gateway_id)
            if account is None:
                raise NotFound(payment.gateway_id)
            record = OnRecord(
                payment=payment,
                schedule=account.fee_schedule,
                refunds=await work.refunds.of_payment(tenant_id, payment_id),
                disputes=await work.disputes.of_payment(tenant_id, payment_id),
                booked=await work.ledger.of_payment(tenant_id, payment_id),
                open_operations=await work.operations.open_of_payment(tenant_id, payment_id),
            )
        return record, account
