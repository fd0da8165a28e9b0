"""How far the gateway's list of events was walked, account by account, and the port behind that."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.ports import Work
from domain.tenant import GatewayAccount


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookCursor:
    """One row of `webhook_cursors`, which belongs to a gateway row.

    Every event created before `listed_until` was listed; the next walk begins at `resume_at`, which
    is earlier by an overlap. `missed` of them, in all, had never
    arrived; it may fall behind by one page where a walk was killed. `failures` counts the walks
    since the last one that came to its end, at `walked_at`; `error_message` is the last one's.
    Nobody else may walk before `lease_until`, which is also the fence: only its holder can save.

    `listed_from` is when the gateway row was made and `account_id` the gateway's name of the
    account, where it is known; both are the gateway row's own.
    """

    gateway_id: str
    listed_from: datetime
    listed_until: datetime
    resume_at: datetime
    due_at: datetime
    account_id: str | None = None
    lease_until: datetime | None = None
    missed: int = 0
    failures: int = 0
    walked_at: datetime | None = None
    error_message: str | None = None


class WebhookCursorStore(Protocol):
    """The cursors. Rows of mode PLATFORM that are a tenant's have none: the platform's own row
    hears their events."""

    async def add_missing(self, now: datetime, *, oldest: datetime, livemode: bool) -> None:
        """Adds a cursor, due at once, for every gateway row of that mode that may hear events and
        has none: it begins when the row was made, at `oldest` at the earliest."""
        ...

    async def claim(
        self, now: datetime, *, due_until: datetime, lease_until: datetime, livemode: bool
    ) -> WebhookCursor | None:
        """The cursor of that mode that is due first, and at `due_until` at the latest, under a
        fresh lease; leaves out those that another worker holds."""
        ...

    async def save(self, cursor: WebhookCursor, *, lease: datetime | None) -> bool:
        """Writes the cursor; False, with nothing written, where `lease` is not its lease any
        more."""
        ...

    async def has_payments(self, tenant_id: str, gateway_id: str) -> bool:
        """Whether any payment was ever made through this gateway row of the tenant."""
        ...

    async def known(
        self, gateway_id: str, event_ids: Sequence[str], *, livemode: bool
    ) -> frozenset[str]:
        """Those of the events that the inbox has, whatever became of them."""
        ...


class WalkWork(Work, Protocol):
    """One transaction of a walk."""

    @property
    def cursors(self) -> WebhookCursorStore: ...


class WalkDatabase(Protocol):
    """Opens transactions: for one tenant, or across tenants."""

    def begin(self, tenant_id: str) -> AbstractAsyncContextManager[WalkWork]: ...

    def begin_across_tenants(self) -> AbstractAsyncContextManager[WalkWork]: ...


async def is_in_use(database: WalkDatabase, account: GatewayAccount) -> bool:
    """Whether the account is switched on, or was ever paid through: any other has nothing to
    tell."""
    if account.is_enabled or account.tenant_id is None:
        return True
    async with database.begin(account.tenant_id) as work:
        return await work.cursors.has_payments(account.tenant_id, account.id)
