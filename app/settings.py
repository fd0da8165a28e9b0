"""Settings: from the environment, typed, every fault named at once.

A secret may also come from a file: `NAME_FILE` holds its path (`app.environment.SECRETS`).
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic import field_validator as checks
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
)

from app.alert_settings import AlertSettings
from app.environment import EnvironmentSource, Unusable
from app.logging import LogFormat
from app.setting_types import (
    DEVELOPMENT_ISSUER,
    MISSING,
    CheckoutKeys,
    CorsOrigins,
    CredentialKeys,
    HttpUrl,
    Issuer,
    JwksUrl,
    JwtKeys,
    Port,
    Rate,
    TrustedProxies,
    production_rate,
)


class SettingsError(Exception):
    """Raised at start when settings are missing or wrong; names every fault, shows no secret."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        self.faults = dict(faults)
        lines = [f"  {name}: {fault}" for name, fault in self.faults.items()]
        count = "1 setting is" if len(lines) == 1 else f"{len(lines)} settings are"
        super().__init__("\n".join([f"{count} missing or wrong:", *lines]))


class Settings(AlertSettings):
    """Everything that a process of Tollgate is told from outside.

    Read it with `load_settings`, which turns every fault into one `SettingsError`. The API
    version sent to Stripe is pinned in code, since parsing depends on it.
    """

    credential_keys: CredentialKeys = Field(
        min_length=1,
        validation_alias="TOLLGATE_CREDENTIAL_KEYS",
        description="id:base64 of 32 bytes, comma separated; the first one encrypts",
    )
    jwks_url: JwksUrl = Field(
        default=None,
        validation_alias="TOLLGATE_JWKS_URL",
        description="where the issuer publishes its keys (RFC 7517); https",
    )
    jwt_keys: JwtKeys = Field(
        default=(),
        validation_alias="TOLLGATE_JWT_KEYS",
        description='JSON list of {"kid", "alg", "key"}, needed without a JWKS URL: HS256, or '
        'RS256/ES256/EdDSA with a PEM; "until" may give the end of a key',
    )
    jwt_issuer: Issuer = Field(
        default=DEVELOPMENT_ISSUER,
        validation_alias="TOLLGATE_JWT_ISSUER",
        description="the iss that tokens must carry; no default in production",
    )
    jwt_audience: str = Field(
        default="tollgate",
        validation_alias="TOLLGATE_JWT_AUDIENCE",
        description="the aud that tokens must carry",
    )
    checkout_keys: CheckoutKeys = Field(
        min_length=1,
        validation_alias="TOLLGATE_CHECKOUT_KEYS",
        description="id:base64 of 32 bytes or more, comma separated; the first one signs",
    )
    public_url: HttpUrl = Field(
        default="http://127.0.0.1:8000",
        validation_alias="TOLLGATE_PUBLIC_URL",
        description="where clients and Stripe reach the API",
    )
    host: str = Field(
        default="127.0.0.1",
        validation_alias="TOLLGATE_HOST",
        description="the address to listen on",
    )
    port: Port = Field(
        default=8000,
        validation_alias="TOLLGATE_PORT",
        description="the port to listen on",
    )
    metrics_host: str = Field(
        default="127.0.0.1",
        validation_alias="TOLLGATE_METRICS_HOST",
        description="the address on which API and worker serve their metrics",
    )
    metrics_port: Port | None = Field(
        default=None,
        validation_alias="TOLLGATE_METRICS_PORT",
        description="the port of the metrics, /metrics for Prometheus; none, not served",
    )
    webhook_degraded_seconds: int = Field(
        default=120,
        ge=1,
        le=86_400,
        validation_alias="TOLLGATE_WEBHOOK_DEGRADED_SECONDS",
        description="how long an event may wait for a worker before the webhooks' health is "
        "degraded",
    )
    cors_origins: CorsOrigins = Field(
        default=(),
        validation_alias="TOLLGATE_CORS_ORIGINS",
        description="origins whose pages may call the API, https://shop.example, comma separated",
    )
    trusted_proxies: TrustedProxies = Field(
        default=(),
        validation_alias="TOLLGATE_TRUSTED_PROXIES",
        description="networks of the proxies whose X-Forwarded-For and -Proto count, "
        "comma separated",
    )
    hsts_seconds: int = Field(
        default=0,
        ge=0,
        le=63_072_000,
        validation_alias="TOLLGATE_HSTS_SECONDS",
        description="how long browsers are to insist on https (RFC 6797); 0 says nothing",
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
    log_format: LogFormat = Field(
        default="auto",
        validation_alias="TOLLGATE_LOG_FORMAT",
        description="json, console, or auto: console on a terminal, else json",
    )
    graphiql: bool = Field(
        default_factory=lambda data: data.get("environment") == "development",
        validation_alias="TOLLGATE_GRAPHIQL",
        description="serve the GraphQL IDE; on by default in development",
    )
    introspection: Literal["all", "roles", "off"] = Field(
        default_factory=lambda data: "all" if data.get("environment") == "development" else "roles",
        validation_alias="TOLLGATE_INTROSPECTION",
        description="who may read the schema from the API: all, roles (DEVELOPER, ADMIN and "
        "PLATFORM_ADMIN) or off; roles by default, all in development",
    )
    trusted_documents: Literal["off", "prefer", "only"] = Field(
        default="off",
        validation_alias="TOLLGATE_TRUSTED_DOCUMENTS",
        description="off; prefer takes documents by id too; only takes others from DEVELOPER, "
        "ADMIN and PLATFORM_ADMIN alone",
    )
    document_manifest: Path | None = Field(
        default=None,
        validation_alias="TOLLGATE_DOCUMENT_MANIFEST",
        description="the JSON file of the trusted documents, by id",
    )
    rate_tenant: Rate = Field(
        default_factory=production_rate(60_000),
        validation_alias="TOLLGATE_RATE_TENANT",
        description="points of cost a minute for a tenant, 0 for no end; 60000 by default, 0 in "
        "development",
    )
    rate_client: Rate = Field(
        default_factory=production_rate(30_000),
        validation_alias="TOLLGATE_RATE_CLIENT",
        description="the same for a client, which is a token's subject; 30000",
    )
    rate_checkout: Rate = Field(
        default_factory=production_rate(1_000),
        validation_alias="TOLLGATE_RATE_CHECKOUT",
        description="the same for the checkout tokens of an order; 1000",
    )
    rate_address: Rate = Field(
        default_factory=production_rate(60_000),
        validation_alias="TOLLGATE_RATE_ADDRESS",
        description="the same for an address, or an IPv6 network of 64 bits; 60000",
    )
    rate_failures: Rate = Field(
        default_factory=production_rate(600),
        validation_alias="TOLLGATE_RATE_FAILURES",
        description="failed log-ins a minute for an address, and refused documents for a "
        "client; 600",
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
    """Only the database's URL, for the commands that need nothing else.

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
