"""What the audit says of prices and tenants. A tier is no tenant's: its lines are the platform's
own. What touches one tenant stands in that tenant's log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from domain.audit import PLATFORM, AuditEntry
from domain.caller import Actor
from domain.fees import FeeOverride, FeeTier
from domain.free_text import withheld
from domain.ids import Prefix, new_id
from domain.tenant import Tenant


def tier_entry(
    verb: str, before: FeeTier | None, after: FeeTier, actor: Actor, now: datetime
) -> AuditEntry:
    """A tier created, updated or archived."""
    return _entry(
        PLATFORM,
        f"fee_tier.{verb}",
        after.id,
        actor,
        now,
        before=None if before is None else _tier(before),
        after=_tier(after),
    )


def override_entry(
    verb: str, before: FeeOverride | None, after: FeeOverride, actor: Actor, now: datetime
) -> AuditEntry:
    """A tenant's own price set or ended."""
    return _entry(
        after.tenant_id,
        f"fee_override.{verb}",
        after.id,
        actor,
        now,
        before=None if before is None else _override(before),
        after=_override(after),
    )


def tenant_entry(
    verb: str, before: Tenant | None, after: Tenant, actor: Actor, now: datetime
) -> AuditEntry:
    """A tenant created, or moved to another tier."""
    return _entry(
        after.id,
        f"tenant.{verb}",
        after.id,
        actor,
        now,
        before=None if before is None else _tenant(before),
        after=_tenant(after),
    )


def _entry(
    tenant_id: str,
    action: str,
    subject_id: str,
    actor: Actor,
    now: datetime,
    *,
    before: Mapping[str, object] | None,
    after: Mapping[str, object],
) -> AuditEntry:
    return AuditEntry(
        id=new_id(Prefix.AUDIT_ENTRY),
        tenant_id=tenant_id,
        at=now,
        actor=actor,
        action=action,
        subject_id=subject_id,
        before=before,
        after=after,
    )


def _tier(tier: FeeTier) -> Mapping[str, object]:
    return {
        "name": withheld(tier.name),
        "level": tier.level,
        "basis_points": tier.basis_points,
        "fixed_fees": dict(tier.fixed_fees),
        "refund_policy": tier.refund_policy.value,
        "is_archived": tier.is_archived,
    }


def _override(override: FeeOverride) -> Mapping[str, object]:
    until = override.effective_until
    return {
        "basis_points": override.basis_points,
        "fixed_fees": dict(override.fixed_fees),
        "reason": withheld(override.reason),
        "effective_from": override.effective_from.isoformat(),
        "effective_until": None if until is None else until.isoformat(),
    }


def _tenant(tenant: Tenant) -> Mapping[str, object]:
    return {
        "name": withheld(tenant.name),
        "slug": tenant.slug,
        "fee_tier_id": tenant.fee_tier_id,
        "default_currency": tenant.default_currency,
        "is_active": tenant.is_active,
    }
