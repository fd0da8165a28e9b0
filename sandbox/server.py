"""The HTTP shell: a Starlette app over the sandbox's core."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import cast

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Message, Receive, Scope, Send

from sandbox.core import Sandbox
from sandbox.errors import ApiError
from sandbox.sender import Sender
from sandbox.settings import SandboxSettings
from sandbox.wire import Request, Response

BODY_BYTES_MAX = 1_000_000
TOO_LARGE = ApiError(413, "The request body is too large.").response(None, "req_too_large")


class ConnectionDropped(Exception):
    """A fault closes the connection, and there is no connection to close: an in-process client
    sees this instead.
    """


def create_app(settings: SandboxSettings | None = None) -> Starlette:
    """The ASGI application; its webhook sender lives as long as its lifespan.

    The core is at ``app.state.sandbox``.
    """
    sandbox = Sandbox(settings)
    endpoint = _Endpoint(sandbox)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        sender = Sender(sandbox)
        endpoint.sender = sender
        running = asyncio.create_task(sender.run())
        try:
            yield
        finally:
            endpoint.sender = None
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running

    app = Starlette(routes=[Mount("/", app=endpoint)], lifespan=lifespan)
    app.state.sandbox = sandbox
    return app


class _Endpoint:
    """Every route: the core finds the operation itself."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.sender: Sender | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read(receive)
        response = TOO_LARGE if body is None else self._sandbox.handle(_request(scope, body))
        if self.sender:
            self.sender.wake()
        if response.delay_seconds:
            await asyncio.sleep(response.delay_seconds)
        if response.dropped:
            await _drop(receive)
        else:
            await _answer(send, response)


def _request(scope: Scope, body: bytes) -> Request:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = cast(bytes, scope["query_string"]).decode("latin-1")
    return Request(scope["method"], scope["path"], query, headers, body)


async def _read(receive: Receive) -> bytes | None:
    """The whole body, or None where it is too large."""
    body = b""
    more = True
    while more:
        message: Message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > BODY_BYTES_MAX:
            return None
    return body


async def _answer(send: Send, response: Response) -> None:
    headers = [
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, value in response.headers.items()
    ]
    headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


async def _drop(receive: Receive) -> None:
    """Closes the connection without a word.

    ASGI has no message for that, so the transport behind uvicorn's ``receive`` is closed.
    """
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionDropped
    cast(asyncio.BaseTransport, transport).close()
    while (await receive())["type"] != "http.disconnect":
        pass
