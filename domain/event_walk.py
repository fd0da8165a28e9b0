"""A walk over one account's list of events, and how far apart, how late and how slow it is."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.tenant import GatewayAccount
from domain.webhook_cursors import WebhookCursor

EVERY = timedelta(hours=1)
"""How far apart two walks over one account are."""

GRACE = timedelta(minutes=5)
"""An event younger than this may still be on its way and is not looked for. A delivery takes
seconds; the rest is for clocks that differ."""

OVERLAP = timedelta(hours=1)
"""How much of what was listed before is listed again. An event may appear in the list later than
its `created` says, and Stripe names no bound; so every moment is listed twice, an hour apart."""

KEPT = timedelta(days=30)
"""How long the gateway lists an event (docs.stripe.com/api/events/list)."""

WINDOW, WINDOW_MIN, WINDOW_MAX = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
"""What one move of the cursor spans: an hour to begin with; after a window of one page twice as
much, up to a day, so that a month of silence costs some thirty calls."""

PAGES_MAX = 50
"""A window that has more pages is begun again half as long, down to WINDOW_MIN: the cursor of a
busy account must move now and then."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A walk under way: the window `listing` .. `window_until`, in it the page that follows
    `after`, the `pages` before it being done; it ends at `until`. `found` is how many events it has
    taken in. `is_over`: it came to its end, or failed, or another worker has the account now;
    `cursor` says which."""

    account: GatewayAccount
    cursor: WebhookCursor
    until: datetime
    listing: datetime
    width: timedelta = WINDOW
    after: str | None = None
    pages: int = 0
    found: int = 0
    is_over: bool = False

    @property
    def window_until(self) -> datetime:
        """The end of the window, which is not in it."""
        return min(self.listing + self.width, self.until)

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to be listed."""
        return self.listing >= self.until

    def next_page(self, after: str) -> Walk:
        """The walk at the page that follows that event, or in a shorter window."""
        if self.pages + 1 >= PAGES_MAX and self.width > WINDOW_MIN:
            return replace(self, width=max(self.width / 2, WINDOW_MIN), after=None, pages=0)
        return replace(self, after=after, pages=self.pages + 1)

    def next_window(self) -> Walk:
        """The walk at the next window, with the cursor where this one ends."""
        width = self.width if self.pages else min(2 * self.width, WINDOW_MAX)
        end = self.window_until
        cursor = replace(
            self.cursor,
            listed_until=max(self.cursor.listed_until, end),
            # what is younger than that may not be complete yet
            resume_at=min(end, self.until - OVERLAP),
        )
        return replace(self, cursor=cursor, listing=end, width=width, after=None, pages=0)


def begun(account: GatewayAccount, cursor: WebhookCursor, now: datetime) -> Walk:
    """The walk that begins where the last one said: never before the account was ours, nor before
    what the gateway still lists."""
    oldest = now - KEPT
    if cursor.listed_until < oldest:
        _log.error(
            "the events of gateway %s from %s to %s can be listed no more",
            account.id,
            cursor.listed_until,
            oldest,
        )
    begin = max(cursor.resume_at, cursor.listed_from, oldest)
    return Walk(account=account, cursor=cursor, until=now - GRACE, listing=begin)


def put_off(cursor: WebhookCursor, now: datetime) -> WebhookCursor:
    """Left to anybody, and due again in an hour."""
    return replace(cursor, lease_until=None, due_at=now + EVERY)


def finished(cursor: WebhookCursor, now: datetime) -> WebhookCursor:
    """After a walk that came to its end."""
    return replace(put_off(cursor, now), failures=0, walked_at=now, error_message=None)


def failed_again(cursor: WebhookCursor, now: datetime, reason: str) -> WebhookCursor:
    """After a walk that could not go on. The gateway is not asked sooner for that."""
    return replace(put_off(cursor, now), failures=cursor.failures + 1, error_message=reason)
