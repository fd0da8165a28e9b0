"""The database connections of an API process."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from app.database_metrics import DatabaseMeasures
from app.settings import Settings
from db.engine import POOL_TIMEOUT_SECONDS, make_engine
from db.roles import DatabaseRole

WAIT_SECONDS = 0.8
"""How long a caller waits for a connection: with what is left of a second it is told OVERLOADED."""

PLATFORM_POOL_SIZE = 2
"""Connections for the platform's own people, who are few."""

INBOX_POOL_SIZE = 3
"""Connections for webhook deliveries: the commits that are in flight at once, and one that buries.
"""

BEAT_POOL_SIZE = 2
"""Connections for signs of life and for probes, which must not wait for what they tell of."""


@dataclass(frozen=True, slots=True)
class Pools:
    """Four pools, which open on first use: for callers, for the platform's people in their own
    role, for webhook deliveries, and for signs of life."""

    api: AsyncEngine
    platform: AsyncEngine
    inbox: AsyncEngine
    beat: AsyncEngine

    @classmethod
    def of(cls, settings: Settings) -> Pools:
        """As the settings say."""
        return cls(
            api=_engine(settings, DatabaseRole.API, settings.db_pool_size, wait=WAIT_SECONDS),
            platform=_engine(
                settings, DatabaseRole.PLATFORM, PLATFORM_POOL_SIZE, wait=WAIT_SECONDS
            ),
            inbox=_engine(settings, DatabaseRole.API, INBOX_POOL_SIZE),
            beat=_engine(settings, DatabaseRole.API, BEAT_POOL_SIZE, "beat"),
        )

    def watched_by(self, measures: DatabaseMeasures) -> None:
        """Has each shown in the metrics."""
        measures.watch("api", self.api)
        measures.watch("platform", self.platform)
        measures.watch("inbox", self.inbox)
        measures.watch("beat", self.beat)

    async def dispose(self) -> None:
        """Closes every connection."""
        for pool in (self.api, self.platform, self.inbox, self.beat):
            await pool.dispose()


def _engine(
    settings: Settings,
    role: DatabaseRole,
    pool_size: int,
    name: str = "api",
    *,
    wait: float = POOL_TIMEOUT_SECONDS,
) -> AsyncEngine:
    return make_engine(
        settings.database_url.get_secret_value(),
        pool_size=pool_size,
        application_name=f"tollgate {name} as {role}",
        role=role,
        pool_timeout_seconds=wait,
    )
