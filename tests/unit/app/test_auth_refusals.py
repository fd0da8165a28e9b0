"""Bearer tokens: everything but a good one is the same refusal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.auth import TOKEN_LENGTH_MAX
from domain.errors import Unauthenticated
from tests.unit.app.signing import (
    CHECKOUT_CLAIMS,
    CLAIMS,
    KEYS,
    NOW,
    ORDER,
    SHARED,
    TENANT,
    checkout_signed,
    encoded,
    signed,
    verify,
    without,
)


@pytest.mark.parametrize(
    "claims",
    [
        *(without(name) for name in ("iss", "aud", "sub", "tenant", "roles", "iat", "exp")),
        CLAIMS | {"iss": "https://other.test"},
        CLAIMS | {"iss": ["https://issuer.test"]},
        CLAIMS | {"aud": "other"},
        CLAIMS | {"aud": ["other"]},
        CLAIMS | {"aud": []},
        CLAIMS | {"exp": NOW - 30},
        CLAIMS | {"exp": str(NOW + 600)},
        CLAIMS | {"exp": NOW + 600.5},
        CLAIMS | {"exp": True},
        CLAIMS | {"exp": None},
        CLAIMS | {"exp": 10**400},
        CLAIMS | {"exp": -1},
        CLAIMS | {"iat": NOW + 31},
        CLAIMS | {"iat": "now"},
        CLAIMS | {"nbf": NOW + 31},
        CLAIMS | {"nbf": 1.5},
        CLAIMS | {"sub": ""},
        CLAIMS | {"sub": 7},
        CLAIMS | {"sub": "a\nb"},
        CLAIMS | {"sub": "a" * 256},
        CLAIMS | {"tenant": None},
        CLAIMS | {"tenant": ""},
        CLAIMS | {"tenant": [TENANT]},
        CLAIMS | {"tenant": ORDER},
        CLAIMS | {"tenant": f"{TENANT} "},
        CLAIMS | {"roles": []},
        CLAIMS | {"roles": "OPERATOR"},
        CLAIMS | {"roles": {"OPERATOR": True}},
        CLAIMS | {"roles": ["operator"]},
        CLAIMS | {"roles": ["OPERATOR "]},
        CLAIMS | {"roles": ["\u041ePERATOR"]},
        CLAIMS | {"roles": ["OPERATOR", "ROOT"]},
        CLAIMS | {"roles": [["OPERATOR"]]},
        CLAIMS | {"roles": ["PLATFORM_ADMIN"]},
        CLAIMS | {"roles": ["PLATFORM_ADMIN", "ADMIN"]},
        CLAIMS | {"jti": 7},
        CLAIMS | {"jti": ""},
        CLAIMS | {"jti": None},
        CLAIMS | {"jti": "a" * 256},
        CLAIMS | {"jti": "a\x00b"},
        CHECKOUT_CLAIMS,
        CHECKOUT_CLAIMS | {"iss": "https://issuer.test"},
        CLAIMS | {"roles": ["CHECKOUT"]},
        CLAIMS | {"roles": ["CHECKOUT"], "order": TENANT},
        CLAIMS | {"roles": ["CHECKOUT"], "order": [ORDER]},
        CLAIMS | {"roles": ["CHECKOUT", "OPERATOR"], "order": ORDER},
        CLAIMS | {"order": ORDER},
        without("tenant") | {"roles": ["PLATFORM_ADMIN", "ADMIN"]},
        b"[]",
        b"{",
        b"\xff",
        b'{"exp": 1e999}',
        json.dumps(CLAIMS).replace(str(NOW + 600), "1" + "0" * 400).encode(),
        json.dumps(CLAIMS).replace(str(NOW + 600), "1e400").encode(),
        json.dumps(CLAIMS).replace(str(NOW + 600), "9" * 4500).encode(),
        b"[" * 5_000,
    ],
    ids=lambda _: "claims",
)
def test_claims_against_the_rules(claims: Mapping[str, Any] | bytes) -> None:
    """A well signed token whose claims are missing, wrong, mistyped or absurd is refused."""
    with pytest.raises(Unauthenticated):
        verify(signed(claims))


@pytest.mark.parametrize(
    "claims",
    [
        CLAIMS,
        CLAIMS | {"iss": "tollgate-checkout"},
        CHECKOUT_CLAIMS | {"iss": "https://issuer.test"},
        CHECKOUT_CLAIMS | {"roles": ["OPERATOR"]},
        CHECKOUT_CLAIMS | {"roles": ["OPERATOR"], "order": None},
        CHECKOUT_CLAIMS | {"roles": ["CHECKOUT", "OPERATOR"]},
        CHECKOUT_CLAIMS | {"order": TENANT},
        CHECKOUT_CLAIMS | {"order": [ORDER]},
        CHECKOUT_CLAIMS | {"order": None},
        CHECKOUT_CLAIMS | {"tenant": None},
        CHECKOUT_CLAIMS | {"exp": NOW - 30},
    ],
    ids=lambda _: "claims",
)
def test_a_checkout_key_signs_checkout_tokens_only(claims: Mapping[str, Any]) -> None:
    """Whoever holds a key of checkout tokens can make nobody an operator, nor the other way."""
    with pytest.raises(Unauthenticated):
        verify(checkout_signed(claims))


@pytest.mark.parametrize(
    "header",
    [
        {"kid": ...},
        {"kid": "c1"},
        {"kid": "checkout:c1"},
        {"kid": "checkout:"},
        {"kid": "unknown"},
        {"kid": ""},
        {"kid": 7},
        {"kid": "../../../etc/passwd"},
        {"kid": "x' or '1'='1"},
        {"kid": "https://issuer.test/key"},
        {"alg": ...},
        {"alg": "none"},
        {"alg": "nOnE"},
        {"alg": "HS384"},
        {"alg": "RS256"},
        {"alg": "ES256"},
        {"alg": "PS256"},
        {"alg": ["HS256"]},
        {"kid": "rsa", "alg": "HS256"},
        {"kid": "ec", "alg": "HS256"},
        {"typ": "at+jwt"},
        {"typ": "JOSE"},
        {"typ": None},
        {"jku": "https://issuer.test/keys"},
        {"x5u": "https://issuer.test/cert"},
        {"x5c": ["MIIB"]},
        {"jwk": {"kty": "oct", "k": "c2VjcmV0"}},
        {"crit": ["exp"]},
        {"b64": False},
        {"zip": "DEF"},
        {"enc": "A256GCM"},
    ],
)
def test_headers_against_the_rules(header: Mapping[str, Any]) -> None:
    """A header that names no key, another algorithm than its key's, or brings a key is refused."""
    with pytest.raises(Unauthenticated):
        verify(signed(header=header))


