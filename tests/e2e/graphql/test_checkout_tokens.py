"""Checkout tokens: who gets one, for what and for how long, and how they end."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from app.asgi import create_app
from app.checkout_tokens import JwtCheckoutSigner
from app.settings import Settings, load_settings
from app.stack import Stack
from domain.caller import Role
from domain.checkout import CheckoutGrant
from domain.ids import Prefix, new_id
from tests.e2e.graphql.merchant import CHECKOUT, Json, Merchant, a_token
from tests.e2e.graphql.shopper import Shopper
from tests.e2e.graphql.staff import sql
from tests.unit.app.asgi import answered

VIEWER = "{ viewer { id expiresAt } }"
CREATED = """SELECT actor_id, subject_id, after FROM audit_log
    WHERE tenant_id = $1 AND action = 'checkout_token.created' ORDER BY id"""


def create(merchant: Merchant, order_id: str, ttl: int = 1800) -> Json:
    """What createCheckoutToken came to."""
    member = merchant.query(CHECKOUT, order=order_id, ttl=ttl)["createCheckoutToken"]
    assert isinstance(member, dict)
    return member


def grant(merchant: Merchant, **changes: object) -> CheckoutGrant:
    """What a token of this merchant says, for a new order."""
    now = datetime.now(UTC).replace(microsecond=0)
    given = CheckoutGrant(
        token_id="made-up",
        tenant_id=merchant.tenant_id,
        order_id=merchant.order(),
        issued_at=now,
        expires_at=now + timedelta(minutes=30),
    )
    return replace(given, **changes)  # type: ignore[arg-type]  # of a grant's own fields


def status(merchant: Merchant, token: str) -> int:
    """How the API answers to the token."""
    return merchant.ask(VIEWER, token=token).status


def test_a_token_says_what_it_is_for(merchant: Merchant) -> None:
    """Bound to one order, of one role, good for as long as was asked; its making is audited, with
    the id by which it can be revoked, and without the token."""
    order_id = merchant.order()
    made = create(merchant, order_id, ttl=120)
    claims = jwt.decode(made["token"], options={"verify_signature": False})
    ends = datetime.fromisoformat(made["expiresAt"])
    (line,) = sql(merchant, CREATED, merchant.tenant_id)

    assert made["order"] == {"id": order_id}
    assert (claims["roles"], claims["order"], claims["tenant"]) == (
        ["CHECKOUT"],
        order_id,
        merchant.tenant_id,
    )
    assert claims["exp"] - claims["iat"] == 120
    assert claims["exp"] == ends.timestamp()
    assert (line["actor_id"], line["subject_id"]) == ("server", order_id)
    assert json.loads(line["after"]) == {
        "token_id": claims["jti"],
        "expires_at": ends.isoformat(),
    }


@pytest.mark.parametrize(
    ("ttl", "made"),
    [(60, True), (86_400, True), (59, False), (86_401, False), (0, False), (-1, False)],
)
def test_a_token_is_good_for_a_minute_to_a_day(merchant: Merchant, ttl: int, *, made: bool) -> None:
    """Any other time is a ValidationError, and nothing is written."""
    order_id = merchant.order()
    before = merchant.rows()
    done = create(merchant, order_id, ttl)

    assert ("token" in done) is made
    if not made:
        assert done["__typename"] == "ValidationError"
        assert done["issues"] == [{"path": ["ttlSeconds"], "rule": "TTL_OUT_OF_RANGE"}]
        assert merchant.rows() == before


def test_an_order_of_others_gets_no_token(merchant: Merchant, competitor: Merchant) -> None:
    """Another tenant's order, one that nobody has and what is no id are the same NotFoundError."""
    ids = (competitor.order(), new_id(Prefix.ORDER), "ord_1", "")
    before = merchant.rows(), competitor.rows()
    answers = [
        merchant.ask(CHECKOUT, order=order_id).body.replace(order_id.encode(), b"")
        for order_id in ids
    ]

    assert len(set(answers)) == 1
    assert b"NotFoundError" in answers[0]
    assert (merchant.rows(), competitor.rows()) == before


def test_a_canceled_order_gets_no_token(merchant: Merchant) -> None:
    """There is nothing to pay, and there never will be."""
    order_id = merchant.order()
    merchant.do("cancelOrder", orderId=order_id)
    done = create(merchant, order_id)

    assert (done["__typename"], done["detailCode"]) == ("InvalidStateError", "ORDER_CANCELED")
    assert done["attempted"] == "CREATE_CHECKOUT_TOKEN"


def test_a_paid_order_gets_a_token_that_moves_nothing(merchant: Merchant) -> None:
    """A page may show its receipt; a second payment is refused."""
    order_id = merchant.order()
    merchant.pay("chargePayment", order_id)
    page = Shopper.of(merchant, order_id)
    calls = merchant.calls()
    refused = [page.charge(), page.authorize()]

    assert page.read("query ($id: ID!) { order(by: {id: $id}) { status } }", id=order_id) == {
        "order": {"status": "PAID"}
    }
    assert [done["detailCode"] for done in refused] == ["ORDER_PAID"] * 2
    assert merchant.calls() == calls


