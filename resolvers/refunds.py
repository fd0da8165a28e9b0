"""Refunds: reading them. `resolvers.payments.refund` makes them."""

from __future__ import annotations

from collections.abc import Sequence

from domain.ids import Prefix, is_id
from domain.refund import Refund
from domain.reports import Page, PageRequest
from resolvers.context import Context


async def by_ids(context: Context, ids: Sequence[str]) -> list[Refund | None]:
    """The refunds with these ids, in this order; None where there is none for the caller."""
    wanted = [text for text in ids if is_id(text, Prefix.REFUND)]
    found = await context.reads.refunds(context.tenant_id, wanted) if wanted else {}
    return [found.get(text) for text in ids]


async def page(context: Context, payment_id: str, request: PageRequest) -> Page[Refund]:
    """One slice of the payment's refunds, newest first."""
    return await context.reads.refund_page(context.tenant_id, payment_id, request)


async def count(context: Context, payment_id: str) -> int | None:
    """How many refunds the payment has; None when there are too many to count."""
    return await context.reads.refund_count(context.tenant_id, payment_id)
