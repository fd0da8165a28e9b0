"""Receivers of alerts on this machine: a web server and a mail server that keep what they get."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer

from domain.alert_notice import Notice, NoticeRefused


@dataclass
class Told:
    """A channel in memory that takes nothing while it `refuses`."""

    notices: list[Notice] = field(default_factory=list)
    refuses: str | None = None
    tries: int = 0

    async def send(self, notice: Notice) -> None:
        self.tries += 1
        if self.refuses is not None:
            raise NoticeRefused(self.refuses)
        self.notices.append(notice)

    @property
    def stages(self) -> list[tuple[str, str]]:
        """Rule and stage of each notice, in order."""
        return [(notice.alert.rule, notice.stage.value) for notice in self.notices]


@dataclass
class WebSink:
    """A web server that answers every POST with `status`."""

    url: str = ""
    status: int = 204
    location: str | None = None
    got: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((dict(request.headers), await request.read()))
        headers = {} if self.location is None else {"Location": self.location}
        return web.Response(status=self.status, headers=headers)


@asynccontextmanager
async def web_sink() -> AsyncIterator[WebSink]:
    """A web server on a free port."""
    sink = WebSink()
    app = web.Application()
    app.router.add_post("/{path:.*}", sink.take)
    async with TestServer(app) as server:
        sink.url = str(server.make_url("/hook"))
        yield sink


@dataclass
class MailSink:
    """A mail server without TLS that takes one message a connection (RFC 5321)."""

    port: int = 0
    offers: tuple[str, ...] = ()
    refuses_recipients: bool = False
    got: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        while line := (await reader.readline()).decode().strip():
            verb = line.upper()
            if verb.startswith("EHLO"):
                lines = ["sink", *self.offers]
                marked = [f"250-{each}" for each in lines[:-1]] + [f"250 {lines[-1]}"]
                writer.write("\r\n".join(marked).encode() + b"\r\n")
            elif verb.startswith("RCPT") and self.refuses_recipients:
                writer.write(b"550 nobody of that name\r\n")
            elif verb == "DATA":
                writer.write(b"354 go on\r\n")
                self.got.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                writer.write(b"250 taken\r\n")
            elif verb == "QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 ok\r\n")
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def mail_sink() -> AsyncIterator[MailSink]:
    """A mail server on a free port."""
    sink = MailSink()
    server = await asyncio.start_server(sink.serve, "127.0.0.1", 0)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()
        await server.wait_closed()
