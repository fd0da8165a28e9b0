"""The books: a payment's entries, and what fees came to."""

from __future__ import annotations

from collections.abc import Sequence

from domain.caller import Role
from domain.errors import Issue, ValidationFailed
from domain.fee_report import ROWS_MAX, FeeReport, MetricsInterval, ReportRequest, TooManyRows
from domain.ids import Prefix, is_id
from domain.ledger import LedgerTransaction
from domain.reports import TimeRange
from resolvers.access import effective_roles
from resolvers.context import Context


async def of_payments(
    context: Context, payment_ids: Sequence[str]
) -> list[Sequence[LedgerTransaction] | None]:
    """The transactions of each of these payments, in their order; none for one that has none."""
    found = await context.books.of_payments(context.tenant_id, payment_ids)
    return [found.get(payment_id, ()) for payment_id in payment_ids]


async def fee_report(
    context: Context,
    span: TimeRange,
    interval: MetricsInterval,
    currency: str,
    tenant_id: str | None,
) -> FeeReport:
    """The report: of the caller's tenant; for the platform's people, of any, or of all. Raises
    ValidationFailed, for another tenant's too."""
    asked = ReportRequest.of(span, interval, currency, _whose(context, tenant_id))
    try:
        return FeeReport(currency, await context.books.fee_rows(asked))
    except TooManyRows as many:
        message = f"The report would have more than {ROWS_MAX} rows: take a shorter range."
        raise ValidationFailed(Issue(("range",), "RANGE_TOO_LONG", message)) from many


def _whose(context: Context, tenant_id: str | None) -> str | None:
    if Role.PLATFORM_ADMIN in effective_roles(context.caller):
        if tenant_id is not None and not is_id(tenant_id, Prefix.TENANT):
            raise _unknown()
        return tenant_id or context.caller.tenant_id
    if tenant_id not in {None, context.tenant_id}:
        raise _unknown()
    return context.tenant_id


def _unknown() -> ValidationFailed:
    """Another's, or nobody's: the answer does not tell which."""
    return ValidationFailed(Issue(("tenantId",), "TENANT_UNKNOWN", "No tenant with this id."))
