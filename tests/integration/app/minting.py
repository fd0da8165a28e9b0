"""An API with keys of every algorithm, and the tokens that it takes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from app.settings import Settings, load_settings
from domain.ids import Prefix, new_id
from tests.integration.app.issuer import PrivateKey, algorithm_of
from tests.unit.app.signing import encoded, public
from tests.unit.app.test_settings import DEVELOPMENT

Sign = Callable[[bytes], bytes]

SHARED = b"a shared secret of more than thirty-two bytes"
CHECKOUT = b"the secret of the checkout tokens, another one"
LOCAL: dict[str, PrivateKey] = {
    "rsa": rsa.generate_private_key(65537, 2048),
    "ec": ec.generate_private_key(ec.SECP256R1()),
    "ed": ed25519.Ed25519PrivateKey.generate(),
}
PUBLISHED: dict[str, PrivateKey] = {
    "published-rsa": rsa.generate_private_key(65537, 3072),
    "published-ec": ec.generate_private_key(ec.SECP256R1()),
    "published-ed": ed25519.Ed25519PrivateKey.generate(),
}
ISSUER = "https://issuer.test"


def by_secret(secret: bytes, digest: str = "sha256") -> Sign:
    """Signs with an HMAC."""
    return lambda message: hmac.digest(secret, message, getattr(hashlib, digest))


def by_key(key: PrivateKey, algorithm: str | None = None) -> Sign:
    """Signs with a private key, by its own algorithm unless another is named."""
    name = algorithm or algorithm_of(key)
    return lambda message: jwt.get_algorithm_by_name(name).sign(message, key)


def by_saying(signature: bytes) -> Sign:
    """Signs nothing: says this, whatever is to be signed."""
    return lambda _: signature


@dataclass(frozen=True, slots=True)
class Signer:
    """Somebody whose tokens the API takes."""

    kid: str
    algorithm: str
    sign: Sign

    def token(self, claims: Mapping[str, Any] | bytes, **header: Any) -> str:
        """A token of this header (`...` leaves a member out) and these claims, well signed."""
        return jws(
            {"alg": self.algorithm, "typ": "JWT", "kid": self.kid} | header, claims, self.sign
        )


SIGNERS = (
    Signer("shared", "HS256", by_secret(SHARED)),
    *(Signer(kid, algorithm_of(key), by_key(key)) for kid, key in (LOCAL | PUBLISHED).items()),
)
CHECKOUT_SIGNER = Signer("checkout:c1", "HS256", by_secret(CHECKOUT))


def jws(header: Mapping[str, Any] | bytes, claims: Mapping[str, Any] | bytes, sign: Sign) -> str:
    """A token of any content, in the compact form."""
    if not isinstance(header, bytes):
        given = {name: value for name, value in header.items() if value is not ...}
        header = json.dumps(given).encode()
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    message = encoded(header) + b"." + encoded(payload)
    return (message + b"." + encoded(sign(message))).decode()


def claims_of(tenant_id: str, **changes: Any) -> dict[str, Any]:
    """Good claims of an operator of the tenant; `...` leaves a claim out."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": "tollgate",
        "sub": "user_1",
        "tenant": tenant_id,
        "roles": ["OPERATOR"],
        "iat": now - 5,
        "exp": now + 600,
    }
    return {name: value for name, value in (claims | changes).items() if value is not ...}


def checkout_claims_of(tenant_id: str, **changes: Any) -> dict[str, Any]:
    """Good claims of a checkout token of the tenant."""
    order_id = new_id(Prefix.ORDER)
    own = {"iss": "tollgate-checkout", "roles": ["CHECKOUT"], "order": order_id}
    return claims_of(tenant_id, **(own | {"sub": f"checkout:{order_id}"} | changes))


def settings_of(
    database_url: str, jwks_url: str = "", keys: list[dict[str, str]] | None = None
) -> Settings:
    """The settings of an API with a shared secret, three public keys, and those at the URL."""
    shared = {"kid": "shared", "alg": "HS256", "key": SHARED.decode()}
    local = [
        {"kid": kid, "alg": algorithm_of(key), "key": public(key)} for kid, key in LOCAL.items()
    ]
    return load_settings(
        DEVELOPMENT
        | {
            "DATABASE_URL": database_url,
            "TOLLGATE_JWKS_URL": jwks_url,
            "TOLLGATE_JWT_KEYS": json.dumps(keys or [shared, *local]),
            "TOLLGATE_JWT_ISSUER": ISSUER,
            "TOLLGATE_CHECKOUT_KEYS": "c1:" + base64.b64encode(CHECKOUT).decode(),
        }
    )
