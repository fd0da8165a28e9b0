"""Real processes die at every named place of every operation: scripts/prove crash-points.

    scripts/prove crash-points [--state FILE]

For each place and each operation, API or worker kills itself with SIGKILL at that place and is
started anew. Then whoever asked asks again with the same key until there is an answer; and by the
sandbox's ledger each operation took effect once, nothing is open, and both ledgers agree to the
cent. Places that were shown are kept in the state.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from app.settings import load_settings
from app.stack import CHECKOUT
from domain.checkpoint import Checkpoint
from tests.e2e.graphql.conftest import new_merchant
from tests.e2e.graphql.merchant import Merchant
from tests.proofs.judging import Failed, check, console
from tests.proofs.restarting import RestartingSite
from tests.proofs.showing import shown

OPERATIONS = (
    *("authorizePayment", "chargePayment"),
    *("capturePayment", "refundPayment", "cancelPayment"),
)
BY_SETTLER = {Checkpoint.LEASED, Checkpoint.SENT_AGAIN}
BY_API_EVENTS = {Checkpoint.DELIVERED, Checkpoint.STORED}
BY_WORKER_EVENTS = {Checkpoint.TAKEN, Checkpoint.READ, Checkpoint.APPLIED, Checkpoint.ENDED}
PATHS = {
    "capturePayment": "/v1/payment_intents/.*/capture",
    "refundPayment": "/v1/refunds",
    "cancelPayment": "/v1/payment_intents/.*/cancel",
}
AWAY = (OSError, HTTPException, AssertionError, KeyError, ValueError)
"""What a caller meets whose answer did not come, or not whole."""

_PATIENCE_SECONDS = 120.0


@dataclass
class Asked:
    """A mutation with its key."""

    name: str
    given: dict[str, Any]

    def ask(self, merchant: Merchant) -> dict[str, Any] | None:
        """What it came to; None where nobody answered."""
        try:
            return merchant.do(self.name, **self.given)
        except AWAY:
            return None

    def insist(self, merchant: Merchant) -> dict[str, Any]:
        """Until it is done, and what it came to. Raises Failed."""
        end = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < end:
            done = self.ask(merchant)
            if done is not None and done["__typename"] in {"PaymentSuccess", "RefundSuccess"}:
                return done
            time.sleep(1.0)
        raise Failed(f"{self.name} was never answered: {done}")


def asked(merchant: Merchant, name: str) -> Asked:
    """The mutation, on a payment that is ready for it."""
    given: dict[str, Any] = {"idempotencyKey": merchant.key()}
    if name in {"authorizePayment", "chargePayment"}:
        given |= {
            "orderId": merchant.order(),
            "paymentMethod": {"type": "CARD", "token": "pm_card_visa"},
        }
        return Asked(name, given)
    before = "chargePayment" if name == "refundPayment" else "authorizePayment"
    given["paymentId"] = merchant.paid(before)
    if name == "refundPayment":
        given |= {"amountCents": 4_000, "reason": "REQUESTED_BY_CUSTOMER"}
    return Asked(name, given)


def die(site: RestartingSite, merchant: Merchant, place: Checkpoint, name: str) -> Asked:
    """The mutation, with a process that dies at that place of it, and another that comes."""
    mutation = asked(merchant, name)
    dying = "worker" if place in BY_SETTLER | BY_WORKER_EVENTS else "api"
    time.sleep(1.0)  # what came before is heard and worked off
    site.kill(dying)
    site.start(dying, dies_at=place)
    if place in BY_SETTLER:
        path = PATHS.get(name, "/v1/payment_intents")
        site.sandbox("POST", "faults", {"kind": "drop_before", "method": "POST", "path": path})
    mutation.ask(merchant)
    site.wait_for_death(dying)
    site.child(dying).stop()
    site.start(dying)
    return mutation


def show(site: RestartingSite, merchant: Merchant, place: Checkpoint) -> None:
    """All operations at one place. Raises Failed."""
    mutations = [die(site, merchant, place, name) for name in OPERATIONS]
    for mutation in mutations:
        mutation.insist(merchant)
    site.settle()
    check(f"{place}: {len(mutations)} operations, each once; both ledgers agree", holds=True)


def prove(site: RestartingSite, state: Path) -> None:
    """Every place that was not shown yet. Raises Failed."""
    done: list[str] = json.loads(state.read_text()) if state.exists() else []
    merchant = new_merchant(load_settings(site.stack.environment))
    for place in Checkpoint:
        if place.value not in done:
            show(site, merchant, place)
            done.append(place.value)
            state.write_text(json.dumps(done))
    console.print(f"{len(done) * len(OPERATIONS)} of {len(Checkpoint) * len(OPERATIONS)} shown")


def main() -> int:
    """0 when everything was shown, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="scripts/prove crash-points", description=__doc__)
    kept = CHECKOUT / ".tollgate" / "crash-points.json"
    parser.add_argument("--state", type=Path, default=kept, help="which places were shown")
    given = parser.parse_args()
    given.state.parent.mkdir(parents=True, exist_ok=True)

    def over(folder: Path) -> None:
        with RestartingSite(folder) as site:
            prove(site, given.state)
            given.state.unlink()

    return shown(over)


if __name__ == "__main__":
    sys.exit(main())
