"""A tenant's account at a gateway: what its administrators see and set. No secret leaves."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from domain.configuring import ShownGateway
from domain.gateway_rules import ConfigureGateway
from domain.payment import GatewayType
from domain.tenant import GatewayMode
from schema.errors import GatewayError, InvalidStateError, NotFoundError, ValidationError
from schema.node import Node
from schema.scalars import SafeText


@strawberry.type(description="An account at a gateway that takes, or took, the tenant's money.")
class PaymentGateway(Node):
    gateway_type: GatewayType = strawberry.field(description="The gateway.")
    mode: GatewayMode = strawberry.field(description="Whose account it is.")
    is_enabled: bool = strawberry.field(
        description="Whether new payments go through it: one account at most. One that is switched "
        "off finishes the payments that were begun through it."
    )
    is_live: bool = strawberry.field(description="Whether it moves real money.")
    account_id: str | None = strawberry.field(
        description="The gateway's id of the account, acct_…; null in mode PLATFORM."
    )
    secret_key_hint: str | None = strawberry.field(
        description="The last four characters of its key, in mode OWN."
    )
    webhook_secret_hint: str | None = strawberry.field(
        description="The last four characters of the secret that signs its events, in mode OWN."
    )
    webhook_url: str = strawberry.field(
        description="Where the gateway is to send the account's events. In mode OWN they are heard "
        "once a webhook secret is configured."
    )
    last_webhook_at: datetime | None = strawberry.field(
        description="When the last event about a payment of the tenant came in for it."
    )
    updated_at: datetime = strawberry.field(description="When it was last changed.")

    @classmethod
    def of(cls, shown: ShownGateway) -> PaymentGateway:
        """The account as its administrator sees it."""
        row = shown.profile
        return cls(
            id=strawberry.ID(row.id),
            gateway_type=row.gateway_type,
            mode=row.mode,
            is_enabled=row.is_enabled,
            is_live=row.livemode,
            account_id=row.account_id or row.key_account_id,
            secret_key_hint=row.secret_key_hint,
            webhook_secret_hint=row.webhook_secret_hint,
            webhook_url=shown.webhook_url,
            last_webhook_at=row.last_webhook_at,
            updated_at=row.updated_at,
        )


@strawberry.input(
    description="Whose account takes the tenant's money. In mode OWN the account is the key's; "
    "what is left out stays as it is stored."
)
class ConfigurePaymentGatewayInput:
    gateway_type: GatewayType = strawberry.field(description="The gateway.")
    mode: GatewayMode = strawberry.field(description="Whose account.")
    secret_key: SafeText | None = strawberry.field(
        description="Mode OWN: the account's key, sk_… or rk_…. A restricted key must be allowed "
        "to read its account, charges and balance transactions, and to write payment intents and "
        "refunds. It is stored encrypted and never shown again.",
        default=None,
    )
    webhook_secret: SafeText | None = strawberry.field(
        description="Mode OWN: what signs the account's events, whsec_…. Stored likewise.",
        default=None,
    )
    account_id: SafeText | None = strawberry.field(
        description="Mode CONNECT: the connected account, acct_…. Its metadata tollgate_tenant_id, "
        "which the platform writes, must name the tenant, unless the platform's own people ask.",
        default=None,
    )
    is_enabled: bool = strawberry.field(
        description="Whether new payments go through it; the one in use before is then switched "
        "off. False leaves the tenant without a gateway, if it was the one in use.",
        default=True,
    )

    def to_command(self) -> ConfigureGateway:
        """The command; the domain checks its form."""
        return ConfigureGateway(
            gateway_type=self.gateway_type,
            mode=self.mode,
            is_enabled=self.is_enabled,
            secret_key=self.secret_key,
            webhook_secret=self.webhook_secret,
            account_id=self.account_id,
        )


PaymentGatewayResult = Annotated[
    PaymentGateway | ValidationError | NotFoundError | InvalidStateError | GatewayError,
    strawberry.union("PaymentGatewayResult", description="What configurePaymentGateway answers."),
]
