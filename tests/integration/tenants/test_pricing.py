"""Tiers, overrides and tenants, set over the real API: what they do, what is audited, and what is
refused with nothing written."""

from __future__ import annotations

import asyncio

import pytest

from db.pricing import _LOCK_TENANT
from domain.caller import Role
from tests.integration.tenants.pricing_office import Office, a_tier, an_override, in_days


async def test_a_tier_from_its_making_to_its_end(office: Office) -> None:
    """Made, changed, assigned, left, archived; each is a line in the audit with before and after,
    the tier's in the platform's own log, the tenant's in the tenant's."""
    made = await office.do("createFeeTier", input=a_tier())
    assert made["__typename"] == "FeeTier"
    fees = [{"amountCents": 30, "currency": "USD"}, {"amountCents": 0, "currency": "EUR"}]
    changed = await office.do(
        "updateFeeTier", id=made["id"], input=a_tier(basisPoints=200, fixedFees=fees)
    )
    again = await office.do(
        "updateFeeTier", id=made["id"], input=a_tier(basisPoints=200, fixedFees=fees)
    )
    assert again == changed
    assert changed["fixedFees"] == [fees[1], fees[0]]
    tenant = await office.do("assignFeeTier", tenantId=office.merchant.id, feeTierId=made["id"])
    assert tenant["feeTier"] == {"level": 7}
    assert await office.quoted() == 230
    assert await office.quoted(currency="EUR") == 200
    assert (await office.quoted(currency="GBP"))["detailCode"] == "FEE_CURRENCY_MISSING"

    starter = await office.tier_id(1)
    await office.do("assignFeeTier", tenantId=office.merchant.id, feeTierId=starter)
    archived = await office.do("archiveFeeTier", id=made["id"])
    assert archived["isArchived"]
    assert await office.do("archiveFeeTier", id=made["id"]) == archived

    lines = await office.lines()
    assert [line[:2] for line in lines] == [
        ("fee_tier.created", "ann"),
        ("fee_tier.updated", "ann"),
        ("fee_tier.archived", "ann"),
    ]
    assert (lines[1][2]["basis_points"], lines[1][3]["basis_points"]) == (250, 200)
    assert lines[1][3]["fixed_fees"] == {"USD": 30, "EUR": 0}
    read = await office.read(
        "{ auditEntries(first: 10) { totalCount nodes { id action actor subjectId } } }"
    )
    shown = read["auditEntries"]
    assert shown["totalCount"] == 3
    assert [(at["action"], at["actor"], at["subjectId"]) for at in shown["nodes"]] == [
        (line[0], "ann", made["id"]) for line in reversed(lines)
    ]
    node = f'{{ node(id: "{shown["nodes"][0]["id"]}") {{ ... on AuditEntry {{ action }} }} }}'
    assert await office.read(node) == {"node": {"action": "fee_tier.archived"}}
    assert await office.read(node, Role.FINANCE) == {"node": None}
    moves = await office.lines(office.merchant.id)
    assert [line[0] for line in moves] == ["tenant.tier_assigned"] * 2
    assert (moves[0][2]["fee_tier_id"], moves[0][3]["fee_tier_id"]) == (starter, made["id"])


