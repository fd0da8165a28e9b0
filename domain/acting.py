"""The platform's own people at work within a tenant: allowed for a reason, and written down."""

from __future__ import annotations

from domain.audit import AuditEntry
from domain.caller import Actor
from domain.free_text import withheld
from domain.ids import Prefix, new_id
from domain.ports import Clock, Database

OPERATION_LENGTH_MAX = 500
"""Characters of what was asked that are kept."""


class ActingService:
    """Writes into a tenant's audit log that the platform's people acted there."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def record(self, actor: Actor, tenant_id: str, *, reason: str, operation: str) -> None:
        """One entry for one request, committed before anything is read or done for it. `operation`
        says what is asked: `query Lookup { order, payments }`; its name is of the caller's making,
        and may hold anything."""
        asked = withheld(operation)[:OPERATION_LENGTH_MAX]
        async with self._database.begin(tenant_id) as work:
            await work.audit.append(
                AuditEntry(
                    id=new_id(Prefix.AUDIT_ENTRY),
                    tenant_id=tenant_id,
                    at=self._clock.now(),
                    actor=actor,
                    action="platform.acted",
                    subject_id=tenant_id,
                    before=None,
                    after={"operation": asked, "reason": withheld(reason)},
                )
            )
            await work.commit()
