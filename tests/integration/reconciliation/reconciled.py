"""Reconciliations of a shop whose time a test moves on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from domain.caller import Actor, AuditActorType
from domain.comparing import GRACE, judged_until
from domain.differences import Difference
from domain.gateways.stripe_balance import StripeBalance
from domain.payment import Payment
from domain.reconciled import Reconciled
from domain.reconciliation_rounds import ReconciliationRounds, Round
from domain.reconciling import Reconciler
from tests.e2e.sandbox.control import eventually
from tests.integration.webhooks.shop import Shop

LATER = GRACE.total_seconds() + 5
"""After so many seconds, what happened before is old enough to be judged."""

ADA = Actor(AuditActorType.SYSTEM, "ada")
_HOUR = timedelta(hours=1)


@dataclass
class Reconciling:
    """The reconciliation of a shop, as one process has it."""

    shop: Shop
    gateway: StripeBalance
    looked_at: int = 2
    """Payments under way that a step looks at: so few that tests take several."""

    def reconciler(self, repair_as: Actor | None = None) -> Reconciler:
        """One that repairs as this actor, or only looks."""
        shop = self.shop
        ports = (shop.worker_database, self.gateway, shop.wake, shop.clock)
        return Reconciler(*ports, repair_as=repair_as)

    @property
    def rounds(self) -> ReconciliationRounds:
        """The daily rounds."""
        shop = self.shop
        return ReconciliationRounds(
            shop.worker_database, self.reconciler(ADA), shop.clock, looked_at=self.looked_at
        )

    async def look(self, *, repair: bool = False, after: float = LATER) -> Reconciled:
        """So many seconds later, what the last hour of the tenant's account shows."""
        self.shop.clock.advance(after)
        until = judged_until(self.shop.clock.now()) + timedelta(seconds=1)
        account = await self.account_id()
        async with self.shop.worker_database.begin_across_tenants() as work:
            row = await work.tenants.gateway_by_id(account)
        assert row is not None
        reconciler = self.reconciler(ADA if repair else None)
        return await reconciler.span(row, until - _HOUR, until)

    async def account_id(self) -> str:
        """The gateway row at which the tenant's money is reconciled."""
        ((mode, own_id),) = await self.shop.rows(
            "select mode, id from tenant_payment_gateways where tenant_id = :id and is_enabled",
            id=self.shop.tenant.id,
        )
        return await self.shop.endpoints.platform_gateway_id() if mode == "PLATFORM" else own_id

    async def labels(self, *, repair: bool = False, after: float = LATER) -> Counter[str]:
        """The labels of what is left, or was repaired."""
        found = await self.look(repair=repair, after=after)
        return labels(found.repaired if repair else found.left)

    async def round(self, *, after: float = LATER) -> Round | None:
        """So many seconds later, also at the gateway, the round over the account that is due first,
        to its end."""
        self.shop.clock.advance(after)
        await self.shop.control.advance(after)
        under_way = await self.rounds.due(livemode=False)
        while under_way is not None and not under_way.is_over:
            under_way = await self.rounds.step(under_way)
        return under_way

    async def settled(self, payment: Payment) -> None:
        """Waits until the gateway has booked the payment's charge."""

        async def booked() -> object:
            async with self.shop.stripe.get(
                "/v1/balance_transactions", params={"source": str(payment.gateway_charge_id)}
            ) as answer:
                return (await answer.json())["data"]

        await eventually(booked, bool)


def labels(differences: Sequence[Difference]) -> Counter[str]:
    """How many of each."""
    return Counter(each.label.value for each in differences)
