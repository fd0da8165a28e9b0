"""Checkout tokens: leave for a shopper's page to pay one order, and to see nothing else."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from domain.audit import AuditEntry
from domain.caller import Actor
from domain.errors import AttemptedOperation, InvalidState, Issue, NotFound, ValidationFailed
from domain.ids import Prefix, new_id
from domain.order import Order, OrderStatus
from domain.ports import Clock, Database

TTL_SECONDS_MIN = 60
TTL_SECONDS_MAX = 86_400
"""A shopper who comes back after a day is given a new token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutGrant:
    """What a checkout token says. `token_id` is its jti, by which it can be revoked."""

    token_id: str
    tenant_id: str
    order_id: str
    issued_at: datetime
    expires_at: datetime


class CheckoutSigner(Protocol):
    """Puts a grant into a token that only the service can have made."""

    def sign(self, grant: CheckoutGrant) -> str: ...


@dataclass(frozen=True, slots=True)
class CheckoutToken:
    """A token for the shopper's page; whoever holds it may pay the order."""

    token: str = field(repr=False)
    order: Order
    expires_at: datetime


class CheckoutService:
    """Gives out checkout tokens."""

    def __init__(self, database: Database, signer: CheckoutSigner, clock: Clock) -> None:
        self._database = database
        self._signer = signer
        self._clock = clock

    async def create(
        self, actor: Actor, tenant_id: str, order_id: str, ttl_seconds: int
    ) -> CheckoutToken:
        """A token good for `ttl_seconds` from now, 60 to 86400.

        Raises ValidationFailed, NotFound, and InvalidState for an order that is canceled.
        """
        if not TTL_SECONDS_MIN <= ttl_seconds <= TTL_SECONDS_MAX:
            message = f"ttlSeconds is from {TTL_SECONDS_MIN} to {TTL_SECONDS_MAX}."
            raise ValidationFailed(Issue(("ttlSeconds",), "TTL_OUT_OF_RANGE", message))
        now = self._clock.now().replace(microsecond=0)
        grant = CheckoutGrant(
            token_id=secrets.token_hex(16),
            tenant_id=tenant_id,
            order_id=order_id,
            issued_at=now,
            expires_at=now + timedelta(seconds=ttl_seconds),
        )
        async with self._database.begin(tenant_id) as work:
            order = await work.orders.find(tenant_id, order_id)
            if order is None:
                raise NotFound(order_id)
            _check_payable(order)
            await work.audit.append(_entry(actor, grant))
            await work.commit()
        return CheckoutToken(self._signer.sign(grant), order, grant.expires_at)


def _check_payable(order: Order) -> None:
    if order.status is OrderStatus.CANCELED:
        raise InvalidState(
            "The order is canceled.",
            detail_code="ORDER_CANCELED",
            attempted=AttemptedOperation.CREATE_CHECKOUT_TOKEN,
            order=order,
        )


def _entry(actor: Actor, grant: CheckoutGrant) -> AuditEntry:
    return AuditEntry(
        id=new_id(Prefix.AUDIT_ENTRY),
        tenant_id=grant.tenant_id,
        at=grant.issued_at,
        actor=actor,
        action="checkout_token.created",
        subject_id=grant.order_id,
        before=None,
        after={"token_id": grant.token_id, "expires_at": grant.expires_at.isoformat()},
    )
