"""Faults of real processes, and how soon somebody sees them: scripts/prove watching.

A worker is frozen, and another opens the alert; every worker is frozen, and /readyz says so; every
connection of the API's pool is held up by a lock; an event comes that nobody can read; the gateway
refuses the key. Each must be seen in /readyz, in an alert or by `tollgate doctor` within a minute.
An alert must reach a chat room, here a web server of this machine.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import asyncpg

from app.embedded.account import service_account
from app.embedded.folders import reachable_folder
from app.settings import load_settings
from app.stack import WEBHOOK_PATH
from tests.e2e.graphql.conftest import new_merchant
from tests.e2e.graphql.merchant import Merchant, send
from tests.proofs.faulty import FaultyStack
from tests.proofs.side_by_side import again_and_again
from tests.proofs.steps import Steps

MINUTE = 60.0
UNREADABLE = (
    b'{"id": "evt_unreadable", "object": "event", "type": "charge.updated", "livemode": false,'
    b' "api_version": "2026-10-28.endive", "created": 1e999,'
    b' "data": {"object": {"id": "ch_1", "object": "charge"}}}'
)


class Room(BaseHTTPRequestHandler):
    """A chat room that keeps what is said in it."""

    said: list[str] = []  # noqa: RUF012 - one room

    def do_POST(self) -> None:
        """Takes what is said."""
        length = int(self.headers["Content-Length"])
        self.said.append(json.loads(self.rfile.read(length))["text"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


def within_a_minute(steps: Steps, what: str, seen: Callable[[], bool]) -> None:
    """Waits until it is seen, and says how long that took."""
    began = time.monotonic()
    while not seen():
        assert time.monotonic() - began < MINUTE, f"not within a minute: {what}"
        time.sleep(0.5)
    steps.found(f"{what}: after {time.monotonic() - began:.1f} s")


@contextmanager
def frozen(*pids: int) -> Iterator[None]:
    """The processes stand still."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def a_locked_table(url: str) -> Iterator[None]:
    """Whoever looks at orders waits."""
    is_held, done = threading.Event(), threading.Event()

    async def hold() -> None:
        connection = await asyncpg.connect(url)
        async with connection.transaction():
            await connection.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
            is_held.set()
            await asyncio.to_thread(done.wait)
        await connection.close()

    holder = threading.Thread(target=lambda: asyncio.run(hold()))
    holder.start()
    is_held.wait(MINUTE)
    try:
        yield
    finally:
        done.set()
        holder.join()


def callers(merchant: Merchant, count: int) -> AbstractContextManager[None]:
    """So many who ask again and again."""
    return again_and_again(count, lambda: merchant.ask("{ orders { nodes { id } } }"))


def ready(site: FaultyStack) -> dict[str, str]:
    """What /readyz says."""
    found: dict[str, str] = send(site.stack.api_url, "GET", "/readyz").json
    return found


def has_alert(site: FaultyStack, rule: str) -> Callable[[], bool]:
    """Whether an alert of the rule is open."""
    query = "select 1 from alerts where rule = $1 and closed_at is null"
    return lambda: bool(site.ask(query, rule))


def deliver(site: FaultyStack, body: bytes) -> int:
    """The answer to a signed delivery."""
    secret = site.stack.environment["STRIPE_WEBHOOK_SECRET"].encode()
    moment = str(int(time.time()))
    mac = hmac.digest(secret, f"{moment}.".encode() + body, "sha256").hex()
    headers = [
        ("Content-Type", "application/json"),
        ("Stripe-Signature", f"t={moment},v1={mac}"),
    ]
    return send(site.stack.api_url, "POST", WEBHOOK_PATH, body, headers).status


def doctor(site: FaultyStack, **given: str) -> set[str]:
    """The checks of `tollgate doctor` that are faults."""
    done = subprocess.run(
        [sys.executable, "-m", "app", "doctor", "--json"],
        env=site.stack.environment | given,
        stdout=subprocess.PIPE,
        check=False,
    )
    return {check["name"] for check in json.loads(done.stdout) if check["verdict"] == "fault"}


def prove(site: FaultyStack) -> None:
    """Every fault in turn."""
    steps = Steps(6)
    merchant = new_merchant(load_settings(site.stack.environment))
    first = site.worker_pid
    site.start_worker()
    steps.step("all is well")
    within_a_minute(steps, "/readyz: ok", lambda: ready(site)["status"] == "ok")
    within_a_minute(steps, "tollgate doctor finds no fault", lambda: doctor(site) == set())
    steps.step("one of two workers is frozen")
    with frozen(first):
        within_a_minute(steps, "alert worker.silent", has_alert(site, "worker.silent"))
        within_a_minute(
            steps, "said in the chat", lambda: any("worker.silent" in x for x in Room.said)
        )
    steps.step("every worker is frozen")
    with frozen(first, site.worker_pid):
        within_a_minute(steps, "/readyz: worker silent", lambda: ready(site)["worker"] == "silent")
        assert "worker" in doctor(site)
        steps.found("tollgate doctor: worker")
    within_a_minute(steps, "/readyz: ok again", lambda: ready(site)["worker"] == "ok")
    steps.step("every connection waits for a lock")
    with a_locked_table(site.stack.database_url), callers(merchant, 40):
        within_a_minute(steps, "/readyz: pool full", lambda: ready(site)["pool"] == "full")
        within_a_minute(steps, "alert pool.full", has_alert(site, "pool.full"))
    steps.step("an event that nobody can read")
    assert deliver(site, UNREADABLE) == 200
    within_a_minute(steps, "alert webhook.unreadable", has_alert(site, "webhook.unreadable"))
    assert "inbox" in doctor(site)
    steps.found("tollgate doctor: inbox")
    steps.step("a key that the gateway refuses")
    began = time.monotonic()
    assert "gateway" in doctor(site, STRIPE_SECRET_KEY="sk_test_sandbox_expired")
    steps.found(f"tollgate doctor: gateway, after {time.monotonic() - began:.1f} s")
    steps.end()


def main() -> None:
    """Starts everything, and ends what it started."""
    room = HTTPServer(("127.0.0.1", 0), Room)
    threading.Thread(target=room.serve_forever, daemon=True).start()
    told = {
        "TOLLGATE_ALERT_CHAT_URL": f"http://127.0.0.1:{room.server_port}/",
        "TOLLGATE_ALERT_PRIVATE_ADDRESSES": "true",
        "TOLLGATE_DB_POOL_SIZE": "4",
    }
    with tempfile.TemporaryDirectory(dir=reachable_folder(service_account())) as name:
        folder = Path(name)
        folder.chmod(0o711)
        with FaultyStack(folder / "site", given=told) as site:
            prove(site)
    room.shutdown()


if __name__ == "__main__":
    main()
