"""Tenants and the gateway accounts through which they are paid."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.fees import GatewayFeeSchedule
from domain.payment import GatewayType


class GatewayMode(StrEnum):
    """Whose gateway account takes the money: the platform's, the tenant's own, a connected one."""

    PLATFORM = "PLATFORM"
    OWN = "OWN"
    CONNECT = "CONNECT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A merchant of the platform."""

    id: str
    name: str
    slug: str
    fee_tier_id: str
    default_currency: str
    is_active: bool
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayAccount:
    """One row of `tenant_payment_gateways`: how a tenant's calls reach the gateway.

    `secret_key` is set in mode OWN only, and `key_account_id`, the account that it leads to;
    `account_id` (acct_…) in mode CONNECT only. In mode OWN
    without a key, the stored key could not be read: no call can be made through the account. The
    platform's own row, which owns the events of its webhook endpoint, has no tenant.
    """

    id: str
    tenant_id: str | None
    gateway_type: GatewayType
    mode: GatewayMode
    livemode: bool
    is_enabled: bool
    fee_schedule: GatewayFeeSchedule
    account_id: str | None = None
    key_account_id: str | None = None
    secret_key: str | None = field(default=None, repr=False)
