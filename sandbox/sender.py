"""Sends webhook deliveries that are due, a bounded number at a time, over one session."""

import asyncio
import contextlib

import aiohttp

from sandbox.core import Sandbox
from sandbox.world import Delivery

IDLE_SECONDS_MAX = 3600.0


class Sender:
    """Runs beside the server; ``wake`` tells it that something may have become due."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._wake = asyncio.Event()
        self._slots = asyncio.Semaphore(sandbox.settings.webhook_concurrency)
        self._sends: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Looks again for what is due."""
        self._wake.set()

    async def run(self) -> None:
        """Sends until it is cancelled; then gives up what is under way."""
        timeout = aiohttp.ClientTimeout(total=self._sandbox.settings.webhook_timeout_seconds)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            try:
                while True:
                    await self._send_due(session)
                    await self._rest()
            finally:
                for send in self._sends:
                    send.cancel()
                await asyncio.gather(*self._sends, return_exceptions=True)

    async def _send_due(self, session: aiohttp.ClientSession) -> None:
        self._wake.clear()
        self._sandbox.run_due()
        for delivery in self._sandbox.take_deliveries():
            await self._slots.acquire()
            send = asyncio.create_task(self._send(session, delivery))
            self._sends.add(send)
            send.add_done_callback(self._sends.discard)

    async def _rest(self) -> None:
        due_at = self._sandbox.next_due()
        seconds = IDLE_SECONDS_MAX
        if due_at is not None:
            seconds = min(seconds, max(due_at - self._sandbox.world.now(), 0.0))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)

    async def _send(self, session: aiohttp.ClientSession, delivery: Delivery) -> None:
        try:
            self._sandbox.finish_delivery(delivery, await self._post(session, delivery))
        finally:
            self._slots.release()
            self.wake()

    async def _post(self, session: aiohttp.ClientSession, delivery: Delivery) -> int | str:
        request = self._sandbox.webhook_request(delivery)
        try:
            async with session.post(
                request.path,
                data=request.body,
                headers=dict(request.headers),
                allow_redirects=False,
            ) as answer:
                return answer.status
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            return type(error).__name__
