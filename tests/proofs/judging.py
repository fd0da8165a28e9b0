"""What became of the events of one part of the proof."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime

from rich.console import Console

from tests.proofs.faulty import FaultyStack

HANDLED_SECONDS = 30.0
"""How long after the return of a part an accepted event may take."""

PATIENCE_SECONDS = 90.0

_PUT_OFF = """
select a.outcome, regexp_replace(a.error_message, '[a-z]+_[A-Za-z0-9]{16,}', '...'), count(*)
from webhook_attempts a join webhook_events e on e.id = a.webhook_event_id
where a.outcome in ('RETRY', 'DEAD') and e.created_at >= $1
group by 1, 2 order by 3 desc limit 5
"""

console = Console(width=120)


class Failed(Exception):
    """What was to be shown is not so."""


def check(what: str, *, holds: bool) -> None:
    """Says it. Raises Failed unless it holds."""
    console.print(f"  {'yes' if holds else 'NO'}: {what}")
    if not holds:
        raise Failed(what)


def events_since(site: FaultyStack, begun: datetime) -> int:
    """How many events came in since then."""
    asked = "select count(*) from webhook_events where created_at >= $1"
    return int(site.ask(asked, begun)[0][0])


def wait_for_events(site: FaultyStack, begun: datetime, count: int) -> None:
    """Waits until so many events came in."""
    while events_since(site, begun) < count:
        time.sleep(0.2)


def settled(site: FaultyStack) -> None:
    """Waits until every event of the sandbox was accepted, and every accepted one handled. A sender
    that was refused often rests for five minutes, which its clock is told are over."""
    begun, is_hurried = time.monotonic(), False
    while True:
        refused = [id_ for id_, tried in site.deliveries().items() if 200 not in tried]
        unhandled = site.unhandled()
        if not refused and not unhandled:
            return
        if time.monotonic() > begun + PATIENCE_SECONDS:
            raise Failed(f"{len(refused)} events not accepted, {unhandled} not handled")
        if refused and not is_hurried and time.monotonic() > begun + PATIENCE_SECONDS / 2:
            console.print(f"  {len(refused)} events were refused so often that they rest for 300 s")
            site.sandbox("POST", "clock", {"advance": 300})
            is_hurried = True
        time.sleep(0.5)


def delays(site: FaultyStack, begun: datetime, returned: datetime) -> Mapping[str, float]:
    """How long events waited, in seconds: from when they came, or from the part's return for those
    that came before it and were handled after."""
    ((count, worst, median, tries),) = site.ask(
        """with waited as (select attempts, extract(epoch from processed_at - case
                when processed_at > $2 then greatest(created_at, $2) else created_at end)
                as seconds from webhook_events where created_at >= $1)
        select count(*), max(seconds), percentile_cont(0.5) within group (order by seconds),
            max(attempts) from waited""",
        begun,
        returned,
    )
    return {
        "events": float(count),
        "worst": round(float(worst), 2),
        "median": round(float(median), 3),
        "tries": float(tries),
    }


def judged(site: FaultyStack, begun: datetime, returned: datetime) -> Mapping[str, float]:
    """What the part came to. Raises Failed."""
    settled(site)
    seen = delays(site, begun, returned)
    ((late,),) = site.ask(
        """select coalesce(max(extract(epoch from processed_at - greatest(created_at, $2))), 0)
        from webhook_events where created_at >= $1 and processed_at > $2""",
        begun,
        returned,
    )
    for outcome, error, tries in site.ask(_PUT_OFF, begun):
        console.print(f"  {tries} tries ended {outcome}: {error}")
    check(f"{seen['events']:.0f} events, each accepted once it was not refused", holds=True)
    check(
        f"each handled within {HANDLED_SECONDS:g} s of the return: the last after {late:.2f} s",
        holds=late <= HANDLED_SECONDS,
    )
    end = time.monotonic() + PATIENCE_SECONDS
    while (wrong := site.wrong_effects()) and time.monotonic() < end:
        time.sleep(1)  # the settler's turn: a call whose answer was lost comes to its end too
    check(f"every effect once, by the gateway's ledger {wrong[:5] or ''}", holds=not wrong)
    return {**seen, "after return": round(float(late), 2)}
