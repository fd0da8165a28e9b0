"""An endpoint with budgets, over a shop in memory: who calls it, from where, how often."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from starlette.applications import Starlette
from starlette.routing import Route

from app.budgets import SECONDS_MAX, Budgets, CountedDoor, Rates
from app.checkout_tokens import JwtCheckoutSigner
from app.graphql import GraphQLEndpoint
from app.guard import GraphQLGuard
from app.policy import Policy
from app.tokens import mint_token
from app.viewer import viewer_routes
from app.windows import Windows
from domain.caller import Role
from domain.checkout import CheckoutGrant
from domain.ids import Prefix, new_id
from domain.tenant import Tenant
from schema.schema import schema
from tests.unit.app.asgi import Answer, Header, answered
from tests.unit.app.entrance import an_admission, services
from tests.unit.app.test_graphql import MERCHANT, SETTINGS
from tests.unit.schema.shop import Shelf, Till

VIEWER = "{ viewer { id } }"
"""Costs 1."""


@dataclass
class Shops(Shelf):
    """A shelf of as many tenants as are asked for."""

    async def tenant(self, tenant_id: str) -> Tenant | None:
        return replace(MERCHANT, id=tenant_id)


@dataclass
class Front:
    """The endpoint, and what it was told to count."""

    windows: Windows
    rates: Rates
    seconds_max: float = SECONDS_MAX
    till: Till = field(default_factory=Till)
    app: Starlette = field(init=False)
    budgets: Budgets = field(init=False)

    def __post_init__(self) -> None:
        shelf = Shops(merchant=MERCHANT)
        self.budgets = Budgets(self.rates, self.windows, seconds_max=self.seconds_max)
        door = CountedDoor(an_admission(SETTINGS, shelf), self.budgets)
        use_cases = services(shelf, till=self.till)
        endpoint = GraphQLEndpoint(schema, door, use_cases, Policy(self.budgets))
        self.app = Starlette(
            routes=[
                Route("/graphql", GraphQLGuard(endpoint)),
                *viewer_routes(door, use_cases.acting),
            ]
        )

    async def ask(
        self,
        query: str = VIEWER,
        *,
        token: str,
        address: str = "192.0.2.1",
        headers: Sequence[Header] = (),
        **variables: object,
    ) -> Answer:
        """The answer to a document."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        sent = [
            ("Content-Type", "application/json"),
            ("Authorization", f"Bearer {token}"),
            *headers,
        ]
        return await answered(self.app, body, headers=sent, client=address)

    async def statuses(self, times: int, *, token: str, address: str = "192.0.2.1") -> list[int]:
        """The statuses of so many answers to the same request."""
        return [(await self.ask(token=token, address=address)).status for _ in range(times)]


def a_token(tenant: str | None, *, subject: str = "server", role: Role = Role.ADMIN) -> str:
    """A token of the tenant's, or of the platform's."""
    return mint_token(SETTINGS, tenant=tenant, roles=[role], subject=subject)


def a_checkout_token(tenant: str, order: str, token_id: str) -> str:
    """A shopper's token."""
    now = datetime.now(UTC)
    grant = CheckoutGrant(
        token_id=token_id,
        tenant_id=tenant,
        order_id=order,
        issued_at=now,
        expires_at=now + timedelta(hours=1),
    )
    return JwtCheckoutSigner.of(SETTINGS).sign(grant)


def a_tenant() -> str:
    """The id of a tenant of this test's own."""
    return new_id(Prefix.TENANT)


Make = Callable[..., Front]
