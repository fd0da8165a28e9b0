"""Bearer tokens: JSON Web Tokens (RFC 7519) checked against the keys of the settings.

Each key id has one algorithm (RFC 8725 section 3.1): the token's header only chooses among the
keys, never how they are used. Every refusal is the same `Unauthenticated`, without a reason.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import jwt
from jwt.types import Options

from app.keys import JwtAlgorithm, JwtKey
from app.settings import Settings
from domain.caller import Caller, Role
from domain.errors import Unauthenticated
from domain.ids import Prefix, is_id

LEEWAY_SECONDS = 30
"""How far the issuer's clock may be from ours."""

TOKEN_LENGTH_MAX = 8192
"""A longer Authorization header is refused unread."""

SUBJECT_LENGTH_MAX = 255

# headers that name a key of the sender's choice, or that change what is signed
_HEADERS_REFUSED = frozenset({"jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc"})
_TIME_MAX = 253_402_300_799  # the last second of the year 9999, the last that datetime knows

# the times are checked here: the library would take a text or a fraction for a time
_OPTIONS: Options = {
    "require": ["exp", "iat", "iss", "aud", "sub", "roles"],
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}


@dataclass(frozen=True, slots=True)
class _Key:
    algorithm: JwtAlgorithm
    prepared: object


class TokenVerifier:
    """Turns an Authorization header into the caller it stands for."""

    def __init__(self, settings: Settings, now: Callable[[], float] = time.time) -> None:
        self._keys = {key.kid: _prepare(key) for key in settings.jwt_keys}
        self._issuer = settings.jwt_issuer
        self._audience = settings.jwt_audience
        self._now = now

    def verify(
        self, authorization_header: str | None, *, request_id: str, ip_address: str | None
    ) -> Caller:
        """The caller. Raises Unauthenticated for anything but one good bearer token."""
        token = _bearer(authorization_header)
        try:
            claims = self._claims(token)
        # a header nested deeply enough exhausts the JSON parser before any signature is checked
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise Unauthenticated from error
        expires_at = self._check_times(claims)
        roles = _roles(claims)
        return Caller(
            subject=_subject(claims),
            tenant_id=_tenant_id(claims, roles),
            roles=roles,
            expires_at=datetime.fromtimestamp(expires_at, UTC),
            request_id=request_id,
            ip_address=ip_address,
            order_id=_order_id(claims, roles),
        )

    def _claims(self, token: str) -> Mapping[str, object]:
        header = jwt.get_unverified_header(token)
        if _HEADERS_REFUSED & header.keys() or header.get("typ", "JWT") != "JWT":
            raise Unauthenticated
        kid = header.get("kid")
        key = self._keys.get(kid) if isinstance(kid, str) else None
        if key is None:
            raise Unauthenticated
        claims: Mapping[str, object] = jwt.decode(
            token,
            key.prepared,  # type: ignore[arg-type]  # what the algorithm itself prepared
            algorithms=[key.algorithm],
            audience=self._audience,
            issuer=self._issuer,
            options=_OPTIONS,
        )
        return claims

    def _check_times(self, claims: Mapping[str, object]) -> int:
        now = self._now()
        expires_at = _time(claims["exp"])
        if expires_at <= now - LEEWAY_SECONDS:
            raise Unauthenticated
        for name in ("iat", "nbf"):
            if name in claims and _time(claims[name]) > now + LEEWAY_SECONDS:
                raise Unauthenticated
        return expires_at


def _prepare(key: JwtKey) -> _Key:
    # once, since reading a PEM costs more than checking a signature
    return _Key(key.algorithm, jwt.get_algorithm_by_name(key.algorithm).prepare_key(key.key))


def _bearer(header: str | None) -> str:
    if header is None or len(header) > TOKEN_LENGTH_MAX or not header.isascii():
        raise Unauthenticated
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or token.count(".") != 2:
        raise Unauthenticated
    return token


def _time(value: object) -> int:
    if type(value) is not int or not 0 <= value <= _TIME_MAX:
        raise Unauthenticated
    return value


def _subject(claims: Mapping[str, object]) -> str:
    subject = claims["sub"]
    if not isinstance(subject, str) or not 1 <= len(subject) <= SUBJECT_LENGTH_MAX:
        raise Unauthenticated
    if not subject.isprintable():
        raise Unauthenticated
    return subject


def _roles(claims: Mapping[str, object]) -> frozenset[Role]:
    names = claims["roles"]
    if not isinstance(names, list) or not names:
        raise Unauthenticated
    known = {role.value: role for role in Role}
    if not all(isinstance(name, str) and name in known for name in names):
        raise Unauthenticated
    return frozenset(known[name] for name in names)


def _tenant_id(claims: Mapping[str, object], roles: frozenset[Role]) -> str | None:
    """Only the platform's own people may be of no tenant."""
    tenant_id = claims.get("tenant")
    if tenant_id is None and roles == {Role.PLATFORM_ADMIN}:
        return None
    if not isinstance(tenant_id, str) or not is_id(tenant_id, Prefix.TENANT):
        raise Unauthenticated
    return tenant_id


def _order_id(claims: Mapping[str, object], roles: frozenset[Role]) -> str | None:
    """A checkout token has one order and no other role; any other token has no order."""
    order_id = claims.get("order")
    if Role.CHECKOUT not in roles:
        if order_id is not None:
            raise Unauthenticated
        return None
    if roles != {Role.CHECKOUT} or not isinstance(order_id, str):
        raise Unauthenticated
    if not is_id(order_id, Prefix.ORDER):
        raise Unauthenticated
    return order_id
