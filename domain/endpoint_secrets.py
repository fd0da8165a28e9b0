"""What signs a webhook endpoint's events. An endpoint has several secrets while one is renewed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

OVERLAP = timedelta(hours=24)
"""How long the secret before is still believed once another was configured: as long as Stripe signs
with both of them at most (docs.stripe.com/webhooks, "Roll endpoint signing secrets")."""

SECRETS_MAX = 5
"""Secrets of a tenant's endpoint that a signature is compared with: the newest in force."""


@dataclass(frozen=True, slots=True)
class EndpointSecret:
    """A secret (`whsec_…`), believed until `expires_at`, without which it has no end."""

    secret: str = field(repr=False)
    expires_at: datetime | None = None

    def is_in_force(self, now: datetime) -> bool:
        """Whether what it signs is believed at this time. A blank secret signs nothing."""
        is_ended = self.expires_at is not None and self.expires_at <= now
        return bool(self.secret.strip()) and not is_ended


def in_force(secrets: Iterable[EndpointSecret], now: datetime) -> tuple[str, ...]:
    """The texts of the secrets that are believed at this time."""
    return tuple(secret.secret for secret in secrets if secret.is_in_force(now))


class EndpointSecretStore(Protocol):
    """The secrets of tenants' own endpoints."""

    async def of_gateway(self, gateway_id: str, now: datetime) -> Sequence[EndpointSecret]:
        """The secrets in force of the row, the newest first, at most SECRETS_MAX. None at all for a
        row of an inactive tenant, one that is not in mode OWN, and one that is not there. Also of a
        row that is switched off: the payments that it began go on. The transaction becomes that of
        the row's tenant, unless it is a tenant's already."""
        ...
