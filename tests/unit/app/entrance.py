"""The way into the API without a database: who is admitted, and to which shop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from app.admission import Admission
from app.auth import TokenVerifier
from app.budgets import Budgets, Rates
from app.graphql import Services
from app.policy import Policy
from app.settings import Settings
from app.windows import LocalWindows
from domain.tenant import Tenant
from tests.unit.schema.audit_shelf import AuditShelf
from tests.unit.schema.event_shelf import EventShelf, ReplayDesk
from tests.unit.schema.gateway_desk import GatewayDesk
from tests.unit.schema.journal import CheckoutDesk, Journal
from tests.unit.schema.metric_shelf import MetricShelf
from tests.unit.schema.price_desk import BookShelf, PriceDesk
from tests.unit.schema.shop import OrderDesk, Shelf, Till
from tests.unit.schema.watch_desk import WatchDesk


@dataclass
class Revoked:
    """Implements `Revocations` over a set, and notes what it is asked."""

    token_ids: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    async def is_revoked(self, token_id: str) -> bool:
        self.asked.append(token_id)
        return token_id in self.token_ids


@dataclass
class Directory:
    """Implements `PlatformReads` over a list."""

    tenants: list[Tenant] = field(default_factory=list)

    async def tenant_named(self, id_or_slug: str) -> Tenant | None:
        found = (at for at in self.tenants if id_or_slug in (at.id, at.slug))
        return next(found, None)


def an_admission(
    settings: Settings,
    shelf: Shelf,
    revoked: Revoked | None = None,
    now: Callable[[], float] = time.monotonic,
) -> Admission:
    """The admission to the shelf's tenant."""
    directory = Directory([shelf.merchant] if shelf.merchant else [])
    return Admission(TokenVerifier(settings), shelf, revoked or Revoked(), directory, now)


def services(shelf: Shelf, *, till: Till | None = None, journal: Journal | None = None) -> Services:
    """The shop's use cases over the shelf."""
    till, prices = till or Till(), PriceDesk()
    return Services(
        orders=OrderDesk(till),
        payments=till,
        checkout=CheckoutDesk(),
        gateways=GatewayDesk(),
        replays=ReplayDesk(),
        acting=journal or Journal(),
        pricing=prices,
        platform=prices,
        alerts=(watch := WatchDesk()),
        watch=watch,
        metrics=MetricShelf(),
        books=BookShelf(),
        reads=shelf,
        audit=AuditShelf(),
        inbox=EventShelf(),
    )


def no_budgets() -> Policy:
    """A policy without end, but for introspection."""
    return Policy(Budgets(Rates(), LocalWindows()))
