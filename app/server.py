"""Run the API under uvicorn."""

import asyncio
import gc
import socket

import uvicorn
from starlette.applications import Starlette

from app.asgi import create_app
from app.http_protocol import BoundedProtocol
from app.metrics import PrometheusMeasures, metrics_served
from app.settings import Settings
from app.startup import check_login
from app.telemetry import telemetry
from db.roles import DatabaseRole
from domain.signs import ProcessKind

SHUTDOWN_SECONDS = 20
"""Longer than the 15 s that a mutation waits for the gateway, so that a deployment cuts no call."""

GARBAGE_OBJECTS = 10_000
"""Objects made before the collector looks through the youngest. A webhook event is some hundred,
and with Python's 700 it would look at each of them several times while they are in use."""


def serve(settings: Settings, *, fd: int | None = None) -> None:
    """Serve until told to stop (SIGTERM or SIGINT); requests under way are finished first.

    Args:
        settings: what the service is told from outside.
        fd: a listening socket handed over by the parent, instead of host and port.

    Raises:
        SettingsError: the log-in to the database must not serve (`app.startup`).
    """
    asyncio.run(check_login(settings, (DatabaseRole.API, DatabaseRole.PLATFORM)))
    measures = PrometheusMeasures()
    with metrics_served(settings, measures), telemetry(settings, ProcessKind.API) as tracing:
        _run(settings, create_app(settings, measures, tracing), fd)


def _run(settings: Settings, app: Starlette, fd: int | None) -> None:
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # app.proxies reads them, of the proxies that the settings name
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    # What is here now stays: without this the collector looks through all of it, for a tenth of a
    # second, while requests wait.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS)
    sockets = None if fd is None else [socket.socket(fileno=fd)]
    uvicorn.Server(config).run(sockets=sockets)
