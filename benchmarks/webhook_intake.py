"""How many webhook deliveries a second one process takes in, beside the least that it could do.

    python benchmarks/webhook_intake.py [seconds] [rounds]

Our route, as `tollgate serve` runs it, against two floors (benchmarks/webhook_floor.py), over real
HTTP with a real PostgreSQL (durable commits) and Valkey, at 1, 32 and 128 connections. Each round
measures all three one after the other, every other round backwards; a ratio is of the same round,
and the median of the rounds is what to compare between machines. The server under test has a core
to itself, and PostgreSQL, Valkey and the client share another. CPU is that of a delivery: of the
server, of PostgreSQL and Valkey, and of the client, which shows what it takes from them.
"""

from __future__ import annotations

import asyncio
import hmac
import multiprocessing
import os
import secrets
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import asyncpg
import uvicorn
from redis.asyncio import Redis

from app.server import serve
from app.settings import load_settings
from app.stack import WEBHOOK_PATH, Stack
from benchmarks.event_body import BODY, EVENT_ID
from benchmarks.process_cpu import cpu_seconds, family
from benchmarks.webhook_floor import PATH, TABLE, Check, floor, naive, tuned
from benchmarks.webhook_load import Load

CONNECTIONS = (1, 32, 128)
SECRET = "whsec_" + secrets.token_hex(16)
CORES = os.sched_getaffinity(0)
_SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Contender:
    """A server under test: its process, its port and the path."""

    name: str
    pid: int
    port: int
    path: str


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: answers a second, their latencies in milliseconds, and microseconds of CPU for each:
    of the server, of the services, of the client."""

    rate: float
    latencies: list[float]
    server: float
    services: float
    client: float

    @property
    def without_client(self) -> float:
        """CPU of all that a deployment has."""
        return self.server + self.services


def signed_deliveries(path: str, count: int) -> list[bytes]:
    """Whole requests, each with an event id of its own."""
    moment = str(int(time.time())).encode()
    return [_delivery(path, moment) for _ in range(count)]


def _delivery(path: str, moment: bytes) -> bytes:
    name = secrets.token_hex(12).translate(str.maketrans("0123456789", "ghijklmnop"))
    body = BODY.replace(EVENT_ID.encode(), f"evt_{name}".encode())
    signature = hmac.digest(SECRET.encode(), moment + b"." + body, "sha256").hex()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json; charset=utf-8"
        f"\r\nContent-Length: {len(body)}\r\nStripe-Signature: t={moment.decode()},v1={signature}"
        "\r\n\r\n"
    )
    return head.encode() + body


def measure(contender: Contender, connections: int, seconds: float) -> Measured:
    """One run, over deliveries that were signed before it."""
    requests = signed_deliveries(contender.path, int(5_000 * seconds) + connections)
    load = Load(contender.name, contender.port, requests)
    before = _used(contender)
    rate = load.run(connections, seconds)
    used = [after - ago for after, ago in zip(_used(contender), before, strict=True)]
    server, services, client = (each / len(load.latencies) * 1_000_000 for each in used)
    return Measured(rate, load.latencies, server, services, client)


def _used(contender: Contender) -> tuple[float, float, float]:
    """CPU seconds of the server, of the services and of this process."""
    servers = {child.pid for child in multiprocessing.active_children()}
    services = set(family(os.getpid())) - servers - {os.getpid()}
    return (
        cpu_seconds(contender.pid),
        sum(map(cpu_seconds, services)),
        time.process_time(),
    )


def serve_ours(environment: Mapping[str, str], fd: int) -> None:
    """Our API, as its command runs it."""
    serve(load_settings(environment), fd=fd)


def serve_floor(database_url: str, check: Check, fd: int, secret: str) -> None:
    """A floor, under the same server."""
    config = uvicorn.Config(
        floor(database_url, secret, check),
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=fd)])


def started(name: str, path: str, target: Callable[[int], None]) -> Contender:
    """A contender in a process of its own, which ends with this one."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    process = _SPAWN.Process(target=_with_socket, args=(target, listener), daemon=True)
    process.start()
    return Contender(name, int(process.pid or 0), listener.getsockname()[1], path)


