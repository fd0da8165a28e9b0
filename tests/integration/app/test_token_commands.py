"""`tollgate token`: tokens are minted for development, and revoked in earnest."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta

import asyncpg
import jwt
import pytest
from starlette.applications import Starlette

from app.revoking import CannotRevoke, asked_for, of_id, of_token, revoke
from db.tables import revoked_tokens
from domain.ids import Prefix, new_id
from domain.ports import DatabaseUnavailable
from tests.integration.app.in_process import run
from tests.integration.app.issuer import issuing, jwk
from tests.integration.app.logins import a_login
from tests.integration.app.minting import (
    ISSUER,
    PUBLISHED,
    SHARED,
    SIGNERS,
    claims_of,
    settings_of,
)
from tests.integration.app.shop import a_tenant, assert_refused, bearer, serving
from tests.integration.app.test_cli import tollgate
from tests.unit.app.asgi import answered
from tests.unit.app.test_settings import DEVELOPMENT

TENANT = new_id(Prefix.TENANT)
BY_SECRET = SIGNERS[0]
STAFF = ["PLATFORM_ADMIN"]
JSON = ("Content-Type", "application/json")
WITHIN_SECONDS = 5.0
"""How soon a revocation holds on every API."""


def environ(database_url: str) -> dict[str, str]:
    """The variables of a command at this database, which knows the shared secret."""
    key = {"kid": "shared", "alg": "HS256", "key": SHARED.decode()}
    return DEVELOPMENT | {
        "DATABASE_URL": database_url,
        "TOLLGATE_JWT_KEYS": json.dumps([key]),
        "TOLLGATE_JWT_ISSUER": ISSUER,
    }


async def audited(database_url: str) -> list[asyncpg.Record]:
    """What the audit says."""
    connection = await asyncpg.connect(database_url)
    try:
        return list(
            await connection.fetch(
                "SELECT tenant_id, actor_type, actor_id, action, subject_id, after FROM audit_log"
            )
        )
    finally:
        await connection.close()


async def revoked(database_url: str) -> dict[str, datetime]:
    """The tokens that are revoked, and their ends."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(f"SELECT jti, expires_at FROM {revoked_tokens.name}")  # noqa: S608 - our own table
        return {row["jti"]: row["expires_at"] for row in rows}
    finally:
        await connection.close()


def test_a_token_is_minted() -> None:
    """One line: a bearer token with the tenant and the roles that are asked for."""
    roles = ["--role", "OPERATOR", "--role", "FINANCE"]
    arguments = ["--tenant", TENANT, *roles, "--ttl", "60"]
    done = run("token", "mint", *arguments, environ=DEVELOPMENT)
    assert done.code == 0, done.err
    key = json.loads(DEVELOPMENT["TOLLGATE_JWT_KEYS"])[0]["key"]
    claims = jwt.decode(done.out.strip(), key, ["HS256"], audience="tollgate")
    assert (claims["tenant"], claims["roles"]) == (TENANT, ["OPERATOR", "FINANCE"])
    assert claims["exp"] - claims["iat"] == 60


def test_no_token_is_minted_that_the_api_refuses() -> None:
    """A tenant's role without its tenant, or the platform's with one, is a mistake."""
    arguments = ["--role", "PLATFORM_ADMIN", "--tenant", TENANT]
    done = run("token", "mint", *arguments, environ=DEVELOPMENT)

    assert (done.code, done.out) == (1, "")
    assert "The API would refuse this token" in done.err


async def test_a_revoked_token_is_refused_everywhere(database_url: str) -> None:
    """By two APIs that have just let it in, within five seconds; written into its tenant's audit;
    a token beside it stays good. The command runs as production's own log-in may."""
    tenant_id = await a_tenant(database_url)
    claims = claims_of(tenant_id, jti="t-1")
    token = BY_SECRET.token(claims)
    other = bearer(BY_SECRET.token(claims_of(tenant_id, jti="t-2")))
    async with (
        a_login(database_url) as url,
        serving(url) as one,
        serving(url) as two,
    ):

        async def seen(app: Starlette, header: tuple[str, str]) -> int:
            answer = await answered(app, method="GET", path="/viewer", headers=[header])
            return answer.status

        assert [await seen(app, bearer(token)) for app in (one, two)] == [200, 200]
        done = tollgate("token", "revoke", "--reason", "leaked", environ=environ(url), given=token)
        end = time.monotonic() + WITHIN_SECONDS
        assert done.returncode == 0, done.stderr
        while [await seen(app, bearer(token)) for app in (one, two)] != [401, 401]:
            assert time.monotonic() < end, "it still opens the door"
            await asyncio.sleep(0.05)
        for app in (one, two):
            assert_refused(
                await answered(app, headers=[bearer(token), JSON], body=b'{"query":"{"}')
            )
            assert await seen(app, other) == 200

    assert token not in done.stdout + done.stderr
    assert done.stdout.startswith("revoked t-1 until ")
    (entry,) = await audited(database_url)
    assert tuple(entry)[:5] == (
        tenant_id, "SYSTEM", "tollgate token revoke", "token.revoked", tenant_id,
    )  # fmt: skip
    assert json.loads(entry["after"]) == {
        "token_id": "t-1",
        "expires_at": datetime.fromtimestamp(claims["exp"], UTC).isoformat(),
        "subject": "user_1",
        "roles": ["OPERATOR"],
        "reason": "leaked",
    }


