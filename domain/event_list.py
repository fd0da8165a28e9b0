"""The gateway's own list of events, as the domain sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.tenant import GatewayAccount


@dataclass(frozen=True, slots=True)
class ListedEvent:
    """One event of the list. `account` is the connected account where the list names one; `content`
    is the whole event, nothing of it taken away."""

    event_id: str
    event_type: str
    livemode: bool
    account: str | None
    content: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events of one page, newest first. `after` names the last of them where more pages follow."""

    events: Sequence[ListedEvent]
    after: str | None


class EventList(Protocol):
    """The list of an account's events, which the gateway keeps for 30 days
    (docs.stripe.com/api/events/list)."""

    @property
    def livemode(self) -> bool:
        """Whether the platform's key moves real money."""
        ...

    async def list_events(
        self,
        account: GatewayAccount,
        *,
        created_from: datetime,
        created_until: datetime,
        after: str | None,
        timeout_seconds: float,
    ) -> EventPage:
        """The page that follows the event `after`, or the first one, of the events created from the
        one moment until before the other, in whole seconds. Raises what every call of a
        `domain.gateway.PaymentGateway` may raise."""
        ...
