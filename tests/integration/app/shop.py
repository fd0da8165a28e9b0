"""The whole API with PostgreSQL behind it, and how it says that a token opens nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from starlette.applications import Starlette

from app.asgi import create_app
from db.engine import make_engine
from db.seeding import add_tenant
from tests.integration.app.issuer import Issuer
from tests.integration.app.minting import settings_of
from tests.unit.app.asgi import Answer, Header, answered

DOCUMENTS = ("{", "{ nope }", "mutation { capturePayment }", "{ viewer { id } }")
"""A syntax error, two that no schema would let through, and a good one."""


@dataclass
class Shop:
    """An API, the tenant that it serves, the issuer that it trusts, and its database."""

    app: Starlette
    tenant_id: str
    issuer: Issuer
    database_url: str
    _turn: Iterator[int] = field(default_factory=lambda: iter(range(10**9)))

    async def graphql(self, *headers: Header) -> Answer:
        """The answer to a document, each time another."""
        document = DOCUMENTS[next(self._turn) % len(DOCUMENTS)]
        sent = [("Content-Type", "application/json"), *headers]
        body = json.dumps({"query": document}).encode()
        return await answered(self.app, body, headers=sent)

    async def viewer(self, *headers: Header) -> Answer:
        """The answer to GET /viewer."""
        return await answered(self.app, method="GET", path="/viewer", headers=headers)

    async def sessions(self) -> int:
        """How many connections the API holds to the database."""
        connection = await asyncpg.connect(self.database_url)
        try:
            found = await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name LIKE 'tollgate api%'"
            )
            return int(found)
        finally:
            await connection.close()


@asynccontextmanager
async def serving(database_url: str, jwks_url: str = "", **given: Any) -> AsyncIterator[Starlette]:
    """The API, closed at the end."""
    app = create_app(settings_of(database_url, jwks_url, **given))
    async with app.router.lifespan_context(app):
        yield app


async def a_tenant(database_url: str) -> str:
    """The id of a tenant that is there."""
    engine = make_engine(database_url, pool_size=1)
    tenant, _ = await add_tenant(
        engine, name="Acme", slug="acme", tier_level=1, default_currency="USD"
    )
    await engine.dispose()
    return tenant.id


def bearer(token: str) -> Header:
    """The header that carries the token."""
    return ("Authorization", f"Bearer {token}")


def said(answer: Answer) -> tuple[int, dict[str, str], str]:
    """All of an answer but the request's id."""
    request_id = answer.headers["x-request-id"]
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    return answer.status, headers, answer.body.decode().replace(request_id, "")


def assert_refused(answer: Answer) -> None:
    """It is the one answer to every token that opens nothing."""
    assert (answer.status, answer.code) == (401, "UNAUTHENTICATED"), answer.body
    assert answer.headers["www-authenticate"] == 'Bearer realm="tollgate"'
    assert answer.headers["cache-control"] == "no-store"
