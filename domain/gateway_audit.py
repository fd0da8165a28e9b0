"""What the audit says of a tenant's gateway account. No secret is in it, only the end of one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from domain.audit import AuditEntry
from domain.caller import Actor
from domain.gateway_profile import GatewayProfile
from domain.ids import Prefix, new_id


def gateway_entry(
    before: GatewayProfile | None,
    after: GatewayProfile,
    actor: Actor,
    now: datetime,
    *,
    replaced: Sequence[str] = (),
) -> AuditEntry:
    """An account added, changed, or switched on or off; `replaced` names its new credentials."""
    verb = "added" if before is None else "changed"
    if before is not None and before.is_enabled is not after.is_enabled:
        verb = "enabled" if after.is_enabled else "disabled"
    return AuditEntry(
        id=new_id(Prefix.AUDIT_ENTRY),
        tenant_id=after.tenant_id,
        at=now,
        actor=actor,
        action=f"gateway.{verb}",
        subject_id=after.id,
        before=None if before is None else _picture(before),
        after=_picture(after) | {"replaced": list(replaced)},
    )


def _picture(row: GatewayProfile) -> dict[str, object]:
    return {
        "gateway_type": row.gateway_type.value,
        "mode": row.mode.value,
        "livemode": row.livemode,
        "is_enabled": row.is_enabled,
        "account_id": row.account_id,
        "key_account_id": row.key_account_id,
        "secret_key_hint": row.secret_key_hint,
        "webhook_secret_hint": row.webhook_secret_hint,
    }
