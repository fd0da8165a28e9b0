"""The types of the settings: how the text of a variable becomes a value, and what is refused."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo

from app.keys import (
    CheckoutKey,
    CredentialKey,
    JwtKey,
    read_checkout_keys,
    read_credential_keys,
    read_jwt_keys,
)
from domain.endpoint_secrets import EndpointSecret, in_force
from domain.gateways.stripe_requests import is_live_key

STRIPE_API_BASE = "https://api.stripe.com"
CHECKOUT_ISSUER = "tollgate-checkout"
"""The iss of checkout tokens, which no other issuer may take."""

DEVELOPMENT_ISSUER = "tollgate-development"
MISSING = "missing"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_STRIPE_KEY = re.compile(r"(sk|rk)_(test|live)_[0-9A-Za-z_]{8,}")


def in_production(info: ValidationInfo) -> bool:
    """Whether the environment is production; a wrong one counts as the stricter."""
    return bool(info.data.get("environment", "production") == "production")


def is_url(text: str, *schemes: str) -> bool:
    """Whether it is a URL with a host and one of these schemes."""
    try:
        parts = urlsplit(text)
    except ValueError:  # its text may quote the password
        return False
    return parts.scheme in schemes and bool(parts.hostname)


def _url(value: SecretStr, *schemes: str) -> SecretStr:
    if not is_url(value.get_secret_value(), *schemes):
        raise ValueError(f"not a URL of the form {schemes[0]}://host")
    return value


def _postgresql(value: SecretStr) -> SecretStr:
    return _url(value, "postgresql")


def _redis(value: SecretStr) -> SecretStr:
    return _url(value, "redis", "rediss")


def _http(value: str) -> str:
    return _url(SecretStr(value), "http", "https").get_secret_value().rstrip("/")


def _is_plain(url: str) -> bool:
    """Whether what goes to this URL can be read, or changed, on its way."""
    return url.startswith("http:") and urlsplit(url).hostname not in _LOOPBACK


def _key_is_hidden(value: str, info: ValidationInfo) -> str:
    if _is_plain(value) and in_production(info):
        raise ValueError("in production the key travels over https only")
    return value


def _jwks_url(value: str | None) -> str | None:
    if value is None:
        return None
    url = _url(SecretStr(value), "https", "http").get_secret_value()
    if _is_plain(url):
        raise ValueError("keys are fetched over https only")
    if urlsplit(url).username is not None:
        raise ValueError("a URL without a user")
    return url


def _secrets(value: object) -> object:
    """Split a comma-separated list of webhook secrets, each with its end behind an @ or without."""
    return tuple(_secret(part) for part in listed(value)) if isinstance(value, str) else value


def _secret(text: str) -> EndpointSecret:
    secret, has_end, end = text.partition("@")
    if not secret.startswith("whsec_"):
        raise ValueError("each secret starts with whsec_")
    if not has_end:
        return EndpointSecret(secret)
    try:
        expires_at = datetime.fromisoformat(end)
    except ValueError:
        expires_at = None
    if expires_at is None or expires_at.tzinfo is None:
        raise ValueError("behind a secret's @ is a time with its zone, 2026-12-31T00:00:00Z")
    return EndpointSecret(secret, expires_at)


def _heard(value: tuple[EndpointSecret, ...], info: ValidationInfo) -> tuple[EndpointSecret, ...]:
    if not in_production(info):
        return value
    if not value:
        raise ValueError(MISSING)
    if not in_force(value, datetime.now(UTC)):
        raise ValueError("each of the secrets has ended")
    return value


def _stripe_key(value: SecretStr, info: ValidationInfo) -> SecretStr:
    key = value.get_secret_value()
    if not _STRIPE_KEY.fullmatch(key):
        raise ValueError("not a Stripe key: sk_test_..., rk_test_..., sk_live_... or rk_live_...")
    if is_live_key(key):
        if not in_production(info):
            raise ValueError("a live key is refused in development")
        if info.data.get("stripe_api_base") != STRIPE_API_BASE:
            raise ValueError(f"a live key goes to {STRIPE_API_BASE} only")
    return value


def _silent(value: str | None) -> str | None:
    if value is not None:
        raise ValueError("unset it: the library would write whole requests past our redaction")
    return value


def _credential_keys(value: object) -> object:
    return read_credential_keys(value) if isinstance(value, str) else value


def _jwt_keys(value: object) -> object:
    return read_jwt_keys(value) if isinstance(value, str) else value


def _checkout_keys(value: object) -> object:
    return read_checkout_keys(value) if isinstance(value, str) else value


def _some_key(value: tuple[JwtKey, ...], info: ValidationInfo) -> tuple[JwtKey, ...]:
    # a JWKS URL that is wrong is a fault of its own, and absent here
    if not value and info.data.get("jwks_url", "wrong") is None:
        raise ValueError(MISSING)
    return value


def _issuer(value: str, info: ValidationInfo) -> str:
    if value == DEVELOPMENT_ISSUER and in_production(info):
        raise ValueError("missing: production names its own issuer")
    if value == CHECKOUT_ISSUER:
        raise ValueError("this is the issuer of checkout tokens")
    return value


def listed(value: str) -> list[str]:
    """The parts of a comma-separated list."""
    return [part.strip() for part in value.split(",") if part.strip()]


def _cors_origins(value: object) -> object:
    return tuple(_origin(part) for part in listed(value)) if isinstance(value, str) else value


def _origin(text: str) -> str:
    """An origin as a browser sends it (RFC 6454, section 6.2), or no browser would ever match."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("an origin is scheme://host") from None
    if f"{parts.scheme}://{parts.netloc}" != text or not parts.hostname or "*" in text:
        raise ValueError("an origin is scheme://host, with a port where it has one")
    if text != text.lower() or port == _DEFAULT_PORTS.get(parts.scheme) or "@" in text:
        raise ValueError("a browser writes an origin in lower case, without a default port")
    if parts.scheme != "https" and (parts.scheme != "http" or parts.hostname not in _LOOPBACK):
        raise ValueError("an origin is https, or of this very machine")
    return text


