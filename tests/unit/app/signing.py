"""Bearer tokens as tests sign them, with any header and any claims."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.auth import Token, TokenVerifier
from app.settings import Settings, load_settings

NOW = 1_800_000_000
SHARED = "a shared secret of more than thirty-two bytes"
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
CHECKOUT_SECRET = b"1" * 32
ED = ed25519.Ed25519PrivateKey.generate()
TENANT = "ten_01m83tjscnfwxakcpapv5r9b6v"
ORDER = "ord_01m83tjscnfvd8wp3zefhxrv4t"


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


def settings_with(keys: list[dict[str, str]], checkout_keys: str | None = None) -> Settings:
    """Settings of development with these token keys."""
    first = "c1:" + base64.b64encode(CHECKOUT_SECRET).decode()
    return load_settings(
        {
            "TOLLGATE_ENV": "development",
            "DATABASE_URL": "postgresql://u:p@127.0.0.1/t",
            "REDIS_URL": "redis://127.0.0.1",
            "STRIPE_SECRET_KEY": "sk_test_made_up_1",
            "TOLLGATE_CREDENTIAL_KEYS": "k1:" + base64.b64encode(b"0" * 32).decode(),
            "TOLLGATE_JWT_KEYS": json.dumps(keys),
            "TOLLGATE_CHECKOUT_KEYS": checkout_keys or first,
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


def verify(header: str | None, verifier: TokenVerifier = VERIFIER) -> Token:
    """The token in the header."""
    return asyncio.run(verifier.verify(header))


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


CHECKOUT_CLAIMS: dict[str, Any] = CLAIMS | {
    "iss": "tollgate-checkout",
    "sub": f"checkout:{ORDER}",
    "roles": ["CHECKOUT"],
    "order": ORDER,
}


def checkout_signed(claims: Mapping[str, Any] = CHECKOUT_CLAIMS) -> str:
    """An Authorization header with any claims, signed with the key of checkout tokens."""
    return signed(claims, {"kid": "checkout:c1"}, CHECKOUT_SECRET)
