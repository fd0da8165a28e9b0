"""Alerts sent out: each stage of each once through every channel, again until it is taken."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from domain.alert import Alert
from domain.alert_notice import TRIES_MAX, Channel, Notice, NoticeRefused, stage_of
from domain.alert_ports import AlertDatabase
from domain.ids import Prefix, new_id
from domain.inbox import retry_delay_seconds
from domain.ports import Clock

BATCH = 50
"""How many notices are written or sent at a time."""

SEND_SECONDS = 20.0
"""How long a channel may take for one notice."""

_LEASE = timedelta(seconds=3 * SEND_SECONDS)

_log = logging.getLogger(__name__)


class AlertDelivery:
    """The use case. A notice is sent at least once: whoever dies between sending it and writing
    that down sends it again under the same id. Every call may raise DatabaseUnavailable."""

    def __init__(
        self, database: AlertDatabase, channels: Mapping[str, Channel], clock: Clock
    ) -> None:
        self._database = database
        self._channels = channels
        self._clock = clock

    async def run(self) -> int:
        """Writes the notices of what is new, and sends what is due; how many were sent."""
        await self._plan()
        now = self._clock.now()
        async with self._database.begin() as work:
            due = await work.notices.claim_due(now, now + _LEASE, BATCH)
            await work.commit()
        taken = await asyncio.gather(*(self._send(notice) for notice in due))
        return sum(taken)

    async def _plan(self) -> None:
        """An alert that came and went since the last look has one notice: that it is over."""
        async with self._database.begin() as work:
            untold = await work.notices.lock_untold(BATCH)
            now = self._clock.now()
            for alert in untold:
                for channel in self._channels:
                    await work.notices.add(_notice(alert, channel, now), now)
            await work.notices.note_told([alert.id for alert in untold])
            await work.commit()

    async def _send(self, notice: Notice) -> bool:
        channel = self._channels.get(notice.channel)
        reason = "The channel is no longer configured." if channel is None else None
        if channel is not None:
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await channel.send(notice)
            except NoticeRefused as refused:
                reason = str(refused)
            except TimeoutError:
                reason = f"No answer within {SEND_SECONDS:g} s."
        await self._note(notice, reason, is_final=channel is None)
        return reason is None

    async def _note(self, notice: Notice, reason: str | None, *, is_final: bool) -> None:
        now = self._clock.now()
        async with self._database.begin() as work:
            if reason is None:
                await work.notices.delivered(notice, now)
            else:
                tries = notice.attempts + 1
                due_at = None if is_final or tries >= TRIES_MAX else now + _pause(tries)
                _log.warning("notice %s to %s: %s", notice.id, notice.channel, reason)
                await work.notices.failed(notice, reason, due_at)
            await work.commit()


def _notice(alert: Alert, channel: str, now: datetime) -> Notice:
    return Notice(
        id=new_id(Prefix.ALERT_NOTICE),
        stage=stage_of(alert),
        channel=channel,
        alert=alert,
        attempts=0,
        created_at=now,
    )


def _pause(tries: int) -> timedelta:
    return timedelta(seconds=retry_delay_seconds(tries, secrets.randbelow(1000) / 1000))
