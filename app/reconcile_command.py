"""`tollgate reconcile`: what the gateway has, held against ours, account by account."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated

import typer

from app.clock import SystemClock
from app.database_command import FAILED, progress_bar, told_in_words
from app.moments import NoMoment, read_moment
from app.operating import operator, working
from app.reconciling import balance_of
from app.settings import Settings, load_settings
from app.webhook_output import printable
from db.work import SqlDatabase
from domain.comparing import GRACE, judged_until
from domain.differences import Difference
from domain.errors import GatewayProblem, NotFound
from domain.gateways.stripe_balance import StripeBalance
from domain.reconciled import Reconciled
from domain.reconciliation_rounds import LOOKED_AT, ReconciliationRounds
from domain.reconciling import Reconciler, SpanTooFull
from domain.tenant import GatewayAccount
from webhooks.wake import ArqWake

DRIFT = 3
"""The exit code when differences are left."""

_HOUR = timedelta(hours=1)


@dataclass(slots=True)
class Account:
    """What was found of one account. `error` says why it could not be read to its end."""

    gateway_id: str
    payments: int = 0
    repaired: list[Difference] = field(default_factory=list)
    differences: dict[tuple[str, str], Difference] = field(default_factory=dict)
    error: str | None = None

    def add(self, found: Reconciled) -> None:
        """What one span showed."""
        self.payments += found.payments
        self.repaired += found.repaired
        for key in [key for key in self.differences if key[0] in found.subject_ids]:
            del self.differences[key]
        self.differences.update({(each.subject_id, each.label): each for each in found.left})


def reconcile(
    since: Annotated[
        str, typer.Option(help="From when on: 2026-11-26, or how long ago: 2d.")
    ] = "2d",
    gateway: Annotated[str | None, typer.Option(help="One gateway row, gw_...; else all.")] = None,
    by: Annotated[str, typer.Option(help="Who repairs, for the audit.")] = "command line",
    *,
    fix: Annotated[bool, typer.Option("--fix", help="Record what the gateway has.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Hold intents and balance transactions of the gateway against payments, refunds, disputes and
    books. No call of it moves money; without --fix nothing is written either.

    What is younger than 15 minutes is not looked at. Exit code 3: differences are left; 1: an
    account could not be read.
    """
    now = SystemClock().now()
    try:
        begin = read_moment(since, now)
    except NoMoment as error:
        raise typer.BadParameter(str(error), param_hint="--since") from error
    if begin >= now - GRACE:
        raise typer.BadParameter("must be more than 15 minutes ago", param_hint="--since")
    with told_in_words():
        found = asyncio.run(_reconcile(load_settings(), begin, gateway, by if fix else None))
    typer.echo(_json_of(begin, found) if as_json else "\n".join(_lines(found)))
    if any(account.error for account in found):
        raise typer.Exit(FAILED)
    if any(account.differences for account in found):
        raise typer.Exit(DRIFT)


async def _reconcile(
    settings: Settings, since: datetime, gateway: str | None, repair_by: str | None
) -> list[Account]:
    stripe = balance_of(settings)
    try:
        async with working(settings, command="reconcile") as (database, _, wake, clock):
            async with database.begin_across_tenants() as work:
                ids = await work.reconciliations.gateway_ids(livemode=stripe.livemode)
            walk = _Walk(database, stripe, wake, clock, since, repair_by)
            return await _over_all(walk, _chosen(ids, gateway))
    finally:
        await stripe.close()


def _chosen(ids: Sequence[str], gateway: str | None) -> Sequence[str]:
    if gateway is None:
        return ids
    if gateway not in ids:
        raise typer.BadParameter(f"no account has the id {gateway}", param_hint="--gateway")
    return [gateway]


async def _over_all(walk: _Walk, gateway_ids: Sequence[str]) -> list[Account]:
    with progress_bar("reconciling, in hours") as progress:
        each = walk.length // _HOUR + 1
        task = progress.add_task("", total=each * len(gateway_ids))
        found = []
        for number, gateway_id in enumerate(gateway_ids, 1):
            found.append(
                await walk.over(gateway_id, lambda span: progress.advance(task, span / _HOUR))
            )
            progress.update(task, completed=each * number)
    return found


class _Walk:
    """Over one account after another."""

    def __init__(
        self,
        database: SqlDatabase,
        gateway: StripeBalance,
        wake: ArqWake,
        clock: SystemClock,
        since: datetime,
        repair_by: str | None,
    ) -> None:
        actor = None if repair_by is None else operator(repair_by)
        self._reconciler = Reconciler(database, gateway, wake, clock, repair_as=actor)
        self._rounds = ReconciliationRounds(database, self._reconciler, clock)
        self._database = database
        self._repairs = actor is not None
        self._since = since
        self._until = judged_until(clock.now())
        self.length = self._until - since

    async def over(self, gateway_id: str, passed: Callable[[timedelta], None]) -> Account:
        """One account, repaired or only looked at."""
        account = Account(gateway_id)
        if self._repairs:
            await self._repaired(account, passed)
        else:
            await self._looked_at(account, passed)
        return account

    async def _repaired(self, account: Account, passed: Callable[[timedelta], None]) -> None:
        under_way = await self._rounds.asked(account.gateway_id, self._since)
        while not under_way.is_over:
            under_way = await self._rounds.step(under_way)
            if under_way.last is not None:
                account.add(under_way.last)
                passed(under_way.last.span.end - under_way.last.span.begin)
        account.error = under_way.row.error_message

    async def _looked_at(self, account: Account, passed: Callable[[timedelta], None]) -> None:
        row, begin = await self._account(account.gateway_id), self._since
        try:
            while begin < self._until:
                found = await self._reconciler.span(row, begin, self._until)
                account.add(found)
                passed(found.span.end - begin)
                begin = found.span.end
            await self._look_under_way(account, row)
        except (GatewayProblem, SpanTooFull) as problem:
            account.error = f"{type(problem).__name__}: {problem}"

    async def _look_under_way(self, account: Account, row: GatewayAccount) -> None:
        after: str | None = ""
        while after is not None:
            found, after = await self._reconciler.under_way(row, after=after, limit=LOOKED_AT)
            account.add(found)

    async def _account(self, gateway_id: str) -> GatewayAccount:
        async with self._database.begin_across_tenants() as work:
            account = await work.tenants.gateway_by_id(gateway_id)
        if account is None:
            raise NotFound(gateway_id)
        return account


def _lines(found: Sequence[Account]) -> list[str]:
    lines = []
    for account in found:
        lines += [printable(f"repaired: {each}") for each in account.repaired]
        lines += [printable(str(each)) for each in account.differences.values()]
        error = f"; not read to its end: {account.error}" if account.error else ""
        lines.append(
            f"{account.gateway_id}: {account.payments} payments, {len(account.repaired)} repaired, "
            f"{len(account.differences)} differ{printable(error)}"
        )
    return lines


def _json_of(since: datetime, found: Sequence[Account]) -> str:
    accounts = [
        {
            "gateway_id": account.gateway_id,
            "payments": account.payments,
            "repaired": [_told(each) for each in account.repaired],
            "differences": [_told(each) for each in account.differences.values()],
            "error": account.error,
        }
        for account in found
    ]
    return json.dumps({"since": since.isoformat(), "accounts": accounts}, indent=2)


def _told(difference: Difference) -> Mapping[str, object]:
    return {
        "label": difference.label.value,
        "subject_id": difference.subject_id,
        "tenant_id": difference.tenant_id,
        "ours": difference.ours,
        "theirs": difference.theirs,
    }