def test_an_order_that_is_canceled_later_is_not_paid(merchant: Merchant) -> None:
    """A token outlives its order's end, and pays nothing then."""
    page = Shopper.of(merchant)
    merchant.do("cancelOrder", orderId=page.order_id)

    assert page.charge()["detailCode"] == "ORDER_CANCELED"


def test_a_token_ends(merchant: Merchant) -> None:
    """Past its end, and the half minute that clocks may differ by, it is worth nothing."""
    signer = JwtCheckoutSigner.of(merchant.settings)
    now = datetime.now(UTC).replace(microsecond=0)
    start = now - timedelta(hours=1)
    over = grant(merchant, issued_at=start, expires_at=now - timedelta(seconds=31))
    nearly = grant(merchant, issued_at=start, expires_at=now - timedelta(seconds=5))

    assert status(merchant, signer.sign(over)) == 401
    assert status(merchant, signer.sign(nearly)) == 200


def test_a_token_is_revoked_by_the_id_that_the_audit_has(merchant: Merchant) -> None:
    """One page's token ends, another's for the same order goes on."""
    order_id = merchant.order()
    first, second = create(merchant, order_id)["token"], create(merchant, order_id)["token"]
    line = sql(merchant, CREATED, merchant.tenant_id)[0]
    token_id = json.loads(line["after"])["token_id"]
    ends = datetime.now(UTC) + timedelta(hours=1)
    sql(merchant, "INSERT INTO revoked_tokens (jti, expires_at) VALUES ($1, $2)", token_id, ends)

    assert status(merchant, first) == 401
    assert status(merchant, second) == 200


def test_a_switched_off_merchants_pages_stop(merchant: Merchant) -> None:
    """A tenant that is switched off takes no money."""
    token = JwtCheckoutSigner.of(merchant.settings).sign(
        replace(grant(merchant), tenant_id=_switched_off(merchant))
    )

    assert status(merchant, token) in {401, 403}


def _switched_off(merchant: Merchant) -> str:
    """A tenant like the merchant's own, switched off, whom no instance has let in before."""
    tenant_id = new_id(Prefix.TENANT)
    sql(
        merchant,
        "INSERT INTO tenants SELECT (t).* FROM (SELECT jsonb_populate_record(tenants, "
        "jsonb_build_object('id', $2::text, 'slug', $2::text, 'is_active', false)) AS t "
        "FROM tenants WHERE id = $1) AS copied",
        merchant.tenant_id,
        tenant_id,
    )
    return tenant_id


def test_only_the_checkout_keys_make_shoppers(merchant: Merchant) -> None:
    """The role CHECKOUT from the issuer is refused, and so is any other role under a checkout
    key."""
    signer = JwtCheckoutSigner.of(merchant.settings)
    header = jwt.get_unverified_header(signer.sign(grant(merchant)))
    claims = jwt.decode(signer.sign(grant(merchant)), options={"verify_signature": False})
    forged = jwt.encode(
        claims | {"roles": ["ADMIN"]}, signer.key.key, algorithm="HS256", headers=header
    )
    issued = a_token(merchant.settings, merchant.tenant_id, Role.CHECKOUT)

    assert [status(merchant, token) for token in (issued, forged)] == [401, 401]


def test_keys_are_rotated_without_a_page_noticing(merchant: Merchant, stack: Stack) -> None:
    """A new key in front signs, the old one behind it still checks; once it is gone, its tokens
    are worth nothing."""
    old = stack.environment["TOLLGATE_CHECKOUT_KEYS"]
    fresh = f"fresh:{base64.b64encode(b'7' * 32).decode()}"
    before, during, after = (
        load_settings(stack.environment | {"TOLLGATE_CHECKOUT_KEYS": keys})
        for keys in (old, f"{fresh},{old}", fresh)
    )
    given = grant(merchant)
    old_token, new_token = (JwtCheckoutSigner.of(at).sign(given) for at in (before, during))

    assert jwt.get_unverified_header(new_token)["kid"] == "checkout:fresh"
    assert asyncio.run(_statuses(before, [old_token, new_token])) == [200, 401]
    assert asyncio.run(_statuses(during, [old_token, new_token])) == [200, 200]
    assert asyncio.run(_statuses(after, [old_token, new_token])) == [401, 200]


async def _statuses(settings: Settings, tokens: Sequence[str]) -> list[int]:
    """How an API with these settings answers to the tokens."""
    app = create_app(settings)
    body = json.dumps({"query": VIEWER}).encode()
    async with app.router.lifespan_context(app):
        return [
            (
                await answered(
                    app,
                    body,
                    headers=[
                        ("Content-Type", "application/json"),
                        ("Authorization", f"Bearer {token}"),
                    ],
                )
            ).status
            for token in tokens
        ]
