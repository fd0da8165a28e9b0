"""The platform's pricing office: its people, a tenant, and what the tables say afterwards."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from app.tokens import mint_token
from domain.caller import Role
from tests.integration.db.conftest import Merchant
from tests.integration.tenants.people import Api
from tests.unit.app.asgi import JSON_HEADERS, answered

ANSWER = """{
  __typename
  ... on Error { code detailCode }
  ... on ValidationError { issues { path rule } }
  ... on NotFoundError { missing: id }
  ... on InvalidStateError { attempted }
  %s
}"""
TIER = "... on FeeTier { id name level basisPoints isArchived fixedFees { amountCents currency } }"
OVERRIDE = (
    "... on FeeOverride { id basisPoints createdBy effectiveFrom effectiveUntil tenant { slug } }"
)
TENANT = "... on Tenant { id slug isActive feeTier { level } }"
DOCUMENTS = {
    "createTenant": ("$input: CreateTenantInput!", "input: $input", TENANT),
    "createFeeTier": ("$input: FeeTierInput!", "input: $input", TIER),
    "updateFeeTier": ("$id: ID!, $input: FeeTierInput!", "id: $id, input: $input", TIER),
    "archiveFeeTier": ("$id: ID!", "id: $id", TIER),
    "assignFeeTier": (
        "$tenantId: ID!, $feeTierId: ID!",
        "tenantId: $tenantId, feeTierId: $feeTierId",
        TENANT,
    ),
    "setFeeOverride": ("$input: SetFeeOverrideInput!", "input: $input", OVERRIDE),
    "endFeeOverride": ("$id: ID!", "id: $id", OVERRIDE),
}
TABLES = ("platform_fee_tiers", "platform_fee_overrides", "tenants", "tenant_payment_gateways")


def a_tier(**changes: Any) -> dict[str, Any]:
    """An input: level 7, 2.50 %, nothing fixed."""
    tier = {"name": "Growth", "level": 7, "basisPoints": 250, "description": "For growth."}
    return {**tier, **changes}


@dataclass(frozen=True, slots=True)
class Office:
    """Asks the API as the platform's people, who name no tenant, and as a tenant's own."""

    api: Api
    merchant: Merchant

    async def ask(
        self, document: str, variables: dict[str, Any] | None = None, *roles: Role
    ) -> dict[str, Any]:
        """The whole answer; as PLATFORM_ADMIN, unless other roles of the tenant are named."""
        token = mint_token(
            self.api.settings,
            tenant=self.merchant.id if roles else None,
            roles=roles or [Role.PLATFORM_ADMIN],
            subject="ann",
        )
        body = json.dumps({"query": document, "variables": variables or {}}).encode()
        headers = [*JSON_HEADERS, ("Authorization", f"Bearer {token}")]
        answer = await answered(self.api.app, body, headers=headers)
        found: dict[str, Any] = answer.json
        return found

    async def do(self, name: str, **variables: Any) -> dict[str, Any]:
        """What a mutation came to."""
        answer = await self.ask(mutation(name), variables)
        assert "errors" not in answer, answer
        done: dict[str, Any] = answer["data"][name]
        return done

    async def read(self, document: str, *roles: Role) -> Any:
        """The data of a query."""
        answer = await self.ask(document, None, *roles)
        assert "errors" not in answer, answer
        return answer["data"]

    async def rows(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        """What the database answers to its owner."""
        async with self.api.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(statement), values)]

    async def state(self) -> list[tuple[Any, ...]]:
        """Everything in the tables of prices and tenants, and how much is audited."""
        counted = await self.rows("SELECT count(*) FROM audit_log")
        return counted + [
            row
            for table in TABLES
            for row in await self.rows(f"SELECT t::text FROM {table} t ORDER BY 1")  # noqa: S608
        ]

    async def lines(self, tenant_id: str = "platform") -> list[tuple[Any, ...]]:
        """Action, actor, before and after of the audit's lines, oldest first."""
        return await self.rows(
            "SELECT action, actor_id, before, after FROM audit_log WHERE tenant_id = :tenant"
            " AND action ~ '^(fee_|tenant)' ORDER BY id",
            tenant=tenant_id,
        )

    async def tier_id(self, level: int) -> str:
        """The tier in use with this level."""
        found = await self.rows(
            "SELECT id FROM platform_fee_tiers WHERE level = :level AND NOT is_archived",
            level=level,
        )
        return str(found[0][0])

    async def quoted(self, amount: int = 10_000, currency: str = "USD") -> Any:
        """What a payment would cost the tenant: its fee, or the rule that refuses it."""
        document = "query($a: Cents!, $c: Currency!) { feeQuote(amountCents: $a, currency: $c)"
        selected = " { platformFee { amountCents } terms { tier { level } override { id } } } }"
        answer = await self.ask(document + selected, {"a": amount, "c": currency}, Role.FINANCE)
        if "errors" in answer:
            return answer["errors"][0]["extensions"]
        return answer["data"]["feeQuote"]["platformFee"]["amountCents"]


def in_days(days: float) -> str:
    """A time so many days from now."""
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


def an_override(office: Office, **changes: Any) -> dict[str, Any]:
    """An input: 1.00 % from now on."""
    return {"tenantId": office.merchant.id, "basisPoints": 100, "reason": "A deal", **changes}


def mutation(name: str) -> str:
    """The document that calls it and reads whatever comes of it."""
    declared, given, success = DOCUMENTS[name]
    return f"mutation({declared}) {{ {name}({given}) {ANSWER % success} }}"
