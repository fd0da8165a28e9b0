"""Gap detection: what the gateway lists and the inbox does not have is taken in (docs/adr/0015).

A walk goes over one account's events, oldest window first. Its cursor moves only after every page
of a window has been compared with the inbox and what was missing is stored, so that a walk may be
killed anywhere: the next one looks at that window again, and what it stored is known by then.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from domain.alert_rules import AlertRule
from domain.alerting import open_alert
from domain.errors import GatewayProblem, GatewayUnknown
from domain.event_list import EventList, EventPage, ListedEvent
from domain.event_types import USE_CASES
from domain.event_walk import KEPT, Walk, begun, failed_again, finished, put_off
from domain.measures import Measures
from domain.ports import Clock
from domain.receiving import Delivery, ReceivingService
from domain.tenant import GatewayAccount
from domain.webhook_cursors import WalkDatabase, WebhookCursor, is_in_use

LIST_SECONDS = 10.0
"""How long the gateway may take for one page."""

LEASE = timedelta(minutes=5)
"""How long an account is left to the worker that was last heard of: more than a page ever takes."""

FAILURES_MAX = 3
"""An account whose walks fail so many times on end, which is some two hours, has an alert."""

_log = logging.getLogger(__name__)


class ListedReader(Protocol):
    """Makes of a listed event what the route makes of the same one delivered, secrets and card
    numbers taken out alike, with `source` LISTED. Raises GatewayUnknown for one that it cannot
    read."""

    def __call__(
        self, listed: ListedEvent, gateway_id: str, account_id: str | None, at: datetime
    ) -> Delivery: ...


class GapWalker:
    """Walks over accounts: `add_cursors`, then `claim` one, then `step` until it is over. It is the
    caller who waits between two steps, so that the gateway is asked slowly."""

    def __init__(
        self,
        database: WalkDatabase,
        listing: EventList,
        receiving: ReceivingService,
        read: ListedReader,
        measures: Measures,
        clock: Clock,
    ) -> None:
        self._database = database
        self._listing = listing
        self._receiving = receiving
        self._read = read
        self._measures = measures
        self._clock = clock

    async def add_cursors(self) -> None:
        """Gives every gateway account that may hear events its cursor."""
        now = self._clock.now()
        async with self._database.begin_across_tenants() as work:
            await work.cursors.add_missing(now, oldest=now - KEPT, livemode=self._listing.livemode)
            await work.commit()

    async def claim(self, *, due_until: datetime | None = None) -> Walk | None:
        """A walk over the account that is due first, None when none is. `due_until` has accounts
        walked that are not due before then; by itself it is now.

        An account that is switched off and was never paid through is passed over until the next
        time.
        """
        while (claimed := await self._claim(due_until or self._clock.now())) is not None:
            account, cursor = claimed
            if await is_in_use(self._database, account):
                return begun(account, cursor, self._clock.now())
            await self._save(cursor, put_off(cursor, self._clock.now()))
        return None

    async def step(self, walk: Walk) -> Walk:
        """Lists one page and takes in what is missing of it; the walk as it goes on, or is over.
        Never raises for what the gateway does."""
        if walk.is_done:
            return await self._finish(walk)
        try:
            page = await self._listing.list_events(
                walk.account,
                created_from=walk.listing,
                created_until=walk.window_until,
                after=walk.after,
                timeout_seconds=LIST_SECONDS,
            )
            if page.after is not None and page.after == walk.after:
                raise GatewayUnknown("the same page of events again")
            missing = await self._missing(walk, page)
        except GatewayProblem as problem:
            return await self._fail(walk, problem)
        walk = await self._take_in(walk, missing)
        if page.after is not None:
            return await self._held(walk.next_page(page.after))
        walk = walk.next_window()
        return await (self._finish(walk) if walk.is_done else self._held(walk))

    async def release(self, walk: Walk) -> None:
        """Leaves the account to anybody, after those that are due already; the next walk goes on
        after the last window that is done."""
        now = self._clock.now()
        await self._save(walk.cursor, replace(walk.cursor, lease_until=None, due_at=now))

    async def _claim(self, due_until: datetime) -> tuple[GatewayAccount, WebhookCursor] | None:
        now = self._clock.now()
        async with self._database.begin_across_tenants() as work:
            cursor = await work.cursors.claim(
                now,
                due_until=due_until,
                lease_until=now + LEASE,
                livemode=self._listing.livemode,
            )
            if cursor is None:
                return None
            account = await work.tenants.gateway_by_id(cursor.gateway_id)
            await work.commit()
        if account is None:
            raise LookupError(cursor.gateway_id)
        return account, cursor

    async def _missing(self, walk: Walk, page: EventPage) -> Sequence[Delivery]:
        """The events of the page that matter, are this account's, and are not in the inbox."""
        wanted = [event for event in page.events if _is_wanted(event, walk)]
        if not wanted:
            return []
        gateway_id, livemode = walk.account.id, walk.account.livemode
        async with self._database.begin_across_tenants() as work:
            known = await work.cursors.known(
                gateway_id, [event.event_id for event in wanted], livemode=livemode
            )
        now = self._clock.now()
        return [
            self._read(event, gateway_id, walk.account.account_id, now)
            for event in wanted
            if event.event_id not in known
        ]

    async def _take_in(self, walk: Walk, missing: Sequence[Delivery]) -> Walk:
        taken = [event for event in missing if await self._receiving.receive_listed(event)]
        if not taken:
            return walk
        types = Counter(event.event_type for event in taken)
        _log.warning(
            "%d events never arrived at gateway %s and were taken from its list: %s",
            len(taken),
            walk.account.id,
            ", ".join(f"{count} {name}" for name, count in sorted(types.items())),
        )
        self._measures.webhook_missed(len(taken))
        counted = replace(walk.cursor, missed=walk.cursor.missed + len(taken))
        return replace(walk, cursor=counted, found=walk.found + len(taken))

    async def _held(self, walk: Walk) -> Walk:
        """The walk with its cursor saved and its lease renewed."""
        leased = replace(walk.cursor, lease_until=self._clock.now() + LEASE)
        if not await self._save(walk.cursor, leased):
            return replace(walk, is_over=True)
        return replace(walk, cursor=leased)

    async def _finish(self, walk: Walk) -> Walk:
        ended = finished(walk.cursor, self._clock.now())
        await self._save(walk.cursor, ended)
        _log.debug("walked over gateway %s: %d events were missing", walk.account.id, walk.found)
        return replace(walk, cursor=ended, is_over=True)

    async def _fail(self, walk: Walk, problem: GatewayProblem) -> Walk:
        """Puts the account off to its next time; what was listed before stays listed."""
        account, said = walk.account, f"{type(problem).__name__}: {problem.message}"
        failed = failed_again(walk.cursor, self._clock.now(), said)
        _log.warning("the events of gateway %s could not be listed: %s", account.id, said)
        async with self._database.begin_across_tenants() as work:
            is_saved = await work.cursors.save(failed, lease=walk.cursor.lease_until)
            if is_saved and failed.failures >= FAILURES_MAX:
                await open_alert(
                    work,
                    AlertRule.WEBHOOK_WALK_FAILED,
                    subject_id=account.id,
                    message=f"Its events could not be listed {failed.failures} times: {said}",
                    tenant_id=account.tenant_id,
                    now=self._clock.now(),
                )
            await work.commit()
        return replace(walk, cursor=failed, is_over=True)

    async def _save(self, held: WebhookCursor, cursor: WebhookCursor) -> bool:
        async with self._database.begin_across_tenants() as work:
            is_saved = await work.cursors.save(cursor, lease=held.lease_until)
            await work.commit()
        if not is_saved:
            _log.warning("another worker walks over gateway %s", cursor.gateway_id)
        return is_saved


def _is_wanted(event: ListedEvent, walk: Walk) -> bool:
    """Whether its type matters. That it is of this account and mode follows from the credentials;
    one that is not is left out all the same, since an event must reach its own tenant alone."""
    if event.event_type not in USE_CASES:
        return False
    is_ours = event.account in (None, walk.cursor.account_id)
    if not is_ours or event.livemode is not walk.account.livemode:
        _log.error(
            "event %s was listed for gateway %s but is of another account or mode",
            event.event_id,
            walk.account.id,
        )
        return False
    return True
