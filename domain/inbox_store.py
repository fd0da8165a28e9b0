"""What the domain needs of the inbox of events. `db.inbox` implements it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from domain.inbox import WebhookAttempt, WebhookEvent
from domain.payment import Payment
from domain.tenant import GatewayAccount


class InboxStore(Protocol):
    async def find(self, webhook_event_id: str) -> WebhookEvent | None: ...

    async def claim(
        self, webhook_event_id: str, now: datetime, lease_until: datetime
    ) -> WebhookEvent | None:
        """The event as PROCESSING under a fresh lease, `attempts` one higher; None when it is done,
        not due yet, or held by another worker. Where the lease before ran out without a word of its
        worker, that try is added as `inbox.lost_attempt`."""
        ...

    async def claim_due(
        self,
        now: datetime,
        lease_until: datetime,
        *,
        received_until: datetime,
        limit: int,
        held: Sequence[str] = (),
    ) -> Sequence[WebhookEvent]:
        """The same for up to `limit` events that wait: RECEIVED until then, RETRY whose time has
        come, expired leases. Gateway rows take turns, those first that have the fewest places in
        `held`, where the caller names the row of each event it works on; of one row, what has been
        due longest. Leaves out events that another worker holds."""
        ...

    async def end(self, event: WebhookEvent) -> bool:
        """Writes how the try ended; False, with nothing written, when another worker took the event
        since, or a replay did: `attempts` is the fence."""
        ...

    async def add_attempt(self, webhook_event_id: str, attempt: WebhookAttempt) -> None: ...

    async def find_payment(
        self,
        gateway: GatewayAccount,
        gateway_payment_id: str | None,
        gateway_charge_id: str | None,
        payment_id: str | None,
    ) -> Payment | None:
        """The payment an event speaks of, among those that this gateway row may speak of: by the
        gateway's id of its intent, else of its charge, else by our id from the metadata."""
        ...
