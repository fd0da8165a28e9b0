"""Who comes in over HTTP, and who does not: the whole API with PostgreSQL behind it."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, event

from app.auth import TokenVerifier
from app.jwks import UNKNOWN_SECONDS
from db.engine import make_engine
from db.revocations import SqlRevocations
from domain.caller import Role
from domain.ids import Prefix, new_id
from tests.conftest import execute
from tests.integration.app.forgeries import forgeries
from tests.integration.app.minting import (
    CHECKOUT_SIGNER,
    PUBLISHED,
    SHARED,
    SIGNERS,
    Signer,
    by_secret,
    checkout_claims_of,
    claims_of,
    settings_of,
)
from tests.integration.app.shop import (
    DOCUMENTS,
    Shop,
    a_tenant,
    assert_refused,
    bearer,
    said,
    serving,
)
from tests.unit.app.asgi import answered

FORGERIES_MIN = 1_000
BY_SECRET = SIGNERS[0]


async def test_forged_tokens_open_nothing(shop: Shop) -> None:
    """More than a thousand: the same answer to the letter on both routes, whatever the document,
    without one connection to the database, and hardly a fetch of the issuer's keys."""
    first = await shop.viewer()
    assert_refused(first)
    began, count = time.monotonic(), 0
    for name, token in forgeries(shop.tenant_id):
        count += 1
        for answer in (await shop.graphql(bearer(token)), await shop.viewer(bearer(token))):
            assert said(answer) == said(first), name

    assert count > FORGERIES_MIN
    assert await shop.sessions() == 0
    assert shop.issuer.fetches <= 2 + (time.monotonic() - began) // UNKNOWN_SECONDS
    good = await shop.viewer(bearer(BY_SECRET.token(claims_of(shop.tenant_id))))
    assert good.status == 200
    assert await shop.sessions() == 1


async def test_good_tokens_are_never_refused(shop: Shop) -> None:
    """Of each key, with every claim that is allowed: all come in, on both routes."""
    draw = random.Random(7519)  # noqa: S311 - the same tokens each time
    for signer in SIGNERS:
        for number in range(25):
            claims = claims_of(
                shop.tenant_id,
                sub=f"user_{number} \u00e9\u4e16",
                aud=draw.choice(["tollgate", ["tollgate"], ["other", "tollgate"]]),
                roles=draw.sample([role.value for role in list(Role)[1:6]], draw.randint(1, 5)),
                jti=draw.choice([..., f"t-{number}"]),
                nbf=draw.choice([..., 0]),
                more=draw.choice([..., {"nested": [1.5, None]}]),
            )
            token = signer.token(claims, typ=draw.choice([..., "JWT"]))
            answer = await shop.viewer(bearer(token))
            assert answer.status == 200, (signer.kid, claims)
            assert answer.json["subject"] == claims["sub"]
            assert (await shop.graphql(bearer(token))).status == 200
    checkout = CHECKOUT_SIGNER.token(checkout_claims_of(shop.tenant_id))
    assert (await shop.viewer(bearer(checkout))).json["roles"] == ["CHECKOUT"]
    platform = BY_SECRET.token(claims_of("", tenant=..., roles=["PLATFORM_ADMIN"]))
    assert (await shop.viewer(bearer(platform))).json["tenant"] is None


async def test_only_one_header_carries_a_token(shop: Shop) -> None:
    """None, two, an empty one, another scheme, and a huge one are refused."""
    good = BY_SECRET.token(claims_of(shop.tenant_id))
    huge = BY_SECRET.token(claims_of(shop.tenant_id, note="n" * 75_000))
    for headers in (
        [],
        [bearer(good), bearer(good)],
        [bearer(good), ("Authorization", "")],
        [("Authorization", "")],
        [("Authorization", "Bearer")],
        [("Authorization", good)],
        [("Authorization", f"Basic {good}")],
        [("Authorization", f"DPoP {good}")],
        [("X-Authorization", f"Bearer {good}")],
        [("Cookie", f"Authorization=Bearer {good}; token={good}")],
        [bearer(huge)],
        [bearer("a" * 100_000 + ".b.c")],
    ):
        assert_refused(await shop.graphql(*headers))
        assert_refused(await shop.viewer(*headers))
    assert await shop.sessions() == 0


async def test_a_tenants_token_opens_no_other_tenant(shop: Shop) -> None:
    """A Tollgate-Tenant that is not the token's own is refused like a bad token."""
    good = bearer(BY_SECRET.token(claims_of(shop.tenant_id)))
    for other in (new_id(Prefix.TENANT), "acme", "", f"{shop.tenant_id}x"):
        headers = [good, ("Tollgate-Tenant", other), ("Tollgate-Reason", "to look")]
        assert_refused(await shop.graphql(*headers))
        assert_refused(await shop.viewer(*headers))
    twice = [good, ("Tollgate-Tenant", shop.tenant_id), ("Tollgate-Tenant", "other")]
    assert_refused(await shop.viewer(*twice))
    own = await shop.viewer(good, ("Tollgate-Tenant", shop.tenant_id))
    assert (own.status, own.code) == (403, "FORBIDDEN")


