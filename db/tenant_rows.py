"""Tenants, gateway accounts and prices as rows, and back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from db.sealed import SealedColumn
from domain.fees import FeeOverride, FeeRefundPolicy, FeeTier, GatewayFeeSchedule
from domain.payment import GatewayType
from domain.ports import Cipher
from domain.tenant import GatewayAccount, GatewayMode, Tenant

SECRET_KEY = SealedColumn("tenant_payment_gateways", "secret_key")
"""The tenant's own key, as `{"secret_key": ...}`."""

WEBHOOK_SECRET = SealedColumn(
    "tenant_payment_gateways",
    "webhook_secret",
    row="gateway_id",
    kept_in=("endpoint_secrets", "secret"),
)
"""What signs the events of the tenant's own account, as `{"webhook_secret": ...}`. It is bound to
the account's row, which held it before there could be several."""


def tenant_of(row: Row[Any]) -> Tenant:
    """The tenant that a row of `tenants` holds."""
    return Tenant(
        id=row.id,
        name=row.name,
        slug=row.slug,
        fee_tier_id=row.fee_tier_id,
        default_currency=row.default_currency,
        is_active=row.is_active,
        created_at=row.created_at,
    )


def gateway_of(row: Row[Any], cipher: Cipher | None) -> GatewayAccount:
    """The account that a row holds. Its key is left out without a cipher, and where it cannot be
    decrypted."""
    opened = None
    if cipher is not None and row.secret_key is not None:
        opened = SECRET_KEY.read(cipher, row.tenant_id, row.id, row.secret_key)
    return GatewayAccount(
        id=row.id,
        tenant_id=row.tenant_id,
        gateway_type=GatewayType(row.gateway_type),
        mode=GatewayMode(row.mode),
        livemode=row.livemode,
        is_enabled=row.is_enabled,
        fee_schedule=GatewayFeeSchedule(row.fee_basis_points, row.fee_fixed_cents),
        account_id=row.account_id,
        key_account_id=row.key_account_id,
        secret_key=None if opened is None else str(opened["secret_key"]),
    )


def tier_of(row: Row[Any]) -> FeeTier:
    """The price list that a row of `platform_fee_tiers` holds."""
    return FeeTier(
        id=row.id,
        name=row.name,
        level=row.level,
        basis_points=row.basis_points,
        fixed_fees=row.fixed_fees,
        description=row.description,
        refund_policy=FeeRefundPolicy(row.refund_policy),
        is_default=row.is_default,
        is_archived=row.is_archived,
    )


def override_of(row: Row[Any]) -> FeeOverride:
    """The tenant's own price that a row of `platform_fee_overrides` holds."""
    return FeeOverride(
        id=row.id,
        tenant_id=row.tenant_id,
        basis_points=row.basis_points,
        fixed_fees=row.fixed_fees,
        reason=row.reason,
        created_by=row.created_by,
        effective_from=row.effective_from,
        effective_until=row.effective_until,
    )
