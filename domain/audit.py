"""Audit entries: what changed, by whom, from what to what; appended in the commit of the change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.caller import Actor

PLATFORM = "platform"
"""Stands for the tenant in lines of the audit that are of no tenant; no id has its form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One change of one subject. `action` reads `subject.verb`, as in `payment.paid`."""

    id: str
    tenant_id: str
    at: datetime
    actor: Actor
    action: str
    subject_id: str
    before: Mapping[str, object] | None
    after: Mapping[str, object] | None
