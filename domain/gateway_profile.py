"""A gateway account as its administrator sees it, and the store behind that. No secret is in it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from domain.fees import GatewayFeeSchedule
from domain.payment import GatewayType
from domain.ports import AuditStore, TenantStore
from domain.tenant import GatewayMode

HINT_LENGTH = 4
"""How many characters of a secret are ever shown: its last ones."""

WEBHOOK_PATH = "/api/webhooks/stripe"


class AccountTaken(Exception):
    """Another tenant is paid through this account of the gateway. The transaction is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayProfile:
    """One row of `tenant_payment_gateways` less its secrets, of which the hints are the end.

    `account_id` is the connected account (mode CONNECT); `key_account_id` is the account that the
    tenant's own key belongs to, by the gateway's word (mode OWN).
    """

    id: str
    tenant_id: str
    gateway_type: GatewayType
    mode: GatewayMode
    livemode: bool
    is_enabled: bool
    fee_schedule: GatewayFeeSchedule
    created_at: datetime
    updated_at: datetime
    account_id: str | None = None
    key_account_id: str | None = None
    secret_key_hint: str | None = None
    webhook_secret_hint: str | None = None
    last_webhook_at: datetime | None = None

    @property
    def webhook_path(self) -> str:
        """Where the gateway sends the events of payments through this account."""
        return f"{WEBHOOK_PATH}/{self.id}" if self.mode is GatewayMode.OWN else WEBHOOK_PATH


@dataclass(frozen=True, slots=True)
class GatewaySecrets:
    """Secrets to be stored; None leaves what is stored as it is."""

    secret_key: str | None = field(default=None, repr=False)
    webhook_secret: str | None = field(default=None, repr=False)

    @property
    def replaced(self) -> list[str]:
        """The names of those that are given."""
        given = {"secret_key": self.secret_key, "webhook_secret": self.webhook_secret}
        return [name for name, secret in given.items() if secret is not None]

    def beside(self, stored: GatewaySecrets) -> GatewaySecrets:
        """Those that are not stored already."""
        return GatewaySecrets(
            None if self.secret_key == stored.secret_key else self.secret_key,
            None if self.webhook_secret == stored.webhook_secret else self.webhook_secret,
        )


class GatewayStore(Protocol):
    """A tenant's gateway accounts."""

    async def lock_all(self, tenant_id: str, gateway_type: GatewayType) -> None:
        """Makes this transaction the only one that changes them, until it ends."""
        ...

    async def of_tenant(self, tenant_id: str) -> Sequence[GatewayProfile]:
        """All of them, oldest first, those that are switched off too."""
        ...

    async def secrets(self, tenant_id: str, gateway_id: str) -> GatewaySecrets:
        """What is stored; None for what is not there, and for what cannot be decrypted."""
        ...

    async def add(self, profile: GatewayProfile, secrets: GatewaySecrets) -> None:
        """Raises AccountTaken."""
        ...

    async def save(self, profile: GatewayProfile, secrets: GatewaySecrets) -> None:
        """Raises AccountTaken and NotFound."""
        ...

    async def switch_off(self, tenant_id: str, gateway_id: str, at: datetime) -> None:
        """Disables the account; all that the worker may ever do to one."""
        ...


class GatewayWork(Protocol):
    """One transaction."""

    @property
    def gateways(self) -> GatewayStore: ...
    @property
    def tenants(self) -> TenantStore: ...
    @property
    def audit(self) -> AuditStore: ...

    async def commit(self) -> None: ...


class GatewayDatabase(Protocol):
    """Opens transactions of one tenant."""

    def begin(self, tenant_id: str) -> AbstractAsyncContextManager[GatewayWork]: ...


def hint(secret: str | None) -> str | None:
    """What is shown of a secret."""
    return None if secret is None else secret[-HINT_LENGTH:]
