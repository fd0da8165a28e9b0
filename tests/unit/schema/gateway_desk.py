"""Gateway accounts in memory behind the schema."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from domain.caller import Actor
from domain.configuring import ShownGateway
from domain.gateway_rules import ConfigureGateway


@dataclass
class GatewayDesk:
    """Implements the use cases of gateways: shows its accounts, notes each command and whether the
    platform asked, and answers with what it has first."""

    shown: list[ShownGateway] = field(default_factory=list)
    heard: list[tuple[ConfigureGateway, bool]] = field(default_factory=list)
    raises: Exception | None = None

    async def of_tenant(self, tenant_id: str) -> Sequence[ShownGateway]:
        return [at for at in self.shown if at.profile.tenant_id == tenant_id]

    async def configure(
        self, actor: Actor, tenant_id: str, command: ConfigureGateway, *, by_platform: bool
    ) -> ShownGateway:
        self.heard.append((command, by_platform))
        if self.raises is not None:
            raise self.raises
        return self.shown[0]
