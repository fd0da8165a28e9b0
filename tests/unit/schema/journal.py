"""The record of the platform's acts, and checkout tokens, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from domain.caller import Actor
from domain.checkout import CheckoutToken
from tests.builders import NOW, an_order


@dataclass
class Journal:
    """Implements the record of the platform's acts: notes tenant, reason and operation."""

    entries: list[tuple[str, str, str]] = field(default_factory=list)

    async def record(self, actor: Actor, tenant_id: str, *, reason: str, operation: str) -> None:
        self.entries.append((tenant_id, reason, operation))


@dataclass
class CheckoutDesk:
    """Implements the use case of checkout tokens: any token is as good as another here."""

    async def create(
        self, actor: Actor, tenant_id: str, order_id: str, ttl_seconds: int
    ) -> CheckoutToken:
        return CheckoutToken("a.b.c", an_order(id=order_id), NOW + timedelta(seconds=ttl_seconds))