def _trusted_proxies(value: object) -> object:
    return tuple(_network(part) for part in listed(value)) if isinstance(value, str) else value


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(text)
    except ValueError:
        raise ValueError("a proxy is an address, or a network such as 10.0.0.0/8") from None
    if network.prefixlen == 0:
        raise ValueError("that network is everybody: name the proxies")
    return network


def production_rate(points: int) -> Callable[[dict[str, Any]], int]:
    """A default of so many points in production, and no end in development, where every caller has
    the same address and load is what a developer makes."""
    return lambda data: 0 if data.get("environment") == "development" else points


PostgresUrl = Annotated[SecretStr, AfterValidator(_postgresql)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis)]
HttpUrl = Annotated[str, AfterValidator(_http)]
StripeApiBase = Annotated[str, AfterValidator(_http), AfterValidator(_key_is_hidden)]
StripeKey = Annotated[SecretStr, AfterValidator(_stripe_key)]
WebhookSecrets = Annotated[tuple[EndpointSecret, ...], BeforeValidator(_secrets)]
NeededWebhookSecrets = Annotated[WebhookSecrets, AfterValidator(_heard)]
StripeLog = Annotated[str | None, AfterValidator(_silent)]
CredentialKeys = Annotated[tuple[CredentialKey, ...], BeforeValidator(_credential_keys)]
JwksUrl = Annotated[str | None, AfterValidator(_jwks_url)]
JwtKeys = Annotated[tuple[JwtKey, ...], BeforeValidator(_jwt_keys), AfterValidator(_some_key)]
Issuer = Annotated[str, AfterValidator(_issuer)]
CheckoutKeys = Annotated[tuple[CheckoutKey, ...], BeforeValidator(_checkout_keys)]
CorsOrigins = Annotated[tuple[str, ...], BeforeValidator(_cors_origins)]
TrustedProxies = Annotated[tuple[IPv4Network | IPv6Network, ...], BeforeValidator(_trusted_proxies)]
Rate = Annotated[int, Field(ge=0, le=1_000_000_000)]
Port = Annotated[int, Field(ge=1, le=65535)]
