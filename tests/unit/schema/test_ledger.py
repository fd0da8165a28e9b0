"""The books in the schema: who may read a payment's entries, and whose reports."""

from __future__ import annotations

from typing import Any

import pytest

from domain.caller import Role
from domain.errors import Forbidden
from domain.fee_report import FeeAmounts, FeeReportRow
from domain.ids import Prefix, new_id
from domain.ledger import LedgerAccount, LedgerEntry, LedgerTransaction, Posting
from domain.payment import Payment
from schema.context import GraphContext
from schema.schema import schema
from tests.builders import NOW, TENANT, a_paid_payment
from tests.unit.schema.price_desk import BookShelf
from tests.unit.schema.shop import MERCHANT, TIER, Shelf, a_caller, a_context

ENTRIES = """query($ids: [ID!]!) { nodes(ids: $ids) { ... on Payment { ledgerEntries {
    id transactionId account amountCents currency reason createdAt } } } }"""
REPORT = """query($range: DateTimeRange!, $tenant: ID) {
  feeReport(range: $range, currency: "USD", tenantId: $tenant) {
    grossCents refundedCents platformFeeCents platformFeeRefundedCents gatewayFeeCents
    disputeLossCents netCents
    rows { start paymentCount grossCents netCents tenant { slug } tier { level } } } }"""
RANGE = {"gte": "2026-11-01T00:00:00Z", "lt": "2026-12-01T00:00:00Z"}


def a_booking(payment: Payment) -> LedgerTransaction:
    """Two entries of the payment."""
    postings = (
        Posting(LedgerAccount.GATEWAY_CLEARING, 500, "USD", "gw_1"),
        Posting(LedgerAccount.MERCHANT_PAYABLE, -500, "USD"),
    )
    return LedgerTransaction(
        id=new_id(Prefix.LEDGER_TRANSACTION),
        tenant_id=TENANT,
        payment_id=payment.id,
        fact_key="capture:ch_1",
        reason="captured",
        created_at=NOW,
        entries=tuple(LedgerEntry(new_id(Prefix.LEDGER_ENTRY), each) for each in postings),
    )


async def asked(
    document: str, variables: dict[str, Any], shelf: Shelf, books: BookShelf, *roles: Role
) -> Any:
    """The answer, over these books."""
    context = a_context(a_caller(*roles), shelf)
    object.__setattr__(context, "books", books)
    return await schema.execute(
        document, variable_values=variables, context_value=GraphContext(context)
    )


async def test_entries_are_read_together() -> None:
    """Of two payments in one look; the second has none."""
    first = a_paid_payment(id=new_id(Prefix.PAYMENT))
    second = a_paid_payment(id=new_id(Prefix.PAYMENT))
    shelf, booked = Shelf(all_payments=[first, second]), a_booking(first)
    ids = {"ids": [first.id, second.id]}
    answer = await asked(ENTRIES, ids, shelf, BookShelf([booked]), Role.FINANCE)

    assert answer.errors is None
    one, none = [node["ledgerEntries"] for node in answer.data["nodes"]]
    assert [(line["account"], line["amountCents"]) for line in one] == [
        ("gateway_clearing", 500),
        ("merchant_payable", -500),
    ]
    assert {line["transactionId"] for line in one} == {booked.id}
    assert none == []


@pytest.mark.parametrize("role", [Role.VIEWER, Role.DEVELOPER, Role.OPERATOR])
async def test_entries_are_for_finance(role: Role) -> None:
    """Nobody else reads a payment's entries, or a report."""
    payment = a_paid_payment(id=new_id(Prefix.PAYMENT))
    shelf, books = Shelf(all_payments=[payment]), BookShelf()
    for document, variables in (
        (ENTRIES, {"ids": [payment.id]}),
        (REPORT, {"range": RANGE, "tenant": None}),
    ):
        answer = await asked(document, variables, shelf, books, role)
        assert isinstance(answer.errors[0].original_error, Forbidden)
    assert books.asked == []


async def test_a_report() -> None:
    """Totals, and rows with their tenant and tier; one of an override has no tier."""
    rows = [
        FeeReportRow(NOW, TENANT, tier, 1, FeeAmounts(100, 10, 5, 1, 3, 2))
        for tier in (TIER.id, None)
    ]
    shelf, books = Shelf(tiers=[TIER], merchant=MERCHANT), BookShelf(rows=rows)
    answer = await asked(REPORT, {"range": RANGE}, shelf, books, Role.FINANCE)

    assert answer.errors is None
    report = answer.data["feeReport"]
    assert report.pop("rows") == [
        {
            "start": "2026-11-23T12:00:00Z",
            "paymentCount": 1,
            "grossCents": 100,
            "netCents": 81,
            "tenant": {"slug": "acme"},
            "tier": tier,
        }
        for tier in ({"level": 1}, None)
    ]
    assert list(report.values()) == [200, 20, 10, 2, 6, 4, 162]
    assert [each.tenant_id for each in books.asked] == [TENANT]


async def test_whose_report() -> None:
    """A tenant's own alone; the platform's people name any, and no tenant that does not exist."""
    other = new_id(Prefix.TENANT)
    shelf, books = Shelf(merchant=MERCHANT), BookShelf()
    for tenant, role, found in (
        (TENANT, Role.FINANCE, True),
        (other, Role.FINANCE, False),
        ("x", Role.FINANCE, False),
        (other, Role.PLATFORM_ADMIN, True),
        ("x", Role.PLATFORM_ADMIN, False),
    ):
        answer = await asked(REPORT, {"range": RANGE, "tenant": tenant}, shelf, books, role)
        assert (answer.errors is None) is found, (tenant, role)
    assert [each.tenant_id for each in books.asked] == [TENANT, other]
