"""The whole of Tollgate with parts that can be taken away, and what became of its events."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import asyncpg

from app.embedded.child import Child
from app.embedded.ports import free_port
from app.embedded.postgres import EmbeddedPostgres
from app.embedded.valkey import EmbeddedValkey
from app.stack import WORKER_READY, Stack
from tests.e2e.graphql.merchant import send

_UNHANDLED = "select count(*) from webhook_events where status not in ('PROCESSED', 'IGNORED')"


class FaultyStack:
    """PostgreSQL, Valkey, sandbox, API and worker as real processes, each of which can go and come
    back at the same place. Call it from the main thread; only what it started is ended."""

    def __init__(self, folder: Path, *, given: Mapping[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o711)
        self.postgres = EmbeddedPostgres(folder / "postgres", port=free_port())
        self.valkey = EmbeddedValkey(folder / "valkey", port=free_port(), durable=False)
        self._folder = folder
        self._given = dict(given or {})
        self._stack: _KnownChildren | None = None

    def __enter__(self) -> Self:
        try:
            given = {"DATABASE_URL": self.postgres.start(), "REDIS_URL": self.valkey.start()}
            self._stack = _KnownChildren(self._folder / "stack", given=self._given | given)
            self._stack.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._stack is not None:
            self._stack.stop()
        self.valkey.stop()
        self.postgres.stop()

    @property
    def stack(self) -> Stack:
        """What runs on top of PostgreSQL and Valkey."""
        assert self._stack is not None
        return self._stack

    @property
    def worker_pid(self) -> int:
        """The worker that was started last."""
        assert self._stack is not None
        return self._stack.children["worker"].pid

    def kill_worker(self) -> None:
        """SIGKILL, at once."""
        assert self._stack is not None
        worker = self._stack.children["worker"]
        os.kill(worker.pid, signal.SIGKILL)
        worker.stop()

    def start_worker(self) -> None:
        """A worker that is ready."""
        assert self._stack is not None
        self._stack.start_worker()

    def restart_postgres(self, *, away_seconds: float) -> None:
        """An immediate stop, as when the machine loses its power, and a start with recovery."""
        assert self.postgres.pid is not None
        os.kill(self.postgres.pid, signal.SIGQUIT)
        self.postgres.stop()
        time.sleep(away_seconds)
        self.postgres.start()

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows that a query finds."""

        async def fetch() -> list[tuple[Any, ...]]:
            connection = await asyncpg.connect(self.stack.database_url)
            try:
                return [tuple(row) for row in await connection.fetch(query, *values)]
            finally:
                await connection.close()

        return asyncio.run(fetch())

    def unhandled(self) -> int:
        """How many events of the inbox have not come to their end."""
        return int(self.ask(_UNHANDLED)[0][0])

    def sandbox(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """What a control route of the sandbox answers."""
        sent = None if body is None else json.dumps(body).encode()
        return send(self.stack.stripe_api_base, method, f"/_sandbox/{path}", sent).json

    def deliveries(self) -> Mapping[str, list[int | str]]:
        """What every try of every event was answered, by the event's id."""
        tried: dict[str, list[int | str]] = {}
        for each in self.sandbox("GET", "deliveries")["deliveries"]:
            tried.setdefault(each["event"], []).append(each["status"])
        return tried

    def wrong_effects(self) -> list[str]:
        """Where our rows are not what the sandbox's ledger says happened, once for each payment and
        refund; what is left open or raised an alert."""
        found = self.sandbox("GET", "ledger")
        charges: Counter[str] = Counter()
        refunds: Counter[str] = Counter()
        intents = {}
        for charge in found["charges"]:
            payment_id = charge["metadata"]["tollgate_payment_id"]
            intents[charge["payment_intent"]] = payment_id
            charges[payment_id] += charge["amount_captured"]
        for refund in found["refunds"]:
            refunds[intents[refund["payment_intent"]]] += refund["amount"]
        ours = self.ask(
            "select id, captured_amount_cents, refunded_amount_cents from payments"
            " where payment_status = 'PAID'"
        )
        wrong = [
            f"{payment_id}: captured {captured}, refunded {refunded}, at the gateway"
            f" {charges[payment_id]} and {refunds[payment_id]}"
            for payment_id, captured, refunded in ours
            if (captured, refunded) != (charges[payment_id], refunds[payment_id])
        ]
        missing = {id_ for id_, amount in charges.items() if amount} - {row[0] for row in ours}
        return [*wrong, *(f"{id_} is not PAID" for id_ in missing), *self._wrong_lines()]

    def settle(self, *, seconds: float = 240.0) -> None:
        """Waits until our rows are what the sandbox's ledger says, nothing is open, and both
        ledgers agree. Raises AssertionError."""
        end = time.monotonic() + seconds
        while (wrong := [*self.wrong_effects(), self.wrong_balance()]) != [None]:
            assert time.monotonic() < end, wrong
            time.sleep(2.0)

    def wrong_balance(self) -> str | None:
        """How the sum of `gateway_clearing` differs from the balance of the platform's account."""
        ours = self.ask(
            "select coalesce(sum(amount_cents), 0)::bigint from ledger_entries"
            " where account = 'gateway_clearing' and currency = 'USD'"
        )[0][0]
        theirs = self.sandbox("GET", "ledger")["balance"].get("usd", 0)
        return None if ours == theirs else f"booked {ours}, at the gateway {theirs}"

    def _wrong_lines(self) -> list[str]:
        return [f"{what}: {row}" for what, query in _WRONG.items() for row in self.ask(query)]


_WRONG = {
    "a payment paid other than once": (
        "select p.id, count(a.id) from payments p left join audit_log a on a.subject_id = p.id"
        " and a.action = 'payment.paid' where p.payment_status = 'PAID' group by 1"
        " having count(a.id) <> 1"
    ),
    "a refund that succeeded other than once": (
        "select r.id, count(a.id) from refunds r left join audit_log a"
        " on a.subject_id = r.payment_id and a.after ->> 'refund_id' = r.id"
        " and a.action = 'refund.succeeded' where r.refund_status = 'SUCCEEDED' group by 1"
        " having count(a.id) <> 1"
    ),
    "an operation that is open": (
        "select id, kind, state from gateway_operations"
        " where state in ('CREATED', 'SENDING', 'UNKNOWN', 'MANUAL_REVIEW')"
    ),
    # Those that measure tell of the faults themselves: a worker that was killed, events that wait.
    "an alert": "select rule, subject_id, message from alerts where seen_at is null",
    "an event without an end": (
        "select event_id, status, attempts, error_message from webhook_events"
        " where status not in ('PROCESSED', 'IGNORED')"
    ),
}


class _KnownChildren(Stack):
    """A stack that knows its processes by name."""

    def __init__(self, folder: Path, *, given: Mapping[str, str]) -> None:
        super().__init__(folder, given=given)
        self.children: dict[str, Child] = {}

    def start_worker(self) -> None:
        """One more worker, waited for until it is ready."""
        worker = self._process("worker", "worker")
        self._wait("the worker", worker, lambda: WORKER_READY in worker.log.read_text())

    def _process(self, name: str, *arguments: str, pass_fds: tuple[int, ...] = ()) -> Child:
        child = super()._process(name, *arguments, pass_fds=pass_fds)
        self.children[name] = child
        return child
