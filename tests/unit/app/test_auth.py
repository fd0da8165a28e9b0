"""Bearer tokens: the good ones become callers."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest

from app.auth import Token, TokenVerifier
from app.checkout_tokens import JwtCheckoutSigner
from app.tokens import mint_token
from domain.caller import Role
from domain.checkout import CheckoutGrant
from domain.errors import Unauthenticated
from tests.unit.app.signing import (
    CHECKOUT_SECRET,
    CLAIMS,
    EC,
    ED,
    KEYS,
    NOW,
    ORDER,
    RSA,
    SETTINGS,
    SHARED,
    TENANT,
    checkout_signed,
    settings_with,
    signed,
    verify,
    without,
)

FIRST = base64.b64encode(CHECKOUT_SECRET).decode()
SECOND = base64.b64encode(b"2" * 32).decode()


def test_a_good_token_is_read() -> None:
    """Id, subject, tenant, roles and expiry come from the claims."""
    assert verify(signed(CLAIMS | {"jti": "t-1"})) == Token(
        id="t-1",
        subject="user_1",
        tenant_id=TENANT,
        roles=frozenset({Role.OPERATOR}),
        expires_at=datetime.fromtimestamp(NOW + 600, UTC),
    )


def test_a_token_without_an_id_has_one() -> None:
    """It is known by a digest of what is signed: stable, and another for any other token."""
    plain = verify(signed())

    assert plain.id.startswith("sha256:")
    assert plain.id == verify(signed()).id
    assert plain.id != verify(signed(CLAIMS | {"sub": "user_2"})).id


@pytest.mark.parametrize(
    ("kid", "algorithm", "key"), [("rsa", "RS256", RSA), ("ec", "ES256", EC), ("ed", "EdDSA", ED)]
)
def test_public_keys_verify(kid: str, algorithm: str, key: Any) -> None:
    """A token signed by a private key is checked with the public half of its key id."""
    token = jwt.encode(CLAIMS, key, algorithm=algorithm, headers={"kid": kid})

    assert verify(f"Bearer {token}").subject == "user_1"


def test_minted_tokens_verify() -> None:
    """What `tollgate token mint` prints is accepted by the API."""
    token = mint_token(SETTINGS, tenant=TENANT, roles=[Role.ADMIN])

    assert verify(f"Bearer {token}", TokenVerifier(SETTINGS)).roles == {Role.ADMIN}


def test_keys_roll() -> None:
    """Old and new key are good side by side, and the old one is refused once it is removed."""
    new = {"kid": "new", "alg": "HS256", "key": SHARED + " and newer"}
    rolling = TokenVerifier(settings_with([new, KEYS[0]]), now=lambda: NOW)
    rolled = TokenVerifier(settings_with([new]), now=lambda: NOW)

    assert verify(signed(), rolling).subject == "user_1"
    assert verify(signed(header={"kid": "new"}, key=new["key"].encode()), rolled).tenant_id
    with pytest.raises(Unauthenticated):
        verify(signed(), rolled)


@pytest.mark.parametrize(
    "claims",
    [
        CLAIMS | {"exp": NOW - 29},
        CLAIMS | {"iat": NOW + 30},
        CLAIMS | {"nbf": NOW + 30},
        CLAIMS | {"aud": ["other", "tollgate"]},
        CLAIMS | {"roles": ["VIEWER", "FINANCE"]},
        without("tenant") | {"roles": ["PLATFORM_ADMIN"]},
        CLAIMS | {"unknown": "claim"},
    ],
)
def test_claims_within_the_rules(claims: Mapping[str, Any]) -> None:
    """Clocks may differ by 30 s; the platform's people are of no tenant; the rest is ignored."""
    assert verify(signed(claims)).tenant_id == claims.get("tenant")


def test_a_checkout_token_has_its_order() -> None:
    """A token that a checkout key signed is good for its one order, as CHECKOUT and nobody else."""
    token = verify(checkout_signed())

    assert (token.order_id, token.tenant_id) == (ORDER, TENANT)
    assert token.roles == {Role.CHECKOUT}


def test_checkout_keys_roll() -> None:
    """The first key signs; tokens of the others are good until their key is removed."""
    now = datetime.fromtimestamp(NOW, UTC)
    grant = CheckoutGrant(
        token_id="t-1", tenant_id=TENANT, order_id=ORDER, issued_at=now, expires_at=now
    )
    new, old = settings_with(KEYS, "c2:" + SECOND), SETTINGS
    both = settings_with(KEYS, f"c2:{SECOND},c1:{FIRST}")
    by_old = f"Bearer {JwtCheckoutSigner.of(old).sign(grant)}"
    by_new = f"Bearer {JwtCheckoutSigner.of(both).sign(grant)}"

    for header in (by_old, by_new):
        assert verify(header, TokenVerifier(both, now=lambda: NOW)).order_id == ORDER
    assert verify(by_new, TokenVerifier(new, now=lambda: NOW)).id == "t-1"
    with pytest.raises(Unauthenticated):
        verify(by_old, TokenVerifier(new, now=lambda: NOW))


def test_a_key_ends_at_its_date() -> None:
    """A local key checks tokens up to its `until`, and none from there on."""
    end = datetime.fromtimestamp(NOW, UTC).isoformat()
    settings = settings_with([KEYS[0] | {"until": end}])

    before = TokenVerifier(settings, now=lambda: NOW - 1)
    assert verify(signed(), before).subject == "user_1"
    with pytest.raises(Unauthenticated):
        verify(signed(), TokenVerifier(settings, now=lambda: NOW))
