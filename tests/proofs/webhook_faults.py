"""A thousand events for each fault, through real processes: scripts/prove webhook-faults.

    scripts/prove webhook-faults [--only NAME] [--events N] [--away S] [--kills N] [--state FILE]

Shoppers pay and the dashboard refunds all the while. In turn Redis is flushed, restarted, and away;
the worker is killed with SIGKILL at random moments; PostgreSQL is stopped at once and recovers.
Every event that was answered 200 must be handled within 30 s of the part's return (15 s after it
came while Redis is away), each effect must be there once by the sandbox's ledger, and what was
refused must be delivered again. Parts that were shown are kept in the state and not run again.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from redis import Redis

from app.embedded.account import service_account
from app.embedded.folders import reachable_folder
from app.settings import load_settings
from app.stack import CHECKOUT
from tests.e2e.graphql.conftest import new_merchant
from tests.proofs.faulty import FaultyStack
from tests.proofs.judging import (
    Failed,
    check,
    console,
    delays,
    events_since,
    judged,
    settled,
    wait_for_events,
)
from tests.proofs.trading import SHOPPERS, Trade

AWAY_SECONDS = 15.0
"""How late an event may be handled while Redis is away."""


@dataclass(frozen=True)
class Given:
    """How much of each."""

    events: int
    away: float
    kills: int


def flush(site: FaultyStack, trade: Trade, given: Given) -> Mapping[str, float]:
    """Redis forgets everything, ten times."""
    begun = datetime.now(UTC)
    redis = Redis.from_url(site.stack.redis_url)
    with trade.going_on():
        for number in range(10):
            wait_for_events(site, begun, given.events * (number + 1) // 10)
            redis.flushall()
    redis.close()
    return judged(site, begun, datetime.now(UTC))


def restart(site: FaultyStack, trade: Trade, given: Given) -> Mapping[str, float]:
    """Redis goes and comes back empty, three times."""
    begun = datetime.now(UTC)
    with trade.going_on():
        for number in range(3):
            wait_for_events(site, begun, given.events * (number + 1) // 4)
            site.valkey.stop()
            time.sleep(1)
            site.valkey.start()
            returned = datetime.now(UTC)
        wait_for_events(site, begun, given.events)
    return judged(site, begun, returned)


def away(site: FaultyStack, trade: Trade, given: Given) -> Mapping[str, float]:
    """Redis is away for minutes while events keep coming."""
    begun = datetime.now(UTC)
    trade.pause = SHOPPERS * given.away / (given.events / 6)
    site.valkey.stop()
    end = time.monotonic() + given.away
    with trade.going_on():
        while time.monotonic() < end:
            time.sleep(min(30.0, max(0.0, end - time.monotonic())))
            console.print(f"  away, {events_since(site, begun)} events")
        wait_for_events(site, begun, given.events)
    settled(site)
    seen = delays(site, begun, begun)
    check(
        f"while Redis was away each was handled in {AWAY_SECONDS:g} s",
        holds=seen["worst"] <= AWAY_SECONDS,
    )
    site.valkey.start()
    return {**judged(site, begun, datetime.now(UTC)), **seen}


def kills(site: FaultyStack, trade: Trade, given: Given) -> Mapping[str, float]:
    """The worker is killed again and again, at random moments, and started anew."""
    begun = datetime.now(UTC)
    chance = random.Random()  # noqa: S311 - moments
    with trade.going_on():
        for number in range(given.kills):
            share = given.events * (number + 1) // given.kills
            trade.is_open = events_since(site, begun) < share
            time.sleep(chance.random() * 2)
            site.kill_worker()
            site.start_worker()
            if number % 10 == 9:
                console.print(f"  {number + 1} kills, {events_since(site, begun)} events")
        trade.is_open = True
        wait_for_events(site, begun, given.events)
        site.kill_worker()
        site.start_worker()
        returned = datetime.now(UTC)
    return judged(site, begun, returned)


def postgres(site: FaultyStack, trade: Trade, given: Given) -> Mapping[str, float]:
    """PostgreSQL is stopped at once three times, for 3 s; the dashboard refunds meanwhile."""
    begun = datetime.now(UTC)
    for number in range(3):
        with trade.going_on():
            wait_for_events(site, begun, given.events * (number + 1) // 4)
            refunding = threading.Thread(target=trade.refund_all, args=(unrefunded(site),))
            refunding.start()
            site.restart_postgres(away_seconds=3)
            returned = datetime.now(UTC)
            refunding.join()
    with trade.going_on():
        wait_for_events(site, begun, given.events)
    refused = sum(1 for tried in site.deliveries().values() if 503 in tried)
    check(f"{refused} events were refused with 503 while it was away", holds=refused > 0)
    return {**judged(site, begun, returned), "refused": refused}


PARTS: Mapping[str, Callable[[FaultyStack, Trade, Given], Mapping[str, float]]] = {
    "flush": flush,
    "restart": restart,
    "kills": kills,
    "postgres": postgres,
    "away": away,
}


def unrefunded(site: FaultyStack) -> list[str]:
    """Intents of twenty payments, to be refunded a little more."""
    found = site.ask(
        "select gateway_payment_id from payments where payment_status = 'PAID'"
        " and refunded_amount_cents < 1000 order by id desc limit 20"
    )
    return [str(row[0]) for row in found]


def prove(site: FaultyStack, names: list[str], given: Given, state: Path) -> None:
    """The parts that were not shown yet, one after another. Raises Failed."""
    shown = json.loads(state.read_text()) if state.exists() else {}
    merchant = new_merchant(load_settings(site.stack.environment))
    for name in names:
        if name in shown:
            console.print(f"{name}: shown before: {shown[name]}")
            continue
        started = time.monotonic()
        console.print(f"{name}: {(PARTS[name].__doc__ or '').strip()}")
        seen = PARTS[name](site, Trade(site, merchant), given)
        shown[name] = {**seen, "took": round(time.monotonic() - started)}
        state.write_text(json.dumps(shown, indent=1))
        console.print(f"  {name}: {shown[name]}")


def main() -> int:
    """0 when everything was shown, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="scripts/prove webhook-faults", description=__doc__)
    parser.add_argument("--only", choices=sorted(PARTS), action="append", help="this part alone")
    parser.add_argument("--events", type=int, default=1_000, help="events for each part")
    parser.add_argument("--away", type=float, default=600.0, help="seconds without Redis")
    parser.add_argument("--kills", type=int, default=50, help="how often the worker is killed")
    kept = CHECKOUT / ".tollgate" / "webhook-faults.json"
    parser.add_argument("--state", type=Path, default=kept, help="which parts were shown")
    asked = parser.parse_args()
    asked.state.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="proof-", dir=reachable_folder(service_account())))
    given = Given(asked.events, asked.away, asked.kills)
    try:
        with FaultyStack(folder) as site:
            prove(site, asked.only or list(PARTS), given, asked.state)
    except Failed as failed:
        console.print(f"failed: {failed}")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if not asked.only:
        asked.state.unlink(missing_ok=True)
    console.print("everything was shown")
    return 0


if __name__ == "__main__":
    sys.exit(main())
