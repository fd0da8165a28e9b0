"""Audit entries: what changed, by whom, from what to what; appended in the commit of the change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.caller import Actor

PLATFORM = "platform"
"""Stands for the tenant in lines of the audit that are of no tenant; no id has its form."""


class AlertSeverity(StrEnum):
    """How soon somebody must look."""

    CRITICAL = "CRITICAL"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something a person must look at. Opened once per (`rule`, `subject_id`) while it is open."""

    id: str
    rule: str
    severity: AlertSeverity
    subject_id: str
    message: str
    tenant_id: str | None
    opened_at: datetime
