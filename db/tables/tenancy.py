"""Tenants, what they pay, and the gateway accounts that take their money."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ExcludeConstraint

from db.tables.base import check, currency, json, metadata, moment, one_of, text_id
from db.tables.base import text as words
from domain.fees import BASIS_POINTS, FeeRefundPolicy
from domain.payment import GatewayType
from domain.tenant import GatewayMode

_BASIS_POINTS = f"basis_points BETWEEN 0 AND {BASIS_POINTS}"

fee_tiers = Table(
    "platform_fee_tiers",
    metadata,
    text_id("id", primary_key=True),
    words("name"),
    Column("level", Integer, nullable=False),
    Column("basis_points", Integer, nullable=False),
    json("fixed_fees"),
    words("description"),
    words("refund_policy"),
    Column("is_default", Boolean, nullable=False),
    Column("is_archived", Boolean, nullable=False),
    check("basis_points", _BASIS_POINTS),
    one_of("refund_policy", FeeRefundPolicy),
    check("default_in_use", "NOT (is_default AND is_archived)"),
    Index(
        "uq_platform_fee_tiers_default",
        "is_default",
        unique=True,
        postgresql_where=text("is_default"),
    ),
    Index(
        "uq_platform_fee_tiers_level",
        "level",
        unique=True,
        postgresql_where=text("NOT is_archived"),
    ),
)

tenants = Table(
    "tenants",
    metadata,
    text_id("id", primary_key=True),
    words("name"),
    words("slug"),
    text_id("fee_tier_id"),
    words("default_currency"),
    Column("is_active", Boolean, nullable=False),
    moment("created_at"),
    ForeignKeyConstraint(["fee_tier_id"], ["platform_fee_tiers.id"]),
    UniqueConstraint("slug", name="slug"),
    currency("default_currency"),
)

fee_overrides = Table(
    "platform_fee_overrides",
    metadata,
    text_id("tenant_id", primary_key=True),
    text_id("id", primary_key=True),
    Column("basis_points", Integer, nullable=False),
    json("fixed_fees"),
    words("reason"),
    words("created_by"),
    moment("effective_from"),
    moment("effective_until", nullable=True),
    ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
    check("basis_points", _BASIS_POINTS),
    # An override that is ended before it began never begins: its period is empty.
    check("period", "effective_until >= effective_from"),
    # Two overrides in force at one time would leave the price to chance.
    ExcludeConstraint(
        ("tenant_id", "="),
        (text("tstzrange(effective_from, effective_until)"), "&&"),
        name="ex_platform_fee_overrides_period",
        using="gist",
    ),
)

gateways = Table(
    "tenant_payment_gateways",
    metadata,
    text_id("id", primary_key=True),
    text_id("tenant_id", nullable=True),
    words("gateway_type"),
    words("mode"),
    Column("livemode", Boolean, nullable=False),
    Column("is_enabled", Boolean, nullable=False),
    Column("fee_basis_points", Integer, nullable=False),
    Column("fee_fixed_cents", BigInteger, nullable=False),
    text_id("account_id", nullable=True),
    Column("secret_key", LargeBinary),
    moment("created_at"),
    moment("updated_at"),
    text_id("key_account_id", nullable=True),
    words("secret_key_hint", nullable=True),
    ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
    UniqueConstraint("tenant_id", "id", name="tenant_id"),
    one_of("gateway_type", GatewayType),
    one_of("mode", GatewayMode),
    check("fee_basis_points", f"fee_basis_points BETWEEN 0 AND {BASIS_POINTS}"),
    check("fee_fixed_cents", "fee_fixed_cents >= 0"),
    check("platform_row", "tenant_id IS NOT NULL OR mode = 'PLATFORM'"),
    check("connect_account", "(mode = 'CONNECT') = (account_id IS NOT NULL)"),
    check("own_key", "(mode = 'OWN') = (secret_key IS NOT NULL)"),
    check("key_account", "mode = 'OWN' OR key_account_id IS NULL"),
    # What is shown of a secret is its end and no more.
    check(
        "secret_key_hint",
        "secret_key_hint IS NULL OR secret_key IS NOT NULL AND length(secret_key_hint) = 4",
    ),
    Index(
        "uq_tenant_payment_gateways_enabled",
        "tenant_id",
        "gateway_type",
        unique=True,
        postgresql_where=text("is_enabled AND tenant_id IS NOT NULL"),
    ),
    Index(
        "uq_tenant_payment_gateways_platform",
        "gateway_type",
        "livemode",
        unique=True,
        postgresql_where=text("tenant_id IS NULL"),
    ),
    # A merchant account serves one tenant, connected or by its own key.
    ExcludeConstraint(
        (text("coalesce(account_id, key_account_id)"), "="),
        (text("(livemode::int)"), "="),
        ("tenant_id", "<>"),
        name="ex_tenant_payment_gateways_account",
        using="gist",
    ),
    # A connected account has one row, so that an event finds it.
    Index(
        "uq_tenant_payment_gateways_account",
        "account_id",
        "livemode",
        unique=True,
        postgresql_where=text("account_id IS NOT NULL"),
    ),
)

endpoint_secrets = Table(
    "endpoint_secrets",
    metadata,
    text_id("tenant_id", primary_key=True),
    text_id("id", primary_key=True),
    text_id("gateway_id"),
    Column("secret", LargeBinary, nullable=False),
    words("hint", nullable=True),
    moment("created_at"),
    moment("expires_at", nullable=True),
    ForeignKeyConstraint(
        ["tenant_id", "gateway_id"],
        ["tenant_payment_gateways.tenant_id", "tenant_payment_gateways.id"],
    ),
    # What is shown of a secret is its end and no more.
    check("hint", "length(hint) = 4"),
    Index(
        "uq_endpoint_secrets_current",
        "tenant_id",
        "gateway_id",
        unique=True,
        postgresql_where=text("expires_at IS NULL"),
    ),
    Index("ix_endpoint_secrets_gateway", "tenant_id", "gateway_id", "id"),
)
