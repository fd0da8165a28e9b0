"""Settings: from the environment, typed, every fault named at once.

A secret may also come from a file: `NAME_FILE` holds its path (`app.environment.SECRETS`).
"""

import os
import re
from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo
from pydantic import field_validator as checks
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from app.environment import EnvironmentSource, Unusable
from app.keys import CredentialKey, JwtKey, read_credential_keys, read_jwt_keys
from domain.gateways.stripe_requests import is_live_key

STRIPE_API_BASE = "https://api.stripe.com"

_STRIPE_KEY = re.compile(r"(sk|rk)_(test|live)_[0-9A-Za-z_]{8,}")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
MISSING = "missing"


class SettingsError(Exception):
    """Raised at start when settings are missing or wrong; names every fault, shows no secret."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        self.faults = dict(faults)
        lines = [f"  {name}: {fault}" for name, fault in self.faults.items()]
        count = "1 setting is" if len(lines) == 1 else f"{len(lines)} settings are"
        super().__init__("\n".join([f"{count} missing or wrong:", *lines]))


def _secrets(value: object) -> object:
    """Split a comma-separated list of webhook secrets, the newest first by habit."""
    if not isinstance(value, str):
        return value
    parts = tuple(part.strip() for part in value.split(",") if part.strip())
    if not all(part.startswith("whsec_") for part in parts):
        raise ValueError("each secret starts with whsec_")
    return parts


def _credential_keys(value: object) -> object:
    return read_credential_keys(value) if isinstance(value, str) else value


def _jwt_keys(value: object) -> object:
    return read_jwt_keys(value) if isinstance(value, str) else value


WebhookSecrets = Annotated[tuple[SecretStr, ...], BeforeValidator(_secrets)]


class Settings(BaseSettings):
    """Everything that a process of Tollgate is told from outside.

    Read it with `load_settings`, which turns every fault into one `SettingsError`. The API
    version sent to Stripe is pinned in code, since parsing depends on it.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, validate_default=True
    )

    environment: Literal["production", "development"] = Field(
        default="production",
        validation_alias="TOLLGATE_ENV",
        description="production, or development, which allows test doubles and the GraphQL IDE",
    )
    database_url: SecretStr = Field(
        validation_alias="DATABASE_URL",
        description="PostgreSQL: postgresql://user:password@host/db",
    )
    redis_url: SecretStr = Field(
        validation_alias="REDIS_URL", description="Redis or Valkey: redis:// or rediss://"
    )
    stripe_api_base: str = Field(
        default=STRIPE_API_BASE,
        validation_alias="STRIPE_API_BASE",
        description="where Stripe's API is; a sandbox in development",
    )
    stripe_secret_key: SecretStr = Field(
        validation_alias="STRIPE_SECRET_KEY", description="the platform's Stripe key, sk_ or rk_"
    )
    stripe_webhook_secrets: WebhookSecrets = Field(
        default=(),
        validation_alias="STRIPE_WEBHOOK_SECRET",
        description="secrets of the platform's webhook endpoint, comma separated",
    )
    stripe_connect_webhook_secrets: WebhookSecrets = Field(
        default=(),
        validation_alias="STRIPE_CONNECT_WEBHOOK_SECRET",
        description="secrets of the Connect webhook endpoint, comma separated",
    )
    credential_keys: Annotated[tuple[CredentialKey, ...], BeforeValidator(_credential_keys)] = (
        Field(
            min_length=1,
            validation_alias="TOLLGATE_CREDENTIAL_KEYS",
            description="id:base64 of 32 bytes, comma separated; the first one encrypts",
        )
    )
    jwt_keys: Annotated[tuple[JwtKey, ...], BeforeValidator(_jwt_keys)] = Field(
        min_length=1,
        validation_alias="TOLLGATE_JWT_KEYS",
        description='JSON list of {"kid", "alg", "key"}: HS256, or RS256/ES256/EdDSA with a PEM',
    )
    jwt_issuer: str = Field(
        default="tollgate-development",
        validation_alias="TOLLGATE_JWT_ISSUER",
        description="the iss that tokens must carry; no default in production",
    )
    jwt_audience: str = Field(
        default="tollgate",
        validation_alias="TOLLGATE_JWT_AUDIENCE",
        description="the aud that tokens must carry",
    )
    public_url: str = Field(
        default="http://127.0.0.1:8000",
        validation_alias="TOLLGATE_PUBLIC_URL",
        description="where clients and Stripe reach the API",
    )
    host: str = Field(
        default="127.0.0.1",
        validation_alias="TOLLGATE_HOST",
        description="the address to listen on",
    )
    port: int = Field(
        default=8000,
        ge=1,
        le=65535,
        validation_alias="TOLLGATE_PORT",
        description="the port to listen on",
    )
    db_pool_size: int = Field(
        default=10,
        ge=1,
        le=100,
        validation_alias="TOLLGATE_DB_POOL_SIZE",
        description="PostgreSQL connections of one process",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", validation_alias="TOLLGATE_LOG_LEVEL", description="DEBUG to ERROR"
    )
    graphiql: bool = Field(
        default_factory=lambda data: data.get("environment") == "development",
        validation_alias="TOLLGATE_GRAPHIQL",
        description="serve the GraphQL IDE; on by default in development",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read only the mapping that `load_settings` hands over."""
        given = init_settings.init_kwargs if isinstance(init_settings, InitSettingsSource) else {}
        return (EnvironmentSource(settings_cls, given.get("environ", os.environ)),)

    @property
    def is_production(self) -> bool:
        """Whether this process may move real money."""
        return self.environment == "production"

    @checks("*", mode="before")
    @classmethod
    def _readable(cls, value: object) -> object:
        if isinstance(value, Unusable):
            raise ValueError(value.reason)
        return value

    @checks("database_url")
    @classmethod
    def _postgresql(cls, value: SecretStr) -> SecretStr:
        return _url(value, "postgresql")

    @checks("redis_url")
    @classmethod
    def _redis(cls, value: SecretStr) -> SecretStr:
        return _url(value, "redis", "rediss")

    @checks("stripe_api_base", "public_url")
    @classmethod
    def _http(cls, value: str) -> str:
        return _url(SecretStr(value), "http", "https").get_secret_value().rstrip("/")

    @checks("stripe_api_base")
    @classmethod
    def _encrypted(cls, value: str, info: ValidationInfo) -> str:
        plain = value.startswith("http:") and urlsplit(value).hostname not in _LOOPBACK
        if plain and _production(info):
            raise ValueError("in production the key travels over https only")
        return value

    @checks("stripe_secret_key")
    @classmethod
    def _stripe_key(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        key = value.get_secret_value()
        if not _STRIPE_KEY.fullmatch(key):
            raise ValueError(
                "not a Stripe key: sk_test_..., rk_test_..., sk_live_... or rk_live_..."
            )
        if is_live_key(key):
            if not _production(info):
                raise ValueError("a live key is refused in development")
            if info.data.get("stripe_api_base") != STRIPE_API_BASE:
                raise ValueError(f"a live key goes to {STRIPE_API_BASE} only")
        return value

    @checks("stripe_webhook_secrets")
    @classmethod
    def _heard(cls, value: tuple[SecretStr, ...], info: ValidationInfo) -> tuple[SecretStr, ...]:
        if not value and _production(info):
            raise ValueError(MISSING)
        return value

    @checks("jwt_issuer")
    @classmethod
    def _named(cls, value: str, info: ValidationInfo) -> str:
        if value == cls.model_fields["jwt_issuer"].default and _production(info):
            raise ValueError("missing: production names its own issuer")
        return value


def _production(info: ValidationInfo) -> bool:
    """Whether the environment is production; a wrong one counts as the stricter."""
    return bool(info.data.get("environment", "production") == "production")


def _url(value: SecretStr, *schemes: str) -> SecretStr:
    try:
        parts = urlsplit(value.get_secret_value())
        usable = parts.scheme in schemes and bool(parts.hostname)
    except ValueError:  # its text may quote the password
        usable = False
    if not usable:
        raise ValueError(f"not a URL of the form {schemes[0]}://host")
    return value


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from these variables, or from the environment of this process.

    Raises:
        SettingsError: with every fault.
    """
    variables = os.environ if environ is None else environ
    try:
        return Settings.model_validate({"environ": variables})
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
        # a default that waits for other values is no fault of its own
        own = [fault for fault in faults if fault["type"] != "default_factory_not_called"]
        raise SettingsError({_variable(fault): _in_words(fault) for fault in own}) from None


def load_database_url(environ: Mapping[str, str] | None = None) -> str:
    """Only the database's URL, for the migrations, which need nothing else.

    Raises:
        SettingsError: it is missing or wrong.
    """
    variables = os.environ if environ is None else environ
    try:
        return load_settings(variables).database_url.get_secret_value()
    except SettingsError as error:
        if "DATABASE_URL" in error.faults:
            raise SettingsError({"DATABASE_URL": error.faults["DATABASE_URL"]}) from None
    source = EnvironmentSource(Settings, variables)
    return str(source()["DATABASE_URL"])


def _variable(fault: ErrorDetails) -> str:
    name = str(fault["loc"][0])
    field = Settings.model_fields.get(name)
    return name if field is None else str(field.validation_alias)


def _in_words(fault: ErrorDetails) -> str:
    return MISSING if fault["type"] == "missing" else fault["msg"].removeprefix("Value error, ")
