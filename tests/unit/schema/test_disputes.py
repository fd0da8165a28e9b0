"""Disputes as the schema shows them, over a shop in memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.caller import Role
from domain.dispute import DisputeStatus
from domain.snapshot import GatewayDisputeStatus
from tests.builders import TENANT, a_paid_payment
from tests.unit.domain.disputes import a_dispute, taken
from tests.unit.schema.shop import Shelf, a_caller, execute

VIEWER = a_caller(Role.VIEWER)
SHOWN = """
    id status reason gatewayDisputeId createdAt closedAt evidenceDueAt
    amount { amountCents currency } disputeFee { amountCents currency }
"""
WON = a_dispute(GatewayDisputeStatus.WON, taken(4_320, "EUR"), amount=4_000)
INQUIRY = replace(
    a_dispute(GatewayDisputeStatus.WARNING_NEEDS_RESPONSE, evidence_due_at=None),
    gateway_dispute_id="du_2",
)


def shelf() -> Shelf:
    """A payment with two disputes."""
    return Shelf(all_payments=[a_paid_payment()], all_disputes=[INQUIRY, WON])


async def test_a_dispute_is_projected_field_by_field() -> None:
    """Its amount in its own currency, its fee in the account's; without money the fee is 0."""
    result = await execute(
        f"{{ disputes {{ nodes {{ {SHOWN} }} }} }}", caller=VIEWER, shelf=shelf()
    )

    assert result.errors is None
    assert result.data is not None
    inquiry, won = result.data["disputes"]["nodes"]
    assert won == {
        "id": WON.id,
        "status": "WON",
        "reason": "fraudulent",
        "gatewayDisputeId": "du_1",
        "createdAt": "2026-11-23T11:00:00Z",
        "closedAt": "2026-11-23T12:00:00Z",
        "evidenceDueAt": "2026-12-01T12:00:00Z",
        "amount": {"amountCents": 4_000, "currency": "USD"},
        "disputeFee": {"amountCents": 1_500, "currency": "EUR"},
    }
    assert (inquiry["status"], inquiry["closedAt"], inquiry["evidenceDueAt"]) == (
        "INQUIRY",
        None,
        None,
    )
    assert inquiry["disputeFee"] == {"amountCents": 0, "currency": "USD"}


async def test_payments_of_many_disputes_are_read_together() -> None:
    """Two disputes of one payment cost one page and one read of payments."""
    given = shelf()
    result = await execute(
        "{ disputes { totalCount nodes { payment { id } } } }", caller=VIEWER, shelf=given
    )

    assert result.errors is None
    assert given.calls == ["dispute_page", "dispute_count", "payments"]


async def test_a_payment_tells_what_its_disputes_cost() -> None:
    """Loss and fee explain net; its disputes stand below it."""
    paid = a_paid_payment(dispute_lost=4_000, dispute_fee=1_389)
    result = await execute(
        """query ($id: ID!) { payment(id: $id) {
            netAmount { amountCents } disputeLoss { amountCents } disputeFee { amountCents }
            disputes(first: 1) { nodes { id } pageInfo { hasNextPage } }
        } }""",
        caller=VIEWER,
        shelf=replace(shelf(), all_payments=[paid]),
        variables={"id": paid.id},
    )

    assert result.data == {
        "payment": {
            "netAmount": {"amountCents": 10_000 - 300 - 320 - 4_000 - 1_389},
            "disputeLoss": {"amountCents": 4_000},
            "disputeFee": {"amountCents": 1_389},
            "disputes": {"nodes": [{"id": INQUIRY.id}], "pageInfo": {"hasNextPage": True}},
        }
    }


@pytest.mark.parametrize(
    ("statuses", "found"),
    [
        (["WON", "LOST"], [WON.id]),
        (["INQUIRY"], [INQUIRY.id]),
        ([], []),
        (None, [INQUIRY.id, WON.id]),
    ],
)
async def test_disputes_by_status(statuses: list[str] | None, found: list[str]) -> None:
    """One of the statuses, none of none, all without a filter."""
    result = await execute(
        "query ($in: [DisputeStatus!]) { disputes(filter: {statusIn: $in}) { nodes { id } } }",
        caller=VIEWER,
        shelf=shelf(),
        variables={"in": statuses},
    )

    assert result.data == {"disputes": {"nodes": [{"id": at} for at in found]}}


@pytest.mark.parametrize("cursor", ["re_01m8atzvkpft1rj8gzgawnx25j", "dp_1", ""])
async def test_a_cursor_of_another_list_is_refused(cursor: str) -> None:
    """A cursor is a dispute's id, and nothing is read for another."""
    given = shelf()
    result = await execute(
        "query ($at: String) { disputes(after: $at) { nodes { id } } }",
        caller=VIEWER,
        shelf=given,
        variables={"at": cursor},
    )

    assert result.errors
    assert given.calls == []


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.CHECKOUT])
async def test_every_reader_sees_disputes(role: Role) -> None:
    """From VIEWER up, within their tenant; by its id too."""
    caller = a_caller(role, tenant_id=TENANT)
    result = await execute(
        "query ($id: ID!) { node(id: $id) { ... on Dispute { status } } }",
        caller=caller,
        shelf=shelf(),
        variables={"id": WON.id},
    )

    assert result.data == {"node": {"status": DisputeStatus.WON.value}}
