"""The record of the platform's acts, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.caller import Actor


@dataclass
class Journal:
    """Implements the record of the platform's acts: notes tenant, reason and operation."""

    entries: list[tuple[str, str, str]] = field(default_factory=list)

    async def record(self, actor: Actor, tenant_id: str, *, reason: str, operation: str) -> None:
        self.entries.append((tenant_id, reason, operation))
