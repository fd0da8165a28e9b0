"""The rounds of a worker over a shop's database, run when the test says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from app.beat import Heart, RequestTally
from db.alert_desk import SqlAlertDesk
from db.alert_figures import SqlAlertFigures
from db.alert_rounds import SqlAlertDatabase
from db.engine import make_engine
from db.roles import DatabaseRole
from db.signs import SqlSigns
from db.webhook_health import SqlInboxHealthReads
from domain.alert import Alert
from domain.alert_delivery import AlertDelivery
from domain.alert_desk import AlertService
from domain.alert_notice import Channel
from domain.alert_rounds import AlertRounds
from domain.caller import Actor, AuditActorType
from domain.signs import ProcessKind
from tests.integration.webhooks.shop import Shop

ADMINISTRATOR = Actor(AuditActorType.USER, "ann@platform")


@dataclass
class Watch:
    """Whoever watches over the shop."""

    shop: Shop
    platform: AsyncEngine
    rounds: AlertRounds
    desk: SqlAlertDesk
    service: AlertService

    @classmethod
    def of(cls, shop: Shop, database_url: str) -> Watch:
        """With the worker's role for the rounds, and the platform's for its people."""
        platform = make_engine(database_url, pool_size=2, role=DatabaseRole.PLATFORM)
        desk = SqlAlertDesk(platform)
        rounds = AlertRounds(
            SqlAlertDatabase(shop.worker),
            SqlAlertFigures(shop.worker),
            SqlInboxHealthReads(shop.worker),
            shop.clock,
        )
        return cls(shop, platform, rounds, desk, AlertService(desk, shop.clock))

    async def look(self) -> set[tuple[str, str]]:
        """Rule and subject of each alert that is open after a round."""
        await self.rounds.run()
        return {(alert.rule, alert.subject_id) for alert in await self.open()}

    async def rules(self) -> set[str]:
        """The rules that have an alert open after a round."""
        return {rule for rule, _ in await self.look()}

    async def open(self) -> list[Alert]:
        """The open alerts as the platform's people see them."""
        return list(await self.desk.alerts(None, open_only=True))

    async def every(self) -> list[Alert]:
        """All alerts."""
        return list(await self.desk.alerts(None, open_only=False))

    async def pass_rounds(self, seconds: float, *, step: float = 60.0) -> None:
        """Lets time pass with a round each step."""
        for _ in range(round(seconds / step)):
            self.shop.clock.advance(step)
            await self.rounds.run()

    def heart(
        self, *pools: AsyncEngine, kind: ProcessKind = ProcessKind.API, tally: RequestTally
    ) -> Heart:
        """The heart of a process over these pools."""
        engine = self.shop.api if kind is ProcessKind.API else self.shop.worker
        return Heart(SqlSigns(engine), kind, pools, self.shop.clock, tally)

    def delivery(self, channels: Mapping[str, Channel]) -> AlertDelivery:
        """The sending through these channels."""
        return AlertDelivery(SqlAlertDatabase(self.shop.worker), channels, self.shop.clock)
