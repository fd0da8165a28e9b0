"""Rotation under load, with real processes: scripts/prove rotation.

1. Payments are made with the old key alone.
2. API and worker start again with the new key before the old one. While shoppers pay, and answers
   of the gateway get lost, `tollgate keys rotate` runs, is killed in the middle and runs again.
3. API and worker start again without the old key: everything is read, and every payment goes on.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import itertools
import json
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from rich.console import Console
from rich.progress import track

from app.embedded.account import service_account
from app.embedded.folders import reachable_folder
from app.settings import load_settings
from app.stack import Stack
from tests.e2e.graphql.conftest import new_merchant
from tests.e2e.graphql.merchant import Json, Merchant, send
from tests.e2e.graphql.test_gateways import configure

SHOPPERS = 4
PATIENCE_SECONDS = 90.0
LOST_ANSWERS = {"kind": "drop_after", "method": "POST", "times": None, "probability": 0.05}
OLD, NEW = (
    f"{name}:{base64.b64encode(secrets.token_bytes(32)).decode()}" for name in ("old", "new")
)
STATES = "query ($id: ID!) { payment(id: $id) { status nextAction { clientSecret } } }"
SHARED = (
    *("DATABASE_URL", "REDIS_URL", "STRIPE_API_BASE", "STRIPE_SECRET_KEY"),
    *("TOLLGATE_JWT_KEYS", "TOLLGATE_CHECKOUT_KEYS"),
)
UNDER_NEW = "select count(*) from gateway_operations where substr(request, 2, 3) = 'new'::bytea"
OPEN = "select count(*) from gateway_operations where state in ('CREATED', 'SENDING', 'UNKNOWN')"

console = Console()


class Failed(Exception):
    """A payment that did not come to what it must."""


@dataclass
class Book:
    """What a merchant's payments are: held, waiting for the payer, or paid."""

    merchant: Merchant
    held: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    paid: list[str] = field(default_factory=list)

    def shop(self, number: int) -> None:
        """One shopper's round: a charge, an authorization, or a card that asks for 3-D Secure."""
        merchant = self.merchant
        if number % 3 == 0:
            self.paid.append(self.pay("chargePayment", "pm_card_visa"))
        elif number % 3 == 1:
            self.held.append(self.pay("authorizePayment", "pm_card_mastercard"))
        else:
            back = {"returnUrl": "https://shop.example/back"}
            self.waiting.append(self.pay("chargePayment", "pm_card_threeDSecureRequired", **back))
        if number % 6 == 0 and self.paid:
            succeed(merchant, "refundPayment", paymentId=self.paid[-1], amountCents=100)
        if number % 12 == 1 and len(self.held) > 1:
            payment_id = self.held.pop(0)
            succeed(merchant, "capturePayment", paymentId=payment_id)
            self.paid.append(payment_id)

    def pay(self, name: str, card: str, **given: object) -> str:
        """The id of a payment of a new order."""
        method = {"type": "CARD", "token": card}
        order_id = self.merchant.order()
        done = succeed(self.merchant, name, orderId=order_id, paymentMethod=method, **given)
        return str(done["payment"]["id"])


def of(books: list[Book], number: int) -> Book:
    """Each merchant in turn, for a round of each kind."""
    return books[number // 3 % len(books)]


def succeed(merchant: Merchant, name: str, **given: Any) -> Json:
    """The mutation's success, repeated with its key while it may be repeated. Raises Failed."""
    key, end = merchant.key(), time.monotonic() + PATIENCE_SECONDS
    while True:
        done = merchant.do(name, idempotencyKey=key, **given)
        if done["__typename"].endswith("Success"):
            return done
        if not done["retryable"] or time.monotonic() > end:
            raise Failed(f"{name}: {done}")
        time.sleep(0.2)


@contextmanager
def shopping(books: list[Book]) -> Iterator[list[str]]:
    """Shoppers pay until the end of the block; what failed is in the list."""
    failures: list[str] = []
    stop, numbers = threading.Event(), itertools.count()

    def shop() -> None:
        while not stop.is_set():
            number = next(numbers)
            try:
                of(books, number).shop(number)
            except (Failed, AssertionError, OSError) as error:
                failures.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=shop) for _ in range(SHOPPERS)]
    for thread in threads:
        thread.start()
    try:
        yield failures
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        console.print(f"{next(numbers)} rounds of shopping, {len(failures)} failed")


def ask(stack: Stack, query: str) -> int:
    """One number from the database."""

    async def fetch() -> int:
        connection = await asyncpg.connect(stack.database_url)
        try:
            return int(await connection.fetchval(query))
        finally:
            await connection.close()

    return asyncio.run(fetch())


def keys_rotate(stack: Stack, *arguments: str) -> subprocess.Popen[str]:
    """The command, on its way, with the settings of the stack's API."""
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "app", "keys", "rotate", *arguments],
        env=stack.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def kill_in_the_middle(stack: Stack, process: subprocess.Popen[str]) -> None:
    """Kills the command once it has moved some blobs, and while some are left."""
    before = ask(stack, UNDER_NEW)
    while ask(stack, UNDER_NEW) < before + 100:
        if process.poll() is not None:
            raise Failed("the rotation ended before it could be killed: make more payments")
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def check(what: str, *, holds: bool) -> None:
    """Says it. Raises Failed unless it holds."""
    console.print(f"{'yes' if holds else 'NO'}: {what}")
    if not holds:
        raise Failed(what)


