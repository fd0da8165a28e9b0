"""The platform's own people, who act in one tenant a request, and what the audit keeps of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from domain.caller import Role
from tests.e2e.graphql.merchant import Answer, Header, Merchant, a_token, send

ENTRIES = """SELECT actor_id, request_id, ip_address, subject_id, after FROM audit_log
    WHERE tenant_id = $1 AND action = 'platform.acted' ORDER BY id"""


def sql(merchant: Merchant, statement: str, *values: object) -> list[dict[str, Any]]:
    """What the database answers to its owner."""

    async def run() -> list[dict[str, Any]]:
        connection = await asyncpg.connect(merchant.settings.database_url.get_secret_value())
        try:
            return [dict(row) for row in await connection.fetch(statement, *values)]
        finally:
            await connection.close()

    return asyncio.run(run())


def entries(merchant: Merchant) -> list[dict[str, Any]]:
    """What the tenant's audit says of acts in it, oldest first."""
    rows = sql(merchant, ENTRIES, merchant.tenant_id)
    return [row | {"after": json.loads(row["after"])} for row in rows]


@dataclass(frozen=True, slots=True)
class Staff:
    """One of the platform's people, with a token of no tenant."""

    merchant: Merchant

    def ask(self, document: str, *headers: Header, **variables: Any) -> Answer:
        """The answer to a document, with exactly these headers beside the token."""
        return self.merchant.ask(document, token=self.token, headers=headers, **variables)

    def act(self, document: str, tenant: str | None = None, **variables: Any) -> Answer:
        """The answer to a document within a tenant: the merchant's own unless another is named."""
        return self.ask(document, *acting(tenant or self.merchant.tenant_id), **variables)

    def get(self, path: str, *headers: Header) -> Answer:
        """The answer to a GET."""
        bearer = ("Authorization", f"Bearer {self.token}")
        return send(self.merchant.settings.public_url, "GET", path, None, [bearer, *headers])

    @property
    def token(self) -> str:
        """A token of no tenant."""
        return a_token(self.merchant.settings, None, Role.PLATFORM_ADMIN)


def acting(tenant: str, reason: str = "ticket 4711") -> Sequence[Header]:
    """The two headers. Text beyond ASCII goes as UTF-8."""
    named = reason.encode().decode("latin-1")
    return (("Tollgate-Tenant", tenant), ("Tollgate-Reason", named))