async def test_what_the_database_refuses(shop: Shop) -> None:
    """A revoked token, a tenant that is switched off and one that is gone: the same 401, and no
    statement reaches PostgreSQL but the two of the admission."""
    off, gone = new_id(Prefix.TENANT), new_id(Prefix.TENANT)
    await execute(
        shop.database_url,
        "INSERT INTO tenants (id, name, slug, fee_tier_id, default_currency, is_active, created_at)"  # noqa: S608 - ids of our own
        f" SELECT '{off}', name, 'off', fee_tier_id, default_currency, false, created_at"
        " FROM tenants WHERE slug = 'acme'",
    )
    by_id = BY_SECRET.token(claims_of(shop.tenant_id, jti="t-1"))
    by_digest = BY_SECRET.token(claims_of(shop.tenant_id, sub="without an id"))
    await revoke_both(shop, by_id, by_digest)
    statements: list[str] = []

    def heard(_c: Any, _u: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", heard)
    try:
        for token in (by_id, by_digest, *(BY_SECRET.token(claims_of(to)) for to in (off, gone))):
            for _ in DOCUMENTS:
                assert said(await shop.graphql(bearer(token))) == said(await shop.viewer())
            assert_refused(await shop.viewer(bearer(token)))
    finally:
        event.remove(Engine, "before_cursor_execute", heard)

    tables = [
        [name for name in ("revoked_tokens", "tenants") if name in statement]
        for statement in statements
    ]
    assert tables == [["revoked_tokens"]] * 2 + [["revoked_tokens"], ["tenants"]] * 2


async def revoke_both(shop: Shop, by_id: str, by_digest: str) -> None:
    """Revokes a token by its jti, and one by the digest that stands for it."""
    verifier = TokenVerifier(settings_of(shop.database_url))
    engine = make_engine(shop.database_url, pool_size=1)
    for token in (by_id, by_digest):
        found = await verifier.verify(f"Bearer {token}")
        await SqlRevocations(engine).revoke(found.id, found.expires_at)
    await engine.dispose()


async def test_an_old_key_serves_up_to_its_end(database_url: str) -> None:
    """Both keys of a roll are good side by side; from its `until` on the old one is refused."""
    tenant_id = await a_tenant(database_url)
    now = datetime.now(UTC)
    key = {"alg": "HS256", "key": SHARED.decode()}
    keys = [
        key | {"kid": "new"},
        key | {"kid": "old", "until": (now + timedelta(minutes=5)).isoformat()},
        key | {"kid": "older", "until": now.isoformat()},
    ]
    async with serving(database_url, keys=keys) as app:
        found = {}
        for kid in ("new", "old", "older"):
            token = Signer(kid, "HS256", by_secret(SHARED)).token(claims_of(tenant_id))
            headers = [bearer(token)]
            found[kid] = await answered(app, method="GET", path="/viewer", headers=headers)

    assert (found["new"].status, found["old"].status) == (200, 200)
    assert_refused(found["older"])


async def test_an_issuer_that_is_away_is_a_503(shop: Shop) -> None:
    """Who cannot be told from a stranger is asked to come again; local keys serve meanwhile."""
    shop.issuer.status = 500
    claims = claims_of(shop.tenant_id)
    for signer in SIGNERS:
        token = bearer(signer.token(claims))
        for answer in (await shop.graphql(token), await shop.viewer(token)):
            if signer.kid in PUBLISHED:
                assert (answer.status, answer.code) == (503, "OVERLOADED")
                assert answer.headers["retry-after"] == "5"
            else:
                assert answer.status == 200
    assert shop.issuer.fetches == 1


async def test_made_up_key_ids_make_no_outage(shop: Shop) -> None:
    """An API that has the issuer's keys answers 401 to them, and 200 to good tokens, also while
    the issuer is away."""
    good = bearer(SIGNERS[-1].token(claims_of(shop.tenant_id)))
    assert (await shop.viewer(good)).status == 200
    shop.issuer.status = 500
    for number in range(50):
        made_up = Signer(f"made up {number}", "EdDSA", SIGNERS[-1].sign)
        assert_refused(await shop.viewer(bearer(made_up.token(claims_of(shop.tenant_id)))))
        assert (await shop.viewer(good)).status == 200


async def test_an_algorithm_that_is_never_published_fetches_nothing(shop: Shop) -> None:
    """Only what the issuer could have signed is worth asking the issuer for."""
    for algorithm in ("HS256", "PS256", "none", "ES512"):
        token = Signer("made up", algorithm, by_secret(SHARED)).token(claims_of(shop.tenant_id))
        assert_refused(await shop.viewer(bearer(token)))
    assert shop.issuer.fetches == 0


async def test_the_viewer_is_told(shop: Shop) -> None:
    """Subject, tenant, roles in the order of their reach, and the end; not to be cached."""
    claims = claims_of(shop.tenant_id, roles=["FINANCE", "VIEWER"])
    answer = await shop.viewer(bearer(SIGNERS[1].token(claims)))

    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json == {
        "subject": "user_1",
        "tenant": shop.tenant_id,
        "roles": ["VIEWER", "FINANCE"],
        "expiresAt": datetime.fromtimestamp(claims["exp"], UTC).isoformat(),
    }


async def test_the_viewer_is_read_with_get(shop: Shop) -> None:
    """Any other method is a 405 in JSON, with a good token and without one."""
    good = bearer(BY_SECRET.token(claims_of(shop.tenant_id)))
    for method in ("HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "NONSENSE"):
        for headers in ([good], []):
            answer = await answered(shop.app, method=method, path="/viewer", headers=headers)

            assert (answer.status, answer.code) == (405, "BAD_USER_INPUT")
            assert answer.headers["allow"] == "GET"
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["content-type"] == "application/json"
    assert await shop.sessions() == 0
