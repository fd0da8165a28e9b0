"""The daily rounds: every account reconciled from where it was left, repaired, and told of.

What a span showed is written down before the next one begins, so that a round may be broken off
anywhere; differences that are left are looked at again each day until they are gone.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.alert_rules import AlertRule
from domain.alerting import open_alert
from domain.caller import Actor, AuditActorType
from domain.comparing import judged_until
from domain.errors import GatewayProblem, NotFound
from domain.ports import Clock
from domain.reconciled import Reconciled
from domain.reconciliation import Reconciliation, ReconciliationDatabase
from domain.reconciling import Reconciler, SpanTooFull
from domain.tenant import GatewayAccount
from domain.webhook_cursors import is_in_use

RECONCILER = Actor(AuditActorType.SYSTEM, "reconciliation")

EVERY = timedelta(days=1)
"""How far apart two rounds over an account are."""

AGAIN = timedelta(hours=1)
"""How soon an account is tried again that could not be read."""

OVERLAP = timedelta(hours=1)
"""How much of what was reconciled before is looked at again: what moved then was not judged."""

OLDEST = timedelta(days=30)
"""How far back an account's first round goes."""

LOOKED_AT = 100
"""Payments under way that are looked at in one step."""

FAILURES_MAX = 3
"""An account that could not be read so many times on end has an alert."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Round:
    """A round over one account under way: where it stands, until when it goes, and what its last
    step showed."""

    account: GatewayAccount
    row: Reconciliation
    begin: datetime
    until: datetime
    last: Reconciled | None = None
    is_over: bool = False


class ReconciliationRounds:
    """Rounds over accounts: one that is `due` or `asked` for, then `step` until it is over or
    `put_back`."""

    def __init__(
        self,
        database: ReconciliationDatabase,
        reconciler: Reconciler,
        clock: Clock,
        *,
        looked_at: int = LOOKED_AT,
    ) -> None:
        self._looked_at = looked_at
        self._database = database
        self._reconciler = reconciler
        self._clock = clock

    async def due(self, *, livemode: bool) -> Round | None:
        """The round over the account that is due first, if one is. An account that is switched off
        and was never paid through is passed over until the next day."""
        now = self._clock.now()
        async with self._database.begin_across_tenants() as work:
            store = work.reconciliations
            await store.add_missing(now, oldest=now - OLDEST, livemode=livemode)
            await work.commit()
        while (row := await self._first(livemode=livemode)) and row.due_at <= now:
            account = await self._account(row)
            if account is not None:
                return Round(account, row, row.reconciled_until - OVERLAP, judged_until(now))
            nothing_until = max(row.reconciled_until, judged_until(now))
            await self._save(replace(row, reconciled_until=nothing_until, due_at=now + EVERY))
        return None

    async def _first(self, *, livemode: bool) -> Reconciliation | None:
        async with self._database.begin_across_tenants() as work:
            return await work.reconciliations.first(livemode=livemode)

    async def _account(self, row: Reconciliation) -> GatewayAccount | None:
        async with self._database.begin_across_tenants() as work:
            account = await work.tenants.gateway_by_id(row.gateway_id)
        return account if account and await is_in_use(self._database, account) else None

    async def _save(self, row: Reconciliation) -> None:
        async with self._database.begin_across_tenants() as work:
            await work.reconciliations.save(row)
            await work.commit()

    async def asked(self, gateway_id: str, since: datetime) -> Round:
        """A round over that account from a moment on, whether it is due or not. Raises NotFound."""
        now = self._clock.now()
        async with self._database.begin_across_tenants() as work:
            account = await work.tenants.gateway_by_id(gateway_id)
            if account is None:
                raise NotFound(gateway_id)
            store = work.reconciliations
            await store.add_missing(now, oldest=now - OLDEST, livemode=account.livemode)
            row = await store.find(gateway_id)
            await work.commit()
        if row is None:
            raise NotFound(gateway_id)
        # A daily round that was broken off has looked at some payments under way: look at all.
        return Round(account, replace(row, looked_until=None), since, judged_until(now))

    async def step(self, under_way: Round) -> Round:
        """Reconciles one span, or, after the last, payments under way, and in the end what is left
        of before; the round as it goes on, or is over. Never raises for what the gateway does."""
        try:
            if under_way.begin < under_way.until:
                return await self._span(under_way)
            return await self._look(under_way)
        except (GatewayProblem, SpanTooFull) as problem:
            return await self._fail(under_way, problem)

    async def put_back(self, under_way: Round) -> None:
        """Leaves the account for now, behind those that are due already; the next round goes on
        after the last span that was done."""
        await self._save(replace(under_way.row, due_at=self._clock.now()))

    async def _span(self, under_way: Round) -> Round:
        account, row = under_way.account, under_way.row
        found = await self._reconciler.span(account, under_way.begin, under_way.until)
        if under_way.begin <= row.reconciled_until:
            # One that was asked for may begin later: what lies between stays to be done.
            row = replace(row, reconciled_until=max(row.reconciled_until, found.span.end))
        row = await self._keep(under_way, found, row)
        return replace(under_way, row=row, begin=found.span.end, last=found)

    async def _look(self, under_way: Round) -> Round:
        account, row = under_way.account, under_way.row
        found, looked_until = await self._reconciler.under_way(
            account, after=row.looked_until or "", limit=self._looked_at
        )
        if looked_until is None:
            return await self._end(under_way)
        row = replace(row, looked_until=looked_until)
        return replace(under_way, row=await self._keep(under_way, found, row), last=found)

    async def _end(self, under_way: Round) -> Round:
        async with self._database.begin_across_tenants() as work:
            known = await work.reconciliations.differences(under_way.account.id)
        found = await self._reconciler.again(under_way.account, known)
        now, row = self._clock.now(), under_way.row
        is_whole = row.reconciled_until >= under_way.until
        ended = replace(
            row,
            due_at=now + EVERY if is_whole else row.due_at,
            reconciled_at=now,
            looked_until=None,
            failures=0,
            error_message=None,
        )
        row = await self._keep(under_way, found, ended)
        return replace(under_way, row=row, last=found, is_over=True)

    async def _keep(
        self, under_way: Round, found: Reconciled, row: Reconciliation
    ) -> Reconciliation:
        """One commit for what a span showed and how far it went."""
        account, now = under_way.account, self._clock.now()
        row = replace(row, repaired=row.repaired + len(found.repaired))
        for each in found.repaired:
            _log.warning("repaired: %s", each)
        async with self._database.begin_across_tenants() as work:
            store = work.reconciliations
            await store.replace(account.id, found.subject_ids, found.left, now)
            await store.save(row)
            if found.left:
                known = await store.differences(account.id)
                await open_alert(
                    work,
                    AlertRule.RECONCILIATION_DIFFERENCE,
                    subject_id=account.id,
                    message=f"{len(known)} differences are left; one of them: {found.left[0]}.",
                    tenant_id=account.tenant_id,
                    now=now,
                )
            await work.commit()
        return row

    async def _fail(self, under_way: Round, problem: Exception) -> Round:
        now, account = self._clock.now(), under_way.account
        said = f"{type(problem).__name__}: {problem}"
        _log.warning("gateway %s could not be reconciled: %s", account.id, said)
        row = replace(
            under_way.row,
            due_at=now + AGAIN,
            failures=under_way.row.failures + 1,
            error_message=said,
        )
        async with self._database.begin_across_tenants() as work:
            await work.reconciliations.save(row)
            if row.failures >= FAILURES_MAX:
                await open_alert(
                    work,
                    AlertRule.RECONCILIATION_FAILED,
                    subject_id=account.id,
                    message=f"It could not be reconciled {row.failures} times: {said}",
                    tenant_id=account.tenant_id,
                    now=now,
                )
            await work.commit()
        return replace(under_way, row=row, last=None, is_over=True)
