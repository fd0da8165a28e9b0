"""Stripe's list of events (docs.stripe.com/api/events/list), behind a port of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from domain.event_list import EventPage, ListedEvent
from domain.gateways.stripe_fields import Json
from domain.gateways.stripe_gateway import StripeGateway
from domain.gateways.stripe_objects import page
from domain.tenant import GatewayAccount

_PAGE = 100
"""Stripe's own limit."""


class StripeEventList(StripeGateway):
    """Implements `domain.event_list.EventList`, with connections of its own: a long walk takes none
    from payments."""

    async def list_events(
        self,
        account: GatewayAccount,
        *,
        created_from: datetime,
        created_until: datetime,
        after: str | None,
        timeout_seconds: float,
    ) -> EventPage:
        """One page. All types: Stripe filters by twenty at most, and more than those matter here
        (`domain.event_types.USE_CASES`)."""
        span = {"gte": int(created_from.timestamp()), "lt": int(created_until.timestamp())}
        cursor = {} if after is None else {"starting_after": after}
        return await self._read(
            account,
            "/v1/events",
            {"created": span, "limit": _PAGE, **cursor},
            timeout_seconds=timeout_seconds,
            read=_event_page,
        )


def _event_page(body: Json) -> EventPage:
    objects, has_more = page(body)
    events = [_event(item) for item in objects]
    if has_more and not events:
        raise ValueError("an empty page before the last")
    return EventPage(events, events[-1].event_id if has_more else None)


def _event(event: Json) -> ListedEvent:
    account, livemode = event.get("account"), event["livemode"]
    if not isinstance(event.get("data"), Mapping) or not isinstance(livemode, bool):
        raise TypeError("an event without data or mode")
    return ListedEvent(
        event_id=_text(event["id"]),
        event_type=_text(event["type"]),
        livemode=livemode,
        account=None if account is None else _text(account),
        content=event,
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text was expected")
    return value