def in_parallel(work: Callable[[int], object], numbers: Iterable[int], saying: str) -> None:
    """Runs the work for each number on as many threads as there are shoppers."""
    all_numbers = list(numbers)
    with ThreadPoolExecutor(SHOPPERS) as pool:
        for _ in track(pool.map(work, all_numbers), saying, len(all_numbers), console=console):
            pass


def rotate_under_load(stack: Stack, books: list[Book]) -> None:
    """Part 2."""
    body = json.dumps(LOST_ANSWERS).encode()
    fault = send(stack.stripe_api_base, "POST", "/_sandbox/faults", body).json
    with shopping(books) as failures:
        time.sleep(3)
        kill_in_the_middle(stack, keys_rotate(stack))
        left, _ = keys_rotate(stack, "--dry-run").communicate()
        console.print(f"killed in the middle; by key: {' | '.join(left.splitlines())}")
        check("some blobs are left under the old key", holds="\nold: " in left)
        again = keys_rotate(stack)
        printed, _ = again.communicate()
        console.print(f"run again; by key: {' | '.join(printed.splitlines())}")
        check("the second run says that the old key may go", holds=again.returncode == 0)
        time.sleep(2)
    send(stack.stripe_api_base, "DELETE", f"/_sandbox/faults/{fault['id']}")
    check(f"no payment failed {failures[:3] or ''}", holds=not failures)
    end = time.monotonic() + PATIENCE_SECONDS
    while ask(stack, OPEN) and time.monotonic() < end:
        time.sleep(0.5)
    check("every operation came to its end", holds=ask(stack, OPEN) == 0)


def go_on_without_the_old_key(stack: Stack, books: list[Book]) -> None:
    """Part 3."""
    for book in books:

        def read(number: int, book: Book = book) -> None:
            payment = book.merchant.query(STATES, id=book.waiting[number])["payment"]
            if "_secret_" not in str((payment["nextAction"] or {}).get("clientSecret")):
                raise Failed(f"{book.waiting[number]}: {payment}")

        def take(number: int, book: Book = book) -> None:
            succeed(book.merchant, "capturePayment", paymentId=book.held[number])

        def give_back(number: int, book: Book = book) -> None:
            succeed(book.merchant, "refundPayment", paymentId=book.paid[number], amountCents=50)

        in_parallel(read, range(len(book.waiting)), "client secrets read")
        in_parallel(take, range(len(book.held)), "held payments captured")
        in_parallel(give_back, range(0, len(book.paid), 5), "refunds")
        book.shop(0)
    check("every client secret is read, every payment goes on", holds=True)
    unreadable = "select count(*) from alerts where rule = 'cipher.unreadable'"
    check("nothing was unreadable", holds=ask(stack, unreadable) == 0)
    charges = send(stack.stripe_api_base, "GET", "/_sandbox/ledger").json["charges"]
    taken = [each["metadata"]["tollgate_payment_id"] for each in charges if each["captured"]]
    ours = {payment_id for book in books for payment_id in (*book.paid, *book.held)}
    check("the gateway took each payment once", holds=sorted(taken) == sorted(ours))


def prove(folder: Path, payments: int) -> None:
    """Raises Failed."""
    services = Stack(folder / "services", durable=False, given={})
    try:
        services.start_services()
        services.migrate()
        given = {name: services.environment[name] for name in SHARED}
        console.print("1. the old key alone")
        with Stack(folder / "old", given=given | {"TOLLGATE_CREDENTIAL_KEYS": OLD}) as stack:
            books = [Book(new_merchant(load_settings(stack.environment))) for _ in range(3)]
            own = {"mode": "OWN", "secretKey": f"sk_test_{secrets.token_hex(12)}"}
            configure(books[0].merchant, **own)
            in_parallel(lambda number: of(books, number).shop(number), range(payments), "payments")
        console.print("2. the new key before the old one")
        with Stack(
            folder / "both", given=given | {"TOLLGATE_CREDENTIAL_KEYS": f"{NEW},{OLD}"}
        ) as stack:
            move(books, stack)
            rotate_under_load(stack, books)
        console.print("3. the new key alone")
        with Stack(folder / "new", given=given | {"TOLLGATE_CREDENTIAL_KEYS": NEW}) as stack:
            move(books, stack)
            go_on_without_the_old_key(stack, books)
    finally:
        services.stop()


def move(books: list[Book], stack: Stack) -> None:
    """The merchants speak to this stack from now on."""
    for book in books:
        book.merchant.settings = load_settings(stack.environment)


def main() -> int:
    """The exit code: 0 when everything holds."""
    parser = argparse.ArgumentParser(prog="scripts/prove rotation", description=__doc__)
    parser.add_argument("--payments", type=int, default=600, help="made with the old key")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="proof-", dir=reachable_folder(service_account())))
    folder.chmod(0o711)
    try:
        prove(folder, arguments.payments)
    except Failed as failed:
        console.print(f"failed: {failed}")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