async def test_lists(office: Office) -> None:
    """Archived tiers only when asked for; tenants page by page; overrides of one, of all, and for a
    tenant of none but its own."""
    tier = await office.do("createFeeTier", input=a_tier())
    await office.do("archiveFeeTier", id=tier["id"])
    override = await office.do("setFeeOverride", input=an_override(office))
    other = await office.do(
        "createTenant", input={"name": "Globex", "slug": "globex", "defaultCurrency": "EUR"}
    )
    assert (other["slug"], other["isActive"], other["feeTier"]) == ("globex", True, {"level": 1})
    levels = "{ feeTiers%s { level isDefault } }"
    assert [at["level"] for at in (await office.read(levels % ""))["feeTiers"]] == [1, 2, 3]
    everything = await office.read(levels % "(includeArchived: true)")
    assert [at["level"] for at in everything["feeTiers"]] == [1, 2, 3, 7]

    page = (
        "{ tenants(first: 1%s) { totalCount nodes { slug } pageInfo { hasNextPage endCursor } } }"
    )
    first = (await office.read(page % ""))["tenants"]
    cursor = first["pageInfo"]["endCursor"]
    second = (await office.read(page % f', after: "{cursor}"'))["tenants"]
    assert [first["nodes"], second["nodes"]] == [[{"slug": "globex"}], [{"slug": "acme"}]]
    assert (first["totalCount"], second["pageInfo"]["hasNextPage"]) == (2, False)

    listed = "{ feeOverrides%s { id tenant { slug } } }"
    one = [{"id": override["id"], "tenant": {"slug": "acme"}}]
    of_other = f'(tenantId: "{other["id"]}")'
    assert (await office.read(listed % ""))["feeOverrides"] == one
    assert (await office.read(listed % of_other))["feeOverrides"] == []
    assert (await office.read(listed % '(tenantId: "x")'))["feeOverrides"] == []
    assert (await office.read(listed % "", Role.FINANCE))["feeOverrides"] == one
    assert (await office.read(listed % of_other, Role.FINANCE))["feeOverrides"] == []


async def test_an_override_from_its_start_to_its_end(office: Office) -> None:
    """In force at once, ended at once, kept; ended again it stays as it is, and the tenant pays by
    its tier."""
    made = await office.do("setFeeOverride", input=an_override(office))
    assert (made["createdBy"], made["tenant"]) == ("ann", {"slug": "acme"})
    assert await office.quoted() == 100
    ended = await office.do("endFeeOverride", id=made["id"])
    assert made["effectiveFrom"] < ended["effectiveUntil"] < in_days(0)
    assert await office.quoted() == 300
    assert await office.do("endFeeOverride", id=made["id"]) == ended
    next_one = await office.do("setFeeOverride", input=an_override(office, basisPoints=50))
    assert next_one["__typename"] == "FeeOverride"
    assert await office.quoted() == 50

    lines = await office.lines(office.merchant.id)
    assert [line[0] for line in lines] == [
        "fee_override.set",
        "fee_override.ended",
        "fee_override.set",
    ]
    assert lines[0][2] is None
    assert (lines[1][2]["effective_until"], lines[1][3]["reason"]) == (None, "A deal")


async def test_an_override_that_never_begins(office: Office) -> None:
    """One of next week can be called off; its period is free again, and it is still on record."""
    coming = an_override(office, effectiveFrom=in_days(7), effectiveUntil=in_days(14))
    made = await office.do("setFeeOverride", input=coming)
    refused = await office.do("setFeeOverride", input=an_override(office))
    assert refused["detailCode"] == "OVERRIDE_OVERLAPS"
    off = await office.do("endFeeOverride", id=made["id"])
    assert off["effectiveUntil"] == off["effectiveFrom"]
    assert await office.do("endFeeOverride", id=made["id"]) == off
    assert (await office.do("setFeeOverride", input=coming))["__typename"] == "FeeOverride"
    assert await office.rows("SELECT count(*) FROM platform_fee_overrides") == [(2,)]


async def test_two_periods_that_touch(office: Office) -> None:
    """An end is not part of its period, so the next override may start just there."""
    middle = in_days(10)
    first = await office.do("setFeeOverride", input=an_override(office, effectiveUntil=middle))
    second = await office.do("setFeeOverride", input=an_override(office, effectiveFrom=middle))
    assert {first["__typename"], second["__typename"]} == {"FeeOverride"}


