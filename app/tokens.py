"""Mint bearer tokens with the service's own key: development tokens and tests.

In production users live at an issuer, which signs with a key of its own.
"""

import secrets
import time
from collections.abc import Sequence

import jwt

from app.keys import JwtKey
from app.settings import Settings
from domain.caller import Role

TTL_SECONDS = 8 * 60 * 60


class NoSigningKey(Exception):
    """Raised when no HS256 key is set: the public keys of the others cannot sign."""


def mint_token(
    settings: Settings,
    *,
    tenant: str | None,
    roles: Sequence[Role],
    subject: str = "developer",
    ttl_seconds: int = TTL_SECONDS,
) -> str:
    """A bearer token (RFC 7519) signed with the first HS256 key.

    Args:
        settings: whose keys, issuer and audience the token carries.
        tenant: the tenant that it acts for; None for the platform's own people.
        roles: what its bearer may do.
        subject: who its bearer is.
        ttl_seconds: how long it is good for, in seconds.

    Raises:
        NoSigningKey: no key can sign.
    """
    key = _signing_key(settings.jwt_keys)
    now = int(time.time())
    claims = {
        "iss": settings.jwt_issuer,
        "aud": settings.jwt_audience,
        "sub": subject,
        "roles": [role.value for role in roles],
        "iat": now,
        "exp": now + ttl_seconds,
        "jti": secrets.token_hex(16),
    }
    if tenant is not None:
        claims["tenant"] = tenant
    return jwt.encode(claims, key.key, algorithm=key.algorithm, headers={"kid": key.kid})


def _signing_key(keys: Sequence[JwtKey]) -> JwtKey:
    for key in keys:
        if key.algorithm == "HS256":
            return key
    raise NoSigningKey("no HS256 key in TOLLGATE_JWT_KEYS; tokens come from the issuer then")
