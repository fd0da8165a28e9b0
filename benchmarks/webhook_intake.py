"""How many webhook deliveries a second one process takes in, beside the least that it could do.

    python benchmarks/webhook_intake.py [seconds] [rounds]

Our route, as `tollgate serve` runs it, against two floors (benchmarks/webhook_floor.py), over real
HTTP with a real PostgreSQL (durable commits) and Valkey, at 1, 32 and 128 connections. Each round
measures all three one after the other; a ratio is of the same round, and the median of the rounds
is what to compare between machines. The client shares the machine with them.
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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import asyncpg
import uvicorn
import uvloop
from redis.asyncio import Redis

from app.server import serve
from app.settings import load_settings
from app.stack import WEBHOOK_PATH, Stack
from benchmarks.event_body import BODY, EVENT_ID
from benchmarks.webhook_floor import PATH, TABLE, Check, floor, naive, tuned

CONNECTIONS = (1, 32, 128)
SECRET = "whsec_" + secrets.token_hex(16)
READY = 200
_SPAWN = multiprocessing.get_context("spawn")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Contender:
    """A server under test: its process, its port, the path and the table that fills."""

    name: str
    pid: int
    port: int
    path: str
    table: str

    def cpu_seconds(self) -> float:
        """What its process has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


@dataclass(slots=True)
class Measured:
    """One run: answers a second, their latencies in milliseconds, CPU of the server for each."""

    rate: float
    latencies: list[float]
    cpu_micros: float


@dataclass(slots=True)
class Load:
    """Connections that each send the next delivery as soon as the last was answered."""

    contender: Contender
    deliveries: list[bytes]
    until: float = 0.0
    latencies: list[float] = field(default_factory=list)
    faults: int = 0

    async def run(self, connections: int, seconds: float) -> None:
        """Sends for so long."""
        self.until = time.perf_counter() + seconds
        await asyncio.gather(*(self._connection() for _ in range(connections)))
        if self.faults or not self.deliveries:
            raise SystemExit(f"{self.contender.name}: {self.faults} answers were not 200")

    async def _connection(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.contender.port)
        while (started := time.perf_counter()) < self.until and self.deliveries:
            writer.write(self.deliveries.pop())
            head = await reader.readuntil(b"\r\n\r\n")
            self.faults += head[9:12] != b"200"
            self.latencies.append((time.perf_counter() - started) * 1000)
        writer.close()


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
    load = Load(contender, signed_deliveries(contender.path, int(4_000 * seconds)))
    cpu, started = contender.cpu_seconds(), time.perf_counter()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(load.run(connections, seconds))
    took, count = time.perf_counter() - started, len(load.latencies)
    return Measured(
        count / took, load.latencies, (contender.cpu_seconds() - cpu) / count * 1_000_000
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


def started(name: str, path: str, table: str, target: Callable[[int], None]) -> Contender:
    """A contender in a process of its own, which ends with this one."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    process = _SPAWN.Process(target=_with_socket, args=(target, listener), daemon=True)
    process.start()
    return Contender(name, int(process.pid or 0), listener.getsockname()[1], path, table)


def _with_socket(target: Callable[[int], None], listener: socket.socket) -> None:
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
    print(f"\n{connections} connections    deliveries/s   p50 ms   p99 ms   CPU us each")
    for name, measured in runs.items():
        latencies = sorted(each for run in measured for each in run.latencies)
        rate = statistics.median(run.rate for run in measured)
        cpu = statistics.median(run.cpu_micros for run in measured)
        p50, p99 = latencies[len(latencies) // 2], latencies[len(latencies) * 99 // 100]
        print(f"{name:14} {rate:15.0f} {p50:8.2f} {p99:8.2f} {cpu:13.0f}")
    ours = runs["tollgate"]
    for name, measured in runs.items():
        if name != "tollgate":
            rates = [our.rate / other.rate for our, other in zip(ours, measured, strict=True)]
            cpus = [
                our.cpu_micros / each.cpu_micros for our, each in zip(ours, measured, strict=True)
            ]
            print(
                f"  to {name}: {statistics.median(rates):.2f} of its rate"
                f" ({min(rates):.2f} to {max(rates):.2f}), {statistics.median(cpus):.2f} of its CPU"
            )


def compare(stack: Stack, seconds: float, rounds: int) -> None:
    """Every contender at every number of connections, round by round."""
    environment = {**stack.environment, "STRIPE_WEBHOOK_SECRET": SECRET}
    url, floors = stack.database_url, {"naive floor": naive, "tuned floor": tuned}
    asyncio.run(emptied(url, stack.redis_url))
    contenders = [
        started("tollgate", WEBHOOK_PATH, "webhook_events", partial(serve_ours, environment)),
        *(
            started(name, PATH, "floor_events", partial(_floor, url, check))
            for name, check in floors.items()
        ),
    ]
    time.sleep(3)
    for contender in contenders:
        measure(contender, 8, 1.0)
    for connections in CONNECTIONS:
        runs: dict[str, list[Measured]] = {contender.name: [] for contender in contenders}
        for _ in range(rounds):
            for contender in contenders:
                asyncio.run(emptied(url, stack.redis_url, "webhook_events", "floor_events"))
                runs[contender.name].append(measure(contender, connections, seconds))
        show(connections, runs)


def _floor(database_url: str, check: Check, fd: int) -> None:
    serve_floor(database_url, check, fd, os.environ["FLOOR_SECRET"])


def main(seconds: float, rounds: int) -> None:
    """Prints the table."""
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
