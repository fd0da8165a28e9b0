"""Bearer tokens: the good ones become callers, everything else is one refusal."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import assume, given
from hypothesis import strategies as st

from app.auth import TOKEN_LENGTH_MAX, TokenVerifier
from app.settings import Settings, load_settings
from app.tokens import mint_token
from domain.caller import Caller, Role
from domain.errors import Unauthenticated
from domain.ids import Prefix, new_id

NOW = 1_800_000_000
SHARED = "a shared secret of more than thirty-two bytes"
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
TENANT = new_id(Prefix.TENANT)
ORDER = new_id(Prefix.ORDER)


def public(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> str:
    """The public half as PEM."""
    half = key.public_key()
    return half.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


KEYS = [
    {"kid": "shared", "alg": "HS256", "key": SHARED},
    {"kid": "rsa", "alg": "RS256", "key": public(RSA)},
    {"kid": "ec", "alg": "ES256", "key": public(EC)},
    {"kid": "ed", "alg": "EdDSA", "key": public(ED)},
]


def settings_with(keys: list[dict[str, str]]) -> Settings:
    """Settings of development with these token keys."""
    return load_settings(
        {
            "TOLLGATE_ENV": "development",
            "DATABASE_URL": "postgresql://u:p@127.0.0.1/t",
            "REDIS_URL": "redis://127.0.0.1",
            "STRIPE_SECRET_KEY": "sk_test_made_up_1",
            "TOLLGATE_CREDENTIAL_KEYS": "k1:" + base64.b64encode(b"0" * 32).decode(),
            "TOLLGATE_JWT_KEYS": json.dumps(keys),
            "TOLLGATE_JWT_ISSUER": "https://issuer.test",
        }
    )


SETTINGS = settings_with(KEYS)
VERIFIER = TokenVerifier(SETTINGS, now=lambda: NOW)
CLAIMS: dict[str, Any] = {
    "iss": "https://issuer.test",
    "aud": "tollgate",
    "sub": "user_1",
    "tenant": TENANT,
    "roles": ["OPERATOR"],
    "iat": NOW - 10,
    "exp": NOW + 600,
}


def verify(header: str | None, verifier: TokenVerifier = VERIFIER) -> Caller:
    """The caller behind the header."""
    return verifier.verify(header, request_id="req_1", ip_address="127.0.0.1")


def encoded(part: bytes) -> bytes:
    """A part of a token."""
    return base64.urlsafe_b64encode(part).rstrip(b"=")


def signed(
    claims: Mapping[str, Any] | bytes = CLAIMS,
    header: Mapping[str, Any] | None = None,
    key: bytes = SHARED.encode(),
) -> str:
    """An Authorization header with an HS256 token of any content, well signed."""
    head = {"alg": "HS256", "typ": "JWT", "kid": "shared"} | dict(header or {})
    head = {name: value for name, value in head.items() if value is not ...}
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    message = encoded(json.dumps(head).encode()) + b"." + encoded(payload)
    signature = encoded(hmac.digest(key, message, hashlib.sha256))
    return f"Bearer {(message + b'.' + signature).decode()}"


def without(name: str) -> dict[str, Any]:
    """The claims less one."""
    return {key: value for key, value in CLAIMS.items() if key != name}


def test_a_good_token_is_its_caller() -> None:
    """Subject, tenant, roles, expiry and the request's own facts make the caller."""
    assert verify(signed()) == Caller(
        subject="user_1",
        tenant_id=TENANT,
        roles=frozenset({Role.OPERATOR}),
        expires_at=datetime.fromtimestamp(NOW + 600, UTC),
        request_id="req_1",
        ip_address="127.0.0.1",
    )


@pytest.mark.parametrize(
    ("kid", "algorithm", "key"), [("rsa", "RS256", RSA), ("ec", "ES256", EC), ("ed", "EdDSA", ED)]
)
def test_public_keys_verify(kid: str, algorithm: str, key: Any) -> None:
    """A token signed by a private key is checked with the public half of its key id."""
    token = jwt.encode(CLAIMS, key, algorithm=algorithm, headers={"kid": kid})

    assert verify(f"Bearer {token}").subject == "user_1"


def test_minted_tokens_verify() -> None:
    """What `tollgate token` prints is accepted by the API."""
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
        CLAIMS | {"roles": ["CHECKOUT"], "order": ORDER},
        CLAIMS | {"unknown": "claim"},
    ],
)
def test_claims_within_the_rules(claims: Mapping[str, Any]) -> None:
    """Clocks may differ by 30 s; the platform's people need no tenant; a checkout has its order."""
    assert verify(signed(claims)).order_id == claims.get("order")


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
)
def test_claims_against_the_rules(claims: Mapping[str, Any] | bytes) -> None:
    """A well signed token whose claims are missing, wrong, mistyped or absurd is refused."""
    with pytest.raises(Unauthenticated):
        verify(signed(claims))


@pytest.mark.parametrize(
    "header",
    [
        {"kid": ...},
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
