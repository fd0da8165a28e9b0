"""Who asks: the caller's tenant and roles, and the actor that the audit names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What a token may do; `resolvers.access` says what each one covers."""

    CHECKOUT = "CHECKOUT"
    VIEWER = "VIEWER"
    DEVELOPER = "DEVELOPER"
    OPERATOR = "OPERATOR"
    FINANCE = "FINANCE"
    ADMIN = "ADMIN"
    PLATFORM_ADMIN = "PLATFORM_ADMIN"


class AuditActorType(StrEnum):
    """Who caused a change: a person or server with a token, Tollgate itself, or the gateway."""

    USER = "USER"
    SYSTEM = "SYSTEM"
    GATEWAY = "GATEWAY"


@dataclass(frozen=True, slots=True)
class Actor:
    """Whom the audit names. `id` is the token's subject, a loop's name, or a gateway event's id."""

    type: AuditActorType
    id: str
    request_id: str | None = None
    ip_address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A verified token. `order_id` binds a CHECKOUT token to its one order; `reason` is why the
    platform's people act in this tenant, None for everybody else."""

    subject: str
    tenant_id: str | None
    roles: frozenset[Role]
    expires_at: datetime
    request_id: str
    ip_address: str | None = None
    order_id: str | None = None
    reason: str | None = None

    @property
    def actor(self) -> Actor:
        """The caller as the audit names it."""
        return Actor(AuditActorType.USER, self.subject, self.request_id, self.ip_address)
