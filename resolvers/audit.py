"""The audit log: reading it. Nobody writes it but the use cases."""

from __future__ import annotations

from collections.abc import Sequence

from domain.audit import PLATFORM
from domain.audit_reading import AuditFilter, SealedEntry
from domain.caller import Role
from domain.ids import Prefix, is_id
from domain.reports import Page, PageRequest
from resolvers.access import effective_roles
from resolvers.context import Context

SUBJECT_LENGTH_MAX = 200
"""Longer than any id."""


async def by_ids(context: Context, ids: Sequence[str]) -> list[SealedEntry | None]:
    """The entries with these ids, in this order; None where there is none for the caller."""
    wanted = [text for text in ids if is_id(text, Prefix.AUDIT_ENTRY)]
    found = await context.audit.entries(_whose(context), wanted) if wanted else {}
    return [found.get(text) for text in ids]


async def page(context: Context, where: AuditFilter, request: PageRequest) -> Page[SealedEntry]:
    """One slice of the entries that match, newest first."""
    if not _may_be_found(where):
        return Page((), has_next=False, has_previous=False)
    return await context.audit.page(_whose(context), where, request)


async def count(context: Context, where: AuditFilter) -> int | None:
    """How many entries match; None when there are too many to count."""
    if not _may_be_found(where):
        return 0
    return await context.audit.count(_whose(context), where)


def _may_be_found(where: AuditFilter) -> bool:
    """Whether the subject is text that the database could hold: an ID may be anything at all."""
    subject = where.subject_id
    return subject is None or (len(subject) <= SUBJECT_LENGTH_MAX and subject.isprintable())


def _whose(context: Context) -> str:
    """Whose log: the tenant's; that of the platform itself for its people who name no tenant."""
    is_platforms = Role.PLATFORM_ADMIN in effective_roles(context.caller)
    return PLATFORM if is_platforms and context.caller.tenant_id is None else context.tenant_id