def _with_socket(target: Callable[[int], None], listener: socket.socket) -> None:
    os.sched_setaffinity(0, {min(CORES)})
    target(listener.detach())


async def emptied(database_url: str, redis_url: str, *tables: str) -> None:
    """Makes room for the next run, which then finds what the first one found."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(TABLE)
    for table in tables:
        await connection.execute(f"TRUNCATE {table} CASCADE")
    await connection.execute("CHECKPOINT")
    await connection.close()
    async with Redis.from_url(redis_url) as redis:
        await redis.flushall()


def show(connections: int, runs: Mapping[str, list[Measured]]) -> None:
    """A line for each contender, then the ratios of ours to each floor."""
    print(
        f"\n{connections:3} connections  deliveries/s   p50 ms   p99 ms  us: server services client"
    )
    for name, measured in runs.items():
        latencies = sorted(each for run in measured for each in run.latencies)
        p50, p99 = latencies[len(latencies) // 2], latencies[len(latencies) * 99 // 100]
        rate, server, services, client = (
            statistics.median(getattr(run, figure) for run in measured)
            for figure in ("rate", "server", "services", "client")
        )
        print(
            f"{name:14} {rate:17.0f} {p50:8.2f} {p99:8.2f} {server:15.0f} {services:8.0f}"
            f" {client:6.0f}"
        )
    for name, measured in runs.items():
        if name != "tollgate":
            pairs = list(zip(runs["tollgate"], measured, strict=True))
            print(
                f"  to the {name}: rate {_ratios([(us.rate, it.rate) for us, it in pairs])},"
                f" CPU of the server {_ratios([(us.server, it.server) for us, it in pairs])},"
                " with the services'"
                f" {_ratios([(us.without_client, it.without_client) for us, it in pairs])}"
            )


def _ratios(pairs: Sequence[tuple[float, float]]) -> str:
    """The median of the rounds, the least and the greatest."""
    ratios = [ours / others for ours, others in pairs]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def compare(stack: Stack, seconds: float, rounds: int) -> None:
    """Every contender at every number of connections, round by round."""
    environment = {**stack.environment, "STRIPE_WEBHOOK_SECRET": SECRET}
    url, floors = stack.database_url, {"naive floor": naive, "tuned floor": tuned}
    asyncio.run(emptied(url, stack.redis_url))
    contenders = [
        started("tollgate", WEBHOOK_PATH, partial(serve_ours, environment)),
        *(started(name, PATH, partial(_floor, url, check)) for name, check in floors.items()),
    ]
    time.sleep(3)
    for contender in contenders:
        measure(contender, 8, 1.0)
    for connections in CONNECTIONS:
        runs: dict[str, list[Measured]] = {contender.name: [] for contender in contenders}
        for number in range(rounds):
            for contender in contenders[:: -1 if number % 2 else 1]:
                asyncio.run(emptied(url, stack.redis_url, "webhook_events", "floor_events"))
                runs[contender.name].append(measure(contender, connections, seconds))
        show(connections, runs)


def _floor(database_url: str, check: Check, fd: int) -> None:
    serve_floor(database_url, check, fd, os.environ["FLOOR_SECRET"])


def main(seconds: float, rounds: int) -> None:
    """Prints the table."""
    os.sched_setaffinity(0, {max(CORES)})  # and whatever this starts
    os.environ["FLOOR_SECRET"] = SECRET
    with tempfile.TemporaryDirectory(prefix="webhook-intake-") as folder:
        Path(folder).chmod(0o711)
        stack = Stack(Path(folder), say=print)
        try:
            stack.start_services()
            stack.migrate()
            compare(stack, seconds, rounds)
        finally:
            for contender in multiprocessing.active_children():
                contender.terminate()
                contender.join()
            stack.stop()


if __name__ == "__main__":
    main(
        float(sys.argv[1]) if len(sys.argv) > 1 else 3.0,
        int(sys.argv[2]) if len(sys.argv) > 2 else 5,
    )
