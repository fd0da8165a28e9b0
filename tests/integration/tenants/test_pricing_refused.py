"""Prices that are refused: a typed error with its rule, and nothing written."""

from __future__ import annotations

from typing import Any

import pytest

from domain.caller import Role
from domain.ids import Prefix, new_id
from tests.integration.tenants.pricing_office import (
    DOCUMENTS,
    Office,
    a_tier,
    an_override,
    in_days,
    mutation,
)

NOBODY = new_id(Prefix.TENANT)

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("createFeeTier", {"basisPoints": 10_001}, "BASIS_POINTS_OUT_OF_RANGE"),
    ("createFeeTier", {"basisPoints": -1}, "BASIS_POINTS_OUT_OF_RANGE"),
    ("createFeeTier", {"level": 0}, "LEVEL_OUT_OF_RANGE"),
    ("createFeeTier", {"level": 2}, "LEVEL_TAKEN"),
    ("createFeeTier", {"name": " "}, "BLANK"),
    (
        "createFeeTier",
        {"fixedFees": [{"amountCents": at, "currency": "USD"} for at in (1, 2)]},
        "CURRENCY_TWICE",
    ),
    ("setFeeOverride", {"basisPoints": 10_001}, "BASIS_POINTS_OUT_OF_RANGE"),
    ("setFeeOverride", {"reason": ""}, "BLANK"),
    ("setFeeOverride", {"effectiveFrom": in_days(-1)}, "OVERRIDE_IN_PAST"),
    ("setFeeOverride", {"effectiveUntil": in_days(-0.01)}, "PERIOD_EMPTY"),
    ("createTenant", {"slug": "Acme"}, "INVALID_SLUG"),
    ("createTenant", {"slug": "-"}, "INVALID_SLUG"),
    ("createTenant", {"slug": "acme"}, "SLUG_TAKEN"),
    ("createTenant", {"name": ""}, "BLANK"),
]


@pytest.mark.parametrize(("name", "changes", "rule"), REFUSED)
async def test_bad_input_writes_nothing(
    office: Office, name: str, changes: dict[str, Any], rule: str
) -> None:
    """A ValidationError with its rule; the tables are as they were."""
    inputs = {
        "createFeeTier": a_tier(),
        "setFeeOverride": an_override(office),
        "createTenant": {"name": "Globex", "slug": "globex", "defaultCurrency": "EUR"},
    }
    before = await office.state()
    answer = await office.do(name, input={**inputs[name], **changes})

    assert (answer["__typename"], answer["detailCode"]) == ("ValidationError", rule)
    assert await office.state() == before


async def test_what_the_state_does_not_allow(office: Office) -> None:
    """The default tier and one in use are not archived; an archived one is neither assigned nor
    changed; what does not exist is not found. Nothing is written."""
    archived = (await office.do("createFeeTier", input=a_tier()))["id"]
    await office.do("archiveFeeTier", id=archived)
    starter, professional = await office.tier_id(1), await office.tier_id(2)
    tenant = await office.do(
        "createTenant", input={"name": "Globex", "slug": "globex", "defaultCurrency": "EUR"}
    )
    await office.do("assignFeeTier", tenantId=tenant["id"], feeTierId=professional)
    ours = {"tenantId": office.merchant.id}
    unknown = new_id(Prefix.FEE_TIER)
    tried: list[tuple[str, dict[str, Any], str | None]] = [
        ("archiveFeeTier", {"id": starter}, "TIER_IS_DEFAULT"),
        ("archiveFeeTier", {"id": professional}, "TIER_IN_USE"),
        ("assignFeeTier", {**ours, "feeTierId": archived}, "TIER_ARCHIVED"),
        ("updateFeeTier", {"id": archived, "input": a_tier(basisPoints=1)}, "TIER_ARCHIVED"),
        ("updateFeeTier", {"id": starter, "input": a_tier(level=2)}, "LEVEL_TAKEN"),
        ("assignFeeTier", {**ours, "feeTierId": unknown}, None),
        ("assignFeeTier", {"tenantId": NOBODY, "feeTierId": starter}, None),
        ("assignFeeTier", {"tenantId": "\0", "feeTierId": starter}, None),
        ("updateFeeTier", {"id": "Starter", "input": a_tier()}, None),
        ("archiveFeeTier", {"id": unknown}, None),
        ("endFeeOverride", {"id": new_id(Prefix.FEE_OVERRIDE)}, None),
        ("setFeeOverride", {"input": an_override(office, tenantId=NOBODY)}, None),
    ]
    before = await office.state()
    for name, variables, rule in tried:
        answer = await office.do(name, **variables)
        assert answer["detailCode"] == rule, answer
        assert answer["code"] != "NOT_FOUND" or rule is None

    assert await office.state() == before


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.PLATFORM_ADMIN, Role.CHECKOUT}))
async def test_a_tenant_sets_no_price(office: Office, role: Role) -> None:
    """Its own administrator least of all: each mutation is forbidden, and nothing is written."""
    made = await office.do("setFeeOverride", input=an_override(office))
    starter = await office.tier_id(1)
    given: dict[str, dict[str, Any]] = {
        "createTenant": {"input": {"name": "G", "slug": "g", "defaultCurrency": "EUR"}},
        "createFeeTier": {"input": a_tier()},
        "updateFeeTier": {"id": starter, "input": a_tier(level=1, basisPoints=0)},
        "archiveFeeTier": {"id": await office.tier_id(3)},
        "assignFeeTier": {
            "tenantId": office.merchant.id,
            "feeTierId": await office.tier_id(3),
        },
        "setFeeOverride": {"input": an_override(office, basisPoints=0)},
        "endFeeOverride": {"id": made["id"]},
    }
    assert given.keys() == DOCUMENTS.keys()
    before = await office.state()
    for name, variables in given.items():
        answer = await office.ask(mutation(name), variables, role)
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN", answer
    tenants = await office.ask("{ tenants { nodes { slug } } }", None, role)
    assert tenants["errors"][0]["extensions"]["code"] == "FORBIDDEN"

    assert await office.state() == before
