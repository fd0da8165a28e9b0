"""The platform's own people at work within a tenant: allowed for a reason, and written down."""

from __future__ import annotations

from collections.abc import Callable

from domain.audit import AuditEntry
from domain.caller import Actor
from domain.ids import Prefix, new_id
from domain.ports import Clock, Database

OPERATION_LENGTH_MAX = 500
"""Characters of what was asked that are kept."""


class ActingService:
    """Writes into a tenant's audit log that the platform's people acted there.

    `redacted` takes out what no audit may hold: the caller chose the operation's name.
    """

    def __init__(self, database: Database, clock: Clock, redacted: Callable[[str], str]) -> None:
        self._database = database
        self._clock = clock
        self._redacted = redacted

    async def record(self, actor: Actor, tenant_id: str, *, reason: str, operation: str) -> None:
        """One entry for one request, committed before anything is read or done for it. `operation`
        says what is asked: `query Lookup { order, payments }`."""
        asked = self._redacted(operation)[:OPERATION_LENGTH_MAX]
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
                    after={"operation": asked, "reason": reason},
                )
            )
            await work.commit()