def test_a_missing_type_is_a_token() -> None:
    """`typ` is optional (RFC 7519 section 5.1)."""
    assert verify(signed(header={"typ": ...})).subject == "user_1"


@pytest.mark.parametrize("kid", ["rsa", "ec", "ed"])
def test_a_public_key_is_no_shared_secret(kid: str) -> None:
    """A token signed with the text of a public key, as a shared secret, is refused."""
    pem = next(key["key"] for key in KEYS if key["kid"] == kid)

    with pytest.raises(Unauthenticated):
        verify(signed(header={"kid": kid}, key=pem.encode()))


@pytest.mark.parametrize("key", [b"", b"secret", SHARED.encode() + b" ", SHARED.upper().encode()])
def test_another_secret_is_refused(key: bytes) -> None:
    """A blank, a common and a nearly right secret sign nothing."""
    with pytest.raises(Unauthenticated):
        verify(signed(key=key))


GOOD = signed()
TOKEN = GOOD.removeprefix("Bearer ")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer a.b",
        "Bearer ..",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer  {TOKEN}",
        f"{GOOD}, {GOOD}",
        f"Bearer {TOKEN.rpartition('.')[0]}.",
        f"Bearer {TOKEN}.{TOKEN}.{TOKEN}",
        f"Bearer {TOKEN.rpartition('.')[0]}.{'A' * 43}",
        f"Bearer {encoded(b'[' * 4000).decode()}.e30.c2ln",
        f"Bearer {'a' * 100_000}.b.c",
        "Bearer é.é.é",
    ],
    ids=lambda _: "header",
)
def test_what_is_no_bearer_token_is_refused(header: str | None) -> None:
    """Other schemes, pieces of tokens, huge ones and garbage are refused."""
    with pytest.raises(Unauthenticated):
        verify(header)


def test_the_length_is_capped() -> None:
    """A good token of more than 8 KB is refused."""
    long = signed(CLAIMS | {"note": "n" * TOKEN_LENGTH_MAX})

    with pytest.raises(Unauthenticated):
        verify(long)


@given(st.integers(0, len(TOKEN) - 2), st.sampled_from("AZaz09-_."))
def test_no_character_can_be_changed(position: int, character: str) -> None:
    """Another character anywhere makes another token, which is refused. (The last character has
    bits that stand for nothing in base 64, so it is left out.)"""
    assume(TOKEN[position] != character)

    with pytest.raises(Unauthenticated):
        verify(f"Bearer {TOKEN[:position]}{character}{TOKEN[position + 1 :]}")


@given(st.text(max_size=300))
def test_any_text_is_answered(text: str) -> None:
    """Whatever stands in the header, the answer is a refusal and no other error."""
    with pytest.raises(Unauthenticated):
        verify(text)
