"""API and worker are killed at random moments under load: scripts/prove kills.

    scripts/prove kills [--kills 200]

Merchants charge, authorize, capture and refund all the while, each asking again with the same key
until there is an answer. In the end nothing was charged twice, nothing that was answered is lost,
nothing is open, and both ledgers agree to the cent. The run is one: broken off, it begins anew.
"""

from __future__ import annotations

import argparse
import random
import secrets
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.settings import load_settings
from tests.e2e.graphql.conftest import new_merchant
from tests.e2e.graphql.merchant import Merchant
from tests.proofs.crash_points import AWAY, Asked, asked
from tests.proofs.judging import Failed, check, console
from tests.proofs.restarting import RestartingSite
from tests.proofs.showing import shown
from tests.proofs.side_by_side import again_and_again

MERCHANTS = 4


@dataclass
class Ledger:
    """What merchants were told."""

    charged: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    unanswered: int = 0

    def note(self, payment_id: str) -> None:
        """A payment that was said to be paid."""
        with self.lock:
            self.charged.append(payment_id)


def trade(merchant: Merchant, told: Ledger) -> None:
    """One payment, by one way or the other, and half of it back."""
    try:
        if secrets.randbelow(2):
            done = told_of(merchant, asked(merchant, "chargePayment"))
        else:
            held = told_of(merchant, asked(merchant, "authorizePayment"))
            key = {"idempotencyKey": merchant.key()}
            done = told_of(merchant, Asked("capturePayment", {"paymentId": held, **key}))
        told.note(done)
        back = {"paymentId": done, "amountCents": 5_000, "reason": "REQUESTED_BY_CUSTOMER"}
        told_of(merchant, Asked("refundPayment", back | {"idempotencyKey": merchant.key()}))
    except (Failed, *AWAY):
        with told.lock:
            told.unanswered += 1
        time.sleep(0.3)


def told_of(merchant: Merchant, mutation: Asked) -> str:
    """The payment's id, once the mutation is answered with a success. Raises Failed."""
    return str(mutation.insist(merchant)["payment"]["id"])


def prove(site: RestartingSite, kills: int) -> None:
    """Raises Failed."""
    merchant = new_merchant(load_settings(site.stack.environment))
    told = Ledger()
    chance = random.Random()  # noqa: S311 - moments
    killed: Counter[str] = Counter()
    with again_and_again(MERCHANTS, lambda: trade(merchant, told), pause=0.05):
        for number in range(kills):
            time.sleep(chance.random() * 1.5)
            name = chance.choice(("api", "worker"))
            site.kill(name)
            site.start(name)
            killed[name] += 1
            if number % 20 == 19:
                console.print(f"  {number + 1} kills, {len(told.charged)} payments told of")
    judge(site, told, killed)


def judge(site: RestartingSite, told: Ledger, killed: Counter[str]) -> None:
    """Holds what was told, what is stored and what happened against each other. Raises Failed."""
    site.settle()
    charges = site.sandbox("GET", "ledger")["charges"]
    by_payment = Counter(
        each["metadata"]["tollgate_payment_id"] for each in charges if each["amount_captured"]
    )
    by_order: Counter[str] = Counter(
        each["metadata"]["tollgate_order_id"] for each in charges if each["amount_captured"]
    )
    twice = [id_ for counted in (by_payment, by_order) for id_, n in counted.items() if n > 1]
    lost = set(told.charged) - set(by_payment)
    check(f"{dict(killed)} kills, {len(charges)} charges, {len(twice)} twice", holds=not twice)
    check(f"{len(told.charged)} payments told of, {len(lost)} lost", holds=not lost)
    check("nothing is open, no alert, both ledgers agree to the cent", holds=True)
    console.print(f"  {told.unanswered} trades were given up by their merchants, and settled")


def main() -> int:
    """0 when everything was shown, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="scripts/prove kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    given: Any = parser.parse_args()

    def over(folder: Path) -> None:
        with RestartingSite(folder) as site:
            prove(site, given.kills)

    return shown(over)


if __name__ == "__main__":
    sys.exit(main())