async def test_overrides_set_at_once(office: Office) -> None:
    """Of eight for one period one is set, and the others are told so."""
    answers = await asyncio.gather(
        *(office.do("setFeeOverride", input=an_override(office)) for _ in range(8))
    )
    told = sorted(answer.get("detailCode") or answer["__typename"] for answer in answers)
    assert told == ["FeeOverride", *["OVERRIDE_OVERLAPS"] * 7]
    assert len(await office.lines(office.merchant.id)) == 1


async def test_a_tier_archived_while_it_is_assigned(office: Office) -> None:
    """One of the two is refused: nobody is left on an archived tier."""
    for level in range(10, 18):
        tier = await office.do("createFeeTier", input=a_tier(level=level))
        await asyncio.gather(
            office.do("archiveFeeTier", id=tier["id"]),
            office.do("assignFeeTier", tenantId=office.merchant.id, feeTierId=tier["id"]),
        )
        (left,) = await office.rows(
            "SELECT count(*) FROM tenants t JOIN platform_fee_tiers f ON f.id = t.fee_tier_id"
            " WHERE f.is_archived"
        )
        assert left == (0,)


async def test_lines_of_two_who_change_one_tier(office: Office) -> None:
    """Each line begins where the one before ended."""
    tier = await office.do("createFeeTier", input=a_tier())
    await asyncio.gather(
        *(
            office.do("updateFeeTier", id=tier["id"], input=a_tier(basisPoints=300 + at))
            for at in range(6)
        )
    )
    lines = [line for line in await office.lines() if line[0] == "fee_tier.updated"]
    chain = {line[2]["basis_points"]: line[3]["basis_points"] for line in lines}
    price, seen = 250, 0
    while price in chain:
        price, seen = chain[price], seen + 1
    (stored,) = await office.rows("SELECT basis_points FROM platform_fee_tiers WHERE level = 7")
    assert (stored, seen) == ((price,), len(lines))


async def test_an_override_renewed_again_and_again(office: Office) -> None:
    """Who ends one while another sets the next finds it in force or over, and never an overlap
    that is gone: each of the ends and starts is told in turn."""
    made = await office.do("setFeeOverride", input=an_override(office))
    for _ in range(6):
        ended, following = await asyncio.gather(
            office.do("endFeeOverride", id=made["id"]),
            office.do("setFeeOverride", input=an_override(office)),
        )
        assert ended["__typename"] == "FeeOverride"
        if following["__typename"] == "FeeOverride":
            assert following["effectiveFrom"] >= ended["effectiveUntil"]
        else:
            assert following["detailCode"] == "OVERRIDE_OVERLAPS"
            following = await office.do("setFeeOverride", input=an_override(office))
        made = following


async def test_orders_do_not_wait_for_prices(office: Office) -> None:
    """While somebody is in the middle of changing the tenant's price, it takes orders as ever."""
    async with office.api.engine.connect() as held:
        await held.execute(_LOCK_TENANT, {"of_id": office.merchant.id})
        order = {"reference": "A-1", "totalAmountCents": 500, "currency": "USD"}
        document = """mutation($input: CreateOrderInput!) { createOrder(input: $input) {
            __typename } }"""
        async with asyncio.timeout(3):
            made = await office.ask(
                document, {"input": {**order, "idempotencyKey": "k"}}, Role.OPERATOR
            )
    assert made["data"]["createOrder"]["__typename"] == "OrderSuccess"


@pytest.mark.parametrize(
    ("amount", "currency", "rule"),
    [
        (0, "USD", "AMOUNT_TOO_SMALL"),
        (49, "USD", "AMOUNT_TOO_SMALL"),
        (100_000_000, "USD", "AMOUNT_TOO_LARGE"),
        (1_001, "KWD", "AMOUNT_NOT_ROUND"),
    ],
)
async def test_no_quote_for_what_cannot_be_paid(
    office: Office, amount: int, currency: str, rule: str
) -> None:
    """The currency's minimum, maximum and steps hold for a quote as for the payment."""
    assert (await office.quoted(amount, currency))["detailCode"] == rule