async def test_a_token_is_revoked_by_its_id(database_url: str) -> None:
    """Where the token itself is not at hand; the tenant is named by id or slug. Said twice, the
    later end holds."""
    tenant_id = await a_tenant(database_url)
    settings = settings_of(database_url)
    late, soon = "2099-12-31T00:00:00+00:00", "2098-01-01T00:00:00Z"
    for end, tenant in ((late, "acme"), (soon, tenant_id)):
        asked = asked_for("t-9", end, tenant)
        assert asked is not None
        await revoke(settings, asked, reason=None)

    assert await revoked(database_url) == {"t-9": datetime.fromisoformat(late)}
    entries = await audited(database_url)
    assert [entry["tenant_id"] for entry in entries] == [tenant_id] * 2


async def test_the_platforms_tokens_are_in_no_tenants_audit(database_url: str) -> None:
    """They are revoked like any other."""
    settings = settings_of(database_url)
    claims = claims_of("", tenant=..., roles=["PLATFORM_ADMIN"], jti="t-3")
    await revoke(settings, await of_token(settings, BY_SECRET.token(claims)), reason=None)

    assert list(await revoked(database_url)) == ["t-3"]
    assert await audited(database_url) == []


async def test_nothing_is_revoked_by_mistake(database_url: str) -> None:
    """What the API would not take, an unknown tenant, a reason with a card number: nothing is
    written."""
    settings = settings_of(database_url)
    claims = claims_of(await a_tenant(database_url))
    good = BY_SECRET.token(claims)
    for token in ("", "x", good[:-5] + "AAAAA", BY_SECRET.token(claims | {"exp": 1}), f"{good} "):
        with pytest.raises(CannotRevoke, match="no token that the API would take"):
            await of_token(settings, token)
    with pytest.raises(CannotRevoke, match="no such tenant"):
        await revoke(settings, of_id("t-1", "2099-01-01T00:00:00Z", "nobody"), reason=None)
    for reason in ("card 4242424242424242", "of ada@shop.example", "a" * 201, "a\nb"):
        with pytest.raises(CannotRevoke, match="--reason is a text"):
            await revoke(settings, await of_token(settings, good), reason=reason)

    assert await revoked(database_url) == {}
    assert await audited(database_url) == []


def test_a_mistake_is_said(database_url: str) -> None:
    """With code 1 and in words, and the token is not shown."""
    token = BY_SECRET.token(claims_of(TENANT))[:-5] + "AAAAA"
    done = run("token", "revoke", environ=environ(database_url), typed=token)

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("This is no token that the API would take")
    assert token not in done.err


@pytest.mark.parametrize(
    ("token_id", "expires_at", "tenant"),
    [("t-1", None, None), (None, "2099-01-01T00:00:00Z", None), (None, None, "acme")],
)
def test_half_of_the_options_name_nothing(
    token_id: str | None, expires_at: str | None, tenant: str | None
) -> None:
    """An id needs its end, and a tenant alone is not what is revoked."""
    with pytest.raises(CannotRevoke, match="go together"):
        asked_for(token_id, expires_at, tenant)
    assert asked_for(None, None, None) is None


@pytest.mark.parametrize(
    ("token_id", "expires_at"),
    [
        ("", "2099-01-01T00:00:00Z"),
        ("a" * 256, "2099-01-01T00:00:00Z"),
        ("a\n", "2099-01-01T00:00:00Z"),
        ("t-1", "2099-01-01T00:00:00"),
        ("t-1", "soon"),
        ("t-1", "4102444800"),
        ("t-1", "2001-01-01T00:00:00Z"),
    ],
)
def test_an_id_and_an_end_are_checked(token_id: str, expires_at: str) -> None:
    """An id that no token can have, and an end without its zone, are refused."""
    with pytest.raises(CannotRevoke, match=r"--jti is|--expires-at is"):
        of_id(token_id, expires_at, None)


async def test_a_token_of_the_issuers_is_revoked(database_url: str) -> None:
    """Its key is fetched; where the issuer is away, the id is asked for instead."""
    signer = next(signer for signer in SIGNERS if signer.kid in PUBLISHED)
    token = signer.token(claims_of(TENANT))
    async with issuing(jwk(signer.kid, PUBLISHED[signer.kid])) as issuer:
        settings = settings_of(database_url, issuer.url)
        found = await of_token(settings, token)
        assert found.token_id.startswith("sha256:")
        assert found.expires_at - datetime.now(UTC) < timedelta(hours=1)
        issuer.status = 500
        with pytest.raises(CannotRevoke, match="give --jti and --expires-at"):
            await of_token(settings, token)


async def test_a_database_that_is_away_is_said() -> None:
    """The token is not revoked, and nobody may think so."""
    settings = settings_of("postgresql://u:p@127.0.0.1:1/t")
    found = await of_token(settings, BY_SECRET.token(claims_of("", tenant=..., roles=STAFF)))
    with pytest.raises(DatabaseUnavailable):
        await revoke(settings, found, reason=None)
