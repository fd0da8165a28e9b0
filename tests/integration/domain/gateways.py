"""Gateway accounts at the sandbox, and the use case that switches a shop to them."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from db.seeding import add_tenant
from domain.configuring import GatewayService, ShownGateway
from domain.errors import ValidationFailed
from domain.gateway_rules import ConfigureGateway
from domain.payment import GatewayType
from domain.tenant import GatewayMode
from tests.integration.webhooks.shop import USER, Shop

PUBLIC_URL = "https://pay.example"
BOOKED_TRIES = 200


def platform(*, is_enabled: bool = True) -> ConfigureGateway:
    """Mode PLATFORM."""
    return ConfigureGateway(
        gateway_type=GatewayType.STRIPE, mode=GatewayMode.PLATFORM, is_enabled=is_enabled
    )


def own(
    secret_key: str | None = None, *, is_enabled: bool = True, **given: Any
) -> ConfigureGateway:
    """Mode OWN with this key."""
    return ConfigureGateway(
        gateway_type=GatewayType.STRIPE,
        mode=GatewayMode.OWN,
        is_enabled=is_enabled,
        secret_key=secret_key,
        **given,
    )


def connect(account_id: str | None, *, is_enabled: bool = True) -> ConfigureGateway:
    """Mode CONNECT with this account."""
    return ConfigureGateway(
        gateway_type=GatewayType.STRIPE,
        mode=GatewayMode.CONNECT,
        is_enabled=is_enabled,
        account_id=account_id,
    )


def new_key() -> str:
    """A key of an account of its own at the sandbox."""
    return f"sk_test_{secrets.token_hex(12)}"


@dataclass(frozen=True, slots=True)
class Desk:
    """The administrator's side of a shop."""

    shop: Shop
    service: GatewayService

    @classmethod
    def of(cls, shop: Shop) -> Desk:
        """The desk of this shop."""
        return cls(shop, GatewayService(shop.database, shop.gateway, shop.clock, PUBLIC_URL))

    async def configure(
        self, command: ConfigureGateway, *, by_platform: bool = False, tenant_id: str | None = None
    ) -> ShownGateway:
        """The use case, for the shop's tenant unless another is named."""
        return await self.service.configure(
            USER, tenant_id or self.shop.tenant.id, command, by_platform=by_platform
        )

    async def rows(self) -> list[ShownGateway]:
        """The tenant's accounts, oldest first."""
        return list(await self.service.of_tenant(self.shop.tenant.id))

    async def modes(self) -> list[tuple[str, bool]]:
        """Their modes, and which is in use."""
        return [(at.profile.mode.value, at.profile.is_enabled) for at in await self.rows()]

    async def rival(self) -> str:
        """The id of another tenant of the platform."""
        name = f"rival-{secrets.token_hex(4)}"
        tenant, _ = await add_tenant(
            self.shop.engine, name=name, slug=name, tier_level=1, default_currency="USD"
        )
        return tenant.id

    async def connected(self, tenant_id: str | None) -> str:
        """The id of an account connected to the platform, which it says is this tenant's."""
        named = {} if tenant_id is None else {"metadata[tollgate_tenant_id]": tenant_id}
        made = await self.shop.call_stripe("accounts", type="standard", **named)
        return str(made["id"])

    async def account_of(self, key: str) -> str:
        """The id of the account that a key leads to."""
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as http,
            http.get(f"{self.shop.control.url}/v1/account") as answer,
        ):
            return str((await answer.json())["id"])

    async def order(self, account_id: str, **change: Any) -> None:
        """Changes an account by the sandbox's control routes."""
        async with self.shop.control.session.post(
            f"{self.shop.control.url}/_sandbox/accounts/{account_id}", json=change
        ) as answer:
            assert answer.status == 200, await answer.text()

    async def charges(self, account_id: str) -> list[dict[str, Any]]:
        """What the sandbox's ledger has at this account."""
        ledger = await self.shop.control.ledger(account_id)
        return list(ledger["charges"])

    async def application_fees(self, count: int) -> list[dict[str, Any]]:
        """The fees that the platform kept at the gateway, once there are so many: they are booked a
        moment after the charge."""
        for _ in range(BOOKED_TRIES):
            if len(await self._application_fees()) >= count:
                break
            await asyncio.sleep(0.1)
        return await self._application_fees()

    async def _application_fees(self) -> list[dict[str, Any]]:
        async with self.shop.stripe.get("/v1/application_fees") as answer:
            return list((await answer.json())["data"])

    async def audit(self) -> list[tuple[str, Any, Any]]:
        """What the audit says of the tenant's gateways: action, before, after."""
        found = await self.shop.rows(
            "select action, before, after from audit_log where tenant_id = :tenant"
            " and action like 'gateway.%' order by id",
            tenant=self.shop.tenant.id,
        )
        return [(action, before, after) for action, before, after in found]


async def refusal(desk: Desk, command: ConfigureGateway, **options: object) -> tuple[str, str]:
    """The rule that refuses the command, and what is said of it."""
    with pytest.raises(ValidationFailed) as failed:
        await desk.configure(command, **options)  # type: ignore[arg-type]
    (issue,) = failed.value.issues
    return issue.rule, issue.message
