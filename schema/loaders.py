"""Loaders: objects asked for one by one within a request are read together, and once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from strawberry.dataloader import DataLoader

from resolvers import (
    alerts,
    audit,
    disputes,
    fees,
    gateways,
    ledger,
    orders,
    payments,
    refunds,
    tenants,
    webhook_events,
)
from resolvers.context import Context

T = TypeVar("T")

BATCH_SIZE_MAX = 100


class Loaders:
    """One request's loaders; their keys are ids within the caller's tenant."""

    def __init__(self, context: Context) -> None:
        self.payment = _loader(context, payments.by_ids)
        self.order = _loader(context, orders.by_ids)
        self.refund = _loader(context, refunds.by_ids)
        self.dispute = _loader(context, disputes.by_ids)
        self.tenant = _loader(context, tenants.by_ids)
        self.any_tenant = _loader(context, tenants.any_by_ids)
        self.fee_tier = _loader(context, fees.tiers_by_ids)
        self.alert = _loader(context, alerts.by_ids)
        self.audit_entry = _loader(context, audit.by_ids)
        self.fee_override = _loader(context, fees.overrides_by_ids)
        self.gateway = _loader(context, gateways.by_ids)
        self.ledger = _loader(context, ledger.of_payments)
        self.webhook_event = _loader(context, webhook_events.by_ids)
        self.webhook_payload = _loader(context, webhook_events.payloads_by_ids)
        self.webhook_attempts = _loader(context, webhook_events.attempts_by_ids)


def _loader(
    context: Context, by_ids: Callable[[Context, Sequence[str]], Awaitable[list[T | None]]]
) -> DataLoader[str, T | None]:
    async def load(ids: list[str]) -> Sequence[T | None]:
        return await by_ids(context, ids)

    return DataLoader(load_fn=load, max_batch_size=BATCH_SIZE_MAX)
