"""Settings of what a process works with: its environment, its servers, its account at Stripe."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.setting_types import (
    STRIPE_API_BASE,
    NeededWebhookSecrets,
    PostgresUrl,
    RedisUrl,
    StripeApiBase,
    StripeKey,
    StripeLog,
    WebhookSecrets,
)


class ConnectionSettings(BaseSettings):
    """The first part of `app.settings.Settings`; other settings are judged by its values."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, validate_default=True
    )

    environment: Literal["production", "development"] = Field(
        default="production",
        validation_alias="TOLLGATE_ENV",
        description="production, or development, which allows test doubles and the GraphQL IDE",
    )
    database_url: PostgresUrl = Field(
        validation_alias="DATABASE_URL",
        description="PostgreSQL: postgresql://user:password@host/db",
    )
    redis_url: RedisUrl = Field(
        validation_alias="REDIS_URL", description="Redis or Valkey: redis:// or rediss://"
    )
    stripe_api_base: StripeApiBase = Field(
        default=STRIPE_API_BASE,
        validation_alias="STRIPE_API_BASE",
        description="where Stripe's API is; a sandbox in development",
    )
    stripe_secret_key: StripeKey = Field(
        validation_alias="STRIPE_SECRET_KEY", description="the platform's Stripe key, sk_ or rk_"
    )
    stripe_webhook_secrets: NeededWebhookSecrets = Field(
        default=(),
        validation_alias="STRIPE_WEBHOOK_SECRET",
        description="secrets of the platform's webhook endpoint, comma separated; "
        "whsec_old@2026-12-31T00:00:00Z ends then",
    )
    stripe_connect_webhook_secrets: WebhookSecrets = Field(
        default=(),
        validation_alias="STRIPE_CONNECT_WEBHOOK_SECRET",
        description="the same for the Connect webhook endpoint",
    )
    stripe_log: StripeLog = Field(
        default=None,
        validation_alias="STRIPE_LOG",
        description="never set: the Stripe library would log whole requests, secrets included",
    )
