"""A thousand outcomes nobody knows, and a gateway that cannot be asked: scripts/prove unknowns.

    scripts/prove unknowns [--unknowns 1000] [--away 180]

The gateway takes charges and loses every other answer, and cannot be read for minutes. From its
return on every operation is settled, 99 of 100 within a minute, each as it really went.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from app.settings import load_settings
from tests.e2e.graphql.conftest import new_merchant
from tests.e2e.graphql.merchant import Merchant
from tests.proofs.faulty import FaultyStack
from tests.proofs.judging import Failed, check, console
from tests.proofs.showing import shown
from tests.proofs.side_by_side import again_and_again

_SHOPPERS = 6
_SETTLED_SECONDS = 60.0
_PATIENCE_SECONDS = 300.0
_EVENTS_SECONDS = 900.0
"""How long events may take that were put off while nothing could be read."""
_UNKNOWN = "select count(*) from gateway_operations where state in ('UNKNOWN', 'SENDING')"
_LATE = """
select extract(epoch from updated_at - $1)::float8 from gateway_operations
where kind = 'charge' and updated_at > $1 and last_sent_at < $1 + interval '5 minutes'
and created_at < $1 order by 1
"""


def lose(site: FaultyStack) -> None:
    """Of twenty answers some four are lost after the effect, two before it, one is an error: rarely
    so many in a row that the account is paused."""
    intents = {"method": "POST", "path": "/v1/payment_intents", "times": None}
    for kind, probability in (("drop_after", 0.2), ("drop_before", 0.1), ("error_after", 0.05)):
        site.sandbox("POST", "faults", {**intents, "kind": kind, "probability": probability})
    site.sandbox("POST", "faults", {"method": "GET", "kind": "unavailable", "times": None})


def charge(merchant: Merchant) -> None:
    """One charge, whatever it comes to; while nothing is sent, the same once more."""
    try:
        order_id, key = merchant.order(), merchant.key()
        while True:
            done = merchant.pay("chargePayment", order_id, idempotencyKey=key)
            if done.get("code") != "GATEWAY_UNAVAILABLE":
                return
            time.sleep(1.0)
    except (AssertionError, KeyError, OSError, ValueError):
        time.sleep(0.5)


def prove(site: FaultyStack, unknowns: int, away: float) -> None:
    """Raises Failed."""
    merchant = new_merchant(load_settings(site.stack.environment))
    lose(site)
    begun = time.monotonic()
    with again_and_again(_SHOPPERS, lambda: charge(merchant), pause=0.0):
        while (count := int(site.ask(_UNKNOWN)[0][0])) < unknowns:
            time.sleep(1.0)
    console.print(f"{count} outcomes are unknown after {time.monotonic() - begun:.0f} s")
    time.sleep(max(0.0, away - (time.monotonic() - begun)))
    open_before = int(site.ask(_UNKNOWN)[0][0])
    site.sandbox("DELETE", "faults")
    returned = datetime.now(UTC)
    end = time.monotonic() + _PATIENCE_SECONDS
    while site.ask(_UNKNOWN)[0][0]:
        if time.monotonic() > end:
            raise Failed(f"{site.ask(_UNKNOWN)[0][0]} are still unknown")
        time.sleep(0.5)
    seconds = [float(row[0]) for row in site.ask(_LATE, returned)]
    p50, p99 = statistics.median(seconds), statistics.quantiles(seconds, n=100)[98]
    console.print(f"{open_before} open at its return: median {p50:.1f} s, p99 {p99:.1f} s")
    check(f"{len(seconds)} were settled", holds=len(seconds) >= unknowns)
    check(f"99 of 100 within {_SETTLED_SECONDS:g} s of its return", holds=p99 <= _SETTLED_SECONDS)
    site.settle(seconds=_EVENTS_SECONDS)
    check("each as it went, nothing open, both ledgers agree to the cent", holds=True)


def main() -> int:
    """0 when everything was shown, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="scripts/prove unknowns", description=__doc__)
    parser.add_argument("--unknowns", type=int, default=1_000)
    parser.add_argument("--away", type=float, default=180.0, help="seconds, at least")
    given = parser.parse_args()

    def over(folder: Path) -> None:
        with FaultyStack(folder) as site:
            prove(site, given.unknowns, given.away)

    return shown(over)


if __name__ == "__main__":
    sys.exit(main())
