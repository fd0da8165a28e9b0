"""A wire to the sandbox that counts what is said over it: a gateway call that nobody should make is
seen, whatever it asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Wire:
    """Forwards each connection, and counts the bytes that are sent to the sandbox."""

    host: str
    port: int
    sent: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the service's."""
        there, back = await asyncio.open_connection(self.host, self.port)
        for source, target, counts in ((reader, back, True), (there, writer, False)):
            task = asyncio.create_task(self._pump(source, target, counts=counts))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _pump(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, counts: bool
    ) -> None:
        try:
            while data := await source.read(65_536):
                self.sent += len(data) if counts else 0
                target.write(data)
                await target.drain()
        except ConnectionError:
            pass
        finally:
            target.close()


@asynccontextmanager
async def counted(sandbox_url: str) -> AsyncIterator[tuple[str, Wire]]:
    """The URL of a wire to this sandbox, and the wire."""
    address = urlsplit(sandbox_url)
    assert address.hostname is not None
    wire = Wire(address.hostname, address.port or 80)
    server = await asyncio.start_server(wire.connect, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}", wire
    finally:
        server.close()
        for task in list(wire.tasks):
            task.cancel()
        await asyncio.gather(*wire.tasks, return_exceptions=True)
