"""Everything that an account at the gateway shows held against ours, a span of time after another.

Two lists tell of the span: the intents made in it and the movements of money in it. Payments that
both agree with are passed over; the others, and those that only we have, are compared by fresh
reads (`domain.comparing`), repaired where recording the gateway's word does it, and told of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from domain.caller import Actor
from domain.comparing import Compared, Comparison
from domain.differences import Difference, Label
from domain.errors import (
    GatewayListTooLong,
    GatewayRefused,
    GatewayUnknown,
    NotFound,
)
from domain.gateway_balance import MovementKind, ReconciledGateway
from domain.ids import Prefix, is_id
from domain.movement_sums import Span, books_agree
from domain.payment import DisputeState
from domain.ports import Clock, Wake
from domain.reconciled import Found, Reconciled, Results, Suspect, Touched, is_second, would_stay
from domain.reconciliation import ReconciliationDatabase, UnderWay
from domain.tenant import GatewayAccount

LIST_SECONDS = 10.0
"""How long the gateway may take for one page."""

WIDTH, WIDTH_MIN = timedelta(hours=6), timedelta(minutes=1)
"""What one span is long; half as long and again half where it holds too much."""

SUSPECTS_MAX = 500
"""A span with more payments to be read one by one is halved, so that there is progress."""


class SpanTooFull(Exception):
    """The span holds too many payments that must be read one by one."""


class Reconciler:
    """Compares spans. Without an actor to repair as, it writes nothing."""

    def __init__(
        self,
        database: ReconciliationDatabase,
        gateway: ReconciledGateway,
        wake: Wake,
        clock: Clock,
        *,
        repair_as: Actor | None,
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._clock = clock
        self._repair_as = repair_as
        self._comparison = Comparison(database, gateway, wake, clock)

    async def span(self, account: GatewayAccount, begin: datetime, end: datetime) -> Reconciled:
        """The first span from `begin` on, until `end` at the latest, a whole second
        (`judged_until`). Raises GatewayProblem, and SpanTooFull where not even the shortest can be
        read."""
        width, begin = WIDTH, begin.replace(microsecond=0)
        while True:
            span = Span(begin, min(begin + width, end))
            try:
                return await self._span(account, span, is_least=width <= WIDTH_MIN)
            except (GatewayListTooLong, SpanTooFull):
                if width <= WIDTH_MIN:
                    raise
                width = max(width / 2, WIDTH_MIN)

    async def under_way(
        self, account: GatewayAccount, *, after: str, limit: int
    ) -> tuple[Reconciled, str | None]:
        """What became of so many payments under way, from the first beyond `after` on, and the id
        of the last; None when there are no more. Raises GatewayProblem."""
        async with self._database.begin_across_tenants() as work:
            payments = await work.reconciliations.under_way(account.id, after=after, limit=limit)
        now = self._clock.now()
        results = Results()
        for each in payments:
            if not await self._stands(account, each):
                suspect = Suspect(each.tenant_id, each.payment_id)
                results.add(each.payment_id, await self._compared(suspect))
        last_id = payments[-1].payment_id if payments else None
        return results.of(Span(now, now), len(payments)), last_id

    async def _stands(self, account: GatewayAccount, under_way: UnderWay) -> bool:
        """Whether it is where we have it; one with open refunds or disputes is to be compared."""
        try:
            intent = await self._gateway.read_intent(
                account, under_way.gateway_payment_id, timeout_seconds=LIST_SECONDS
            )
        except (GatewayRefused, GatewayUnknown):
            return False
        async with self._database.begin(under_way.tenant_id) as work:
            payment = await work.payments.find(under_way.tenant_id, under_way.payment_id)
            if payment is None:
                raise NotFound(under_way.payment_id)
            row = await work.tenants.gateway_by_id(payment.gateway_id)
            if row is None:
                raise NotFound(payment.gateway_id)
        is_whole = payment.refund_pending == 0 and payment.dispute_status is not DisputeState.OPEN
        return is_whole and would_stay(payment, intent, row, self._clock.now())

    async def again(self, account: GatewayAccount, known: Sequence[Difference]) -> Reconciled:
        """What is left of differences that were found before. Raises GatewayProblem."""
        now = self._clock.now()
        results = Results()
        for subject_id, each in {each.subject_id: each for each in known}.items():
            results.add(subject_id, await self._looked_at_again(account, each))
        return results.of(Span(now, now), 0)

    async def _looked_at_again(self, account: GatewayAccount, known: Difference) -> Compared | None:
        if known.label is Label.MISSED_FEE_REFUND:
            return (await self._fee_refunds(account, [known.subject_id]))[known.subject_id]
        if not is_id(known.subject_id, Prefix.PAYMENT):
            return await self._intent_again(account, known.subject_id)
        async with self._database.begin_across_tenants() as work:
            payment = await work.inbox.find_payment(account, None, None, known.subject_id)
        if payment is None:
            return None
        suspect = Suspect(payment.tenant_id, payment.id, known.gateway_payment_id)
        return await self._compared(suspect)

    async def _intent_again(self, account: GatewayAccount, intent_id: str) -> Compared | None:
        try:
            intent = await self._gateway.read_intent(
                account, intent_id, timeout_seconds=LIST_SECONDS
            )
        except GatewayUnknown:
            return None
        except GatewayRefused:
            return Compared((), ())  # it is there no more
        found = await self._found(account, Touched(intent), None)
        return found if isinstance(found, Compared) else Compared((), ())

    async def _span(self, account: GatewayAccount, span: Span, *, is_least: bool) -> Reconciled:
        touched, fee_refund_ids = await self._listed(account, span)
        results, seen = Results(), set[str]()
        suspects: list[Suspect] = []
        for each in touched:
            found = await self._found(account, each, span)
            if isinstance(found, Compared):
                results.add(str(each.names[0]), found)
            elif found is not None:
                seen.add(found.payment_id)
                suspects += [] if found.is_in_step else [found.suspect]
        suspects += [
            each for each in await self._ours(account, span) if each.payment_id not in seen
        ]
        if len(suspects) > SUSPECTS_MAX and not is_least:
            raise SpanTooFull
        for suspect in suspects:
            results.add(suspect.payment_id, await self._compared(suspect))
        for fee_refund_id, of_fee in (await self._fee_refunds(account, fee_refund_ids)).items():
            results.add(fee_refund_id, of_fee)
        return results.of(span, len(seen | {each.payment_id for each in suspects}))

    async def _listed(
        self, account: GatewayAccount, span: Span
    ) -> tuple[Iterable[Touched], Sequence[str]]:
        """What the gateway has of the span, intent by intent, and the fee refunds in it."""
        until = span.end - timedelta(seconds=1)
        within = {"created_from": span.begin, "created_until": until}
        intents = await self._gateway.list_intents(account, **within, timeout_seconds=LIST_SECONDS)
        moved = await self._gateway.list_movements(account, **within, timeout_seconds=LIST_SECONDS)
        touched = {each.gateway_payment_id: Touched(each) for each in intents}
        for each in moved:
            intent_id = each.gateway_payment_id or each.gateway_charge_id
            if intent_id is not None:
                touched.setdefault(intent_id, Touched()).movements.append(each)
        returned = [each.source_id for each in moved if each.kind is MovementKind.FEE_REFUND]
        return touched.values(), returned

    async def _found(
        self, account: GatewayAccount, touched: Touched, span: Span | None
    ) -> Found | Compared | None:
        """The payment that it is of; what it makes differ where it is of none; None where it is
        nothing of ours."""
        async with self._database.begin_across_tenants() as work:
            payment = await work.inbox.find_payment(account, *touched.names)
            if payment is not None and not is_second(payment, touched):
                row = await work.tenants.gateway_by_id(payment.gateway_id)
                booked = await work.ledger.of_payment(payment.tenant_id, payment.id)
                is_in_step = (
                    row is not None
                    and span is not None
                    and would_stay(payment, touched.intent, row, span.end)
                    and books_agree(booked, touched.movements, payment, span)
                )
                suspect = Suspect(payment.tenant_id, payment.id, touched.names[0])
                return Found(suspect, is_in_step)
        return await self._of_nobody(account, touched, is_second=payment is not None)

    async def _of_nobody(
        self, account: GatewayAccount, touched: Touched, *, is_second: bool
    ) -> Compared | None:
        intent_id, _, payment_id = touched.names
        if intent_id is None or payment_id is None:
            return None  # somebody else's: the account may serve more than Tollgate
        intent = touched.intent or await self._gateway.read_intent(
            account, intent_id, timeout_seconds=LIST_SECONDS
        )
        if account.tenant_id not in {None, intent.tollgate_tenant_id}:
            return None  # another tenant's, who is paid through the same account
        label = Label.SECOND_INTENT if is_second else Label.UNKNOWN_PAYMENT
        return Compared((), await self._comparison.nobodys(account, intent, label))

    async def _ours(self, account: GatewayAccount, span: Span) -> list[Suspect]:
        rows: Sequence[tuple[str, str]]
        if account.tenant_id is not None:
            rows = [(account.tenant_id, account.id)]
        else:
            async with self._database.begin_across_tenants() as work:
                rows = await work.reconciliations.platform_rows(
                    account.gateway_type, livemode=account.livemode
                )
        found: list[Suspect] = []
        for tenant_id, gateway_id in rows:
            async with self._database.begin(tenant_id) as work:
                ids = await work.reconciliations.touched(tenant_id, gateway_id, span)
            found += [Suspect(tenant_id, payment_id) for payment_id in ids]
        return found

    async def _compared(self, suspect: Suspect) -> Compared | None:
        return await self._comparison.payment(
            suspect.tenant_id,
            suspect.payment_id,
            found_intent_id=suspect.found_intent_id,
            repair_as=self._repair_as,
        )

    async def _fee_refunds(
        self, account: GatewayAccount, fee_refund_ids: Sequence[str]
    ) -> Mapping[str, Compared]:
        """What the books of a connected account lack of fees that came back to it. What left the
        platform's account is the other side of the same."""
        tenant_id = account.tenant_id
        if tenant_id is None or not fee_refund_ids:
            return {}
        keys = {f"fee_refund:{id_}": id_ for id_ in fee_refund_ids}
        async with self._database.begin(tenant_id) as work:
            booked = await work.reconciliations.booked(tenant_id, keys.keys())
        label = Label.MISSED_FEE_REFUND
        return {
            id_: Compared(
                (), () if key in booked else (Difference(label, id_, tenant_id, "nothing", id_),)
            )
            for key, id_ in keys.items()
        }
