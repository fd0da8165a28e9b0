"""Disputes: reading them. They are the bank's; what becomes of them is heard by webhook."""

from __future__ import annotations

from collections.abc import Sequence

from domain.dispute import Dispute
from domain.ids import Prefix, is_id
from domain.reports import DisputeFilter, Page, PageRequest
from resolvers.context import Context


async def by_ids(context: Context, ids: Sequence[str]) -> list[Dispute | None]:
    """The disputes with these ids, in this order; None where there is none for the caller."""
    wanted = [text for text in ids if is_id(text, Prefix.DISPUTE)]
    found = await context.reads.disputes(context.tenant_id, wanted) if wanted else {}
    return [found.get(text) for text in ids]


async def page(context: Context, where: DisputeFilter, request: PageRequest) -> Page[Dispute]:
    """One slice of the disputes that match, newest first."""
    return await context.reads.dispute_page(context.tenant_id, where, request)


async def count(context: Context, where: DisputeFilter) -> int | None:
    """How many disputes match; None when there are too many to count."""
    return await context.reads.dispute_count(context.tenant_id, where)
