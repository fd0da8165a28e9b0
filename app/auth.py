"""Bearer tokens: JSON Web Tokens (RFC 7519) checked against the keys of the settings.

Each key id has one algorithm (RFC 8725 section 3.1): the token's header only chooses among the
keys, never how they are used. Keys of checkout tokens sign nothing else, and no other key signs
those. Every refusal is the same `Unauthenticated`, without a reason.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, get_args

import jwt
from jwt.types import Options

from app.checkout_tokens import kid_of
from app.jwks import VerifyingKey
from app.keys import CHECKOUT_KID, JwtAlgorithm
from app.setting_types import CHECKOUT_ISSUER
from app.settings import Settings
from domain.caller import Role
from domain.errors import Unauthenticated
from domain.ids import Prefix, is_id

LEEWAY_SECONDS = 30
"""How far the issuer's clock may be from ours."""

TOKEN_LENGTH_MAX = 8192
"""A longer Authorization header is refused unread."""

SUBJECT_LENGTH_MAX = 255
TOKEN_ID_LENGTH_MAX = 255

# headers that name a key of the sender's choice, or that change what is signed
_HEADERS_REFUSED = frozenset({"jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc"})
_TIME_MAX = 253_402_300_799  # the last second of the year 9999, the last that datetime knows

_ALGORITHMS = frozenset(get_args(JwtAlgorithm))

# RFC 7515 section 2: no padding, no white space, no other character. The library takes padding, so
# that one token could be written in two ways.
_COMPACT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)

# the times are checked here: the library would take a text or a fraction for a time
_OPTIONS: Options = {
    "require": ["exp", "iat", "iss", "aud", "sub", "roles"],
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A good token. `id` is what `tollgate token revoke` takes: the token's jti, or a digest."""

    id: str
    subject: str
    tenant_id: str | None
    roles: frozenset[Role]
    expires_at: datetime
    order_id: str | None = None


class RemoteKeys(Protocol):
    """Keys that are published elsewhere."""

    async def find(self, kid: str) -> VerifyingKey | None: ...


class TokenVerifier:
    """Turns an Authorization header into the token that it carries."""

    def __init__(
        self,
        settings: Settings,
        remote: RemoteKeys | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._keys = {
            key.kid: _prepare(key.algorithm, key.key, key.until) for key in settings.jwt_keys
        }
        self._checkout_keys = {
            kid_of(key): _prepare("HS256", key.key, None) for key in settings.checkout_keys
        }
        self._remote = remote
        self._issuer = settings.jwt_issuer
        self._audience = settings.jwt_audience
        self._now = now

    async def verify(self, authorization_header: str | None) -> Token:
        """The token. Raises Unauthenticated for anything but one good bearer token, and
        KeysUnavailable when the key that it names cannot be looked up."""
        text = _bearer(authorization_header)
        try:
            claims, is_checkout = await self._claims(text)
        # a header nested deeply enough exhausts the JSON parser before any signature is checked
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise Unauthenticated from error
        expires_at = self._check_times(claims)
        roles = _roles(claims)
        if is_checkout != (Role.CHECKOUT in roles):
            raise Unauthenticated
        return Token(
            id=_token_id(claims, text),
            subject=_subject(claims),
            tenant_id=_tenant_id(claims, roles),
            roles=roles,
            expires_at=datetime.fromtimestamp(expires_at, UTC),
            order_id=_order_id(claims, roles),
        )

    async def _claims(self, token: str) -> tuple[Mapping[str, object], bool]:
        """What the token says, and whether a key of checkout tokens signed it."""
        header = jwt.get_unverified_header(token)
        if _HEADERS_REFUSED & header.keys() or header.get("typ", "JWT") != "JWT":
            raise Unauthenticated
        kid = header.get("kid")
        if not isinstance(kid, str) or not kid:
            raise Unauthenticated
        is_checkout = kid.startswith(CHECKOUT_KID)
        algorithm = header.get("alg")
        # looked at before the key: an algorithm that nobody uses causes no fetch
        if algorithm not in _ALGORITHMS:
            raise Unauthenticated
        key = self._checkout_keys.get(kid) if is_checkout else await self._key(kid, algorithm)
        if key is None or key.algorithm != algorithm:
            raise Unauthenticated
        if key.until and key.until.timestamp() <= self._now():
            raise Unauthenticated
        claims: Mapping[str, object] = jwt.decode(
            token,
            key.prepared,  # type: ignore[arg-type]  # what the algorithm itself prepared
            algorithms=[key.algorithm],
            audience=self._audience,
            issuer=CHECKOUT_ISSUER if is_checkout else self._issuer,
            options=_OPTIONS,
        )
        return claims, is_checkout

    async def _key(self, kid: str, algorithm: object) -> VerifyingKey | None:
        # a shared secret is never published: HS256 does not ask the issuer
        if kid in self._keys or self._remote is None or algorithm == "HS256":
            return self._keys.get(kid)
        return await self._remote.find(kid)

    def _check_times(self, claims: Mapping[str, object]) -> int:
        now = self._now()
        expires_at = _time(claims["exp"])
        if expires_at <= now - LEEWAY_SECONDS:
            raise Unauthenticated
        for name in ("iat", "nbf"):
            if name in claims and _time(claims[name]) > now + LEEWAY_SECONDS:
                raise Unauthenticated
        return expires_at


def _prepare(algorithm: JwtAlgorithm, key: str | bytes, until: datetime | None) -> VerifyingKey:
    # once, since reading a PEM costs more than checking a signature
    prepared = jwt.get_algorithm_by_name(algorithm).prepare_key(key)
    return VerifyingKey(algorithm, prepared, until)


def _bearer(header: str | None) -> str:
    if header is None or len(header) > TOKEN_LENGTH_MAX or not header.isascii():
        raise Unauthenticated
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not _COMPACT.fullmatch(token):
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


def _token_id(claims: Mapping[str, object], token: str) -> str:
    """The jti; for a token without one a digest of what is signed, which nobody can vary."""
    if "jti" not in claims:
        return digest_id(token)
    token_id = claims["jti"]
    if not isinstance(token_id, str) or not is_token_id(token_id):
        raise Unauthenticated
    return token_id


def is_token_id(text: str) -> bool:
    """Whether a token may have this id."""
    return 1 <= len(text) <= TOKEN_ID_LENGTH_MAX and text.isprintable()


def digest_id(token: str) -> str:
    """The id of a token that has no jti."""
    return f"sha256:{hashlib.sha256(token.rpartition('.')[0].encode()).hexdigest()}"


def _roles(claims: Mapping[str, object]) -> frozenset[Role]:
    names = claims["roles"]
    if not isinstance(names, list) or not names:
        raise Unauthenticated
    known = {role.value: role for role in Role}
    if not all(isinstance(name, str) and name in known for name in names):
        raise Unauthenticated
    return frozenset(known[name] for name in names)


def _tenant_id(claims: Mapping[str, object], roles: frozenset[Role]) -> str | None:
    """The platform's own people are of no tenant and have no other role, so that whatever they do
    within a tenant is done in its name, for a reason, and audited."""
    tenant_id = claims.get("tenant")
    if Role.PLATFORM_ADMIN in roles:
        if tenant_id is not None or roles != {Role.PLATFORM_ADMIN}:
            raise Unauthenticated
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
