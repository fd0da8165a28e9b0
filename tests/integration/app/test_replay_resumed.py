"""Long replays that are interrupted: the same command goes on, and replays nothing twice.

The suite takes some hundred events; `scripts/prove replays` 10,000.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.app.inbox import DIE_AGAIN, Inbox

SESSIONS = """SELECT pid FROM pg_stat_activity
    WHERE application_name = 'tollgate webhooks replay' AND datname = current_database()"""
"""A killed command's session lives, and holds its events, until the server notices."""

EVENTS = int(os.environ.get("TOLLGATE_REPLAYS", "600"))


@pytest.fixture
def inbox(database_url: str) -> Inbox:
    """Dead events of two tenants and of nobody."""
    inbox = Inbox(database_url)
    inbox.add(EVENTS // 2, of=inbox.acme)
    inbox.add(EVENTS - EVENTS // 2 - 50, of=inbox.globex)
    inbox.add(50, of=None)
    inbox.slow_down()
    return inbox


def replayed(inbox: Inbox) -> int:
    """How many events were replayed."""
    return EVENTS - inbox.statuses().get("DEAD", 0)


def under_way(inbox: Inbox, *arguments: str) -> subprocess.Popen[str]:
    """A replay that has done its first batch, and waits in the second until the gate is opened."""
    inbox.shut_gate()
    process = inbox.started("replay", *arguments)
    wait_for(lambda: replayed(inbox) or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    return process


def wait_for(is_so: Callable[[], object]) -> None:
    """Until it is so, for a minute at most."""
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def interrupted(inbox: Inbox, number: signal.Signals, *arguments: str) -> tuple[int, str]:
    """A replay that the signal hits in the middle: its exit code and complaints."""
    process = under_way(inbox, *arguments)
    process.send_signal(number)
    inbox.open_gate()
    _, said = process.communicate(timeout=60)
    wait_for(lambda: not inbox.sql(SESSIONS))
    assert 0 < replayed(inbox) < EVENTS
    return process.returncode, said


def times_replayed(inbox: Inbox) -> Counter[str]:
    """How often each routed event was replayed, by the audit."""
    return Counter(str(line["subject_id"]) for line in inbox.lines())


def test_a_killed_replay_goes_on(inbox: Inbox) -> None:
    """kill -9 in the middle; what was replayed dies again; the same command replays the rest, each
    event once, and names the replay that it goes on with. The third one begins anew."""
    code, _ = interrupted(inbox, signal.SIGKILL)
    first = replayed(inbox)
    inbox.sql(DIE_AGAIN)
    dry = inbox.webhooks("replay", "--dry-run")
    rest = inbox.webhooks("replay")

    assert code == -signal.SIGKILL
    assert dry.out.splitlines()[-1].startswith(f"{EVENTS - first} events would be replayed")
    assert (rest.code, rest.out) == (0, f"replayed {EVENTS - first} events\n")
    assert "going on with the replay that began at" in rest.err
    assert "going on with the replay that began at" in dry.err
    assert set(times_replayed(inbox).values()) == {1}
    assert inbox.sql("SELECT count(*) AS n FROM webhook_events WHERE replayed_at IS NULL") == [
        {"n": 0}
    ]
    anew = inbox.webhooks("replay")
    assert (anew.code, anew.out) == (0, f"replayed {first} events\n")
    assert "going on" not in anew.err


def test_an_interrupted_replay_says_how_to_go_on(inbox: Inbox) -> None:
    """SIGINT lets the batch end; exit code 130, and the command that goes on, which does. Its span
    of time is that of the first time, though `1d` means another by then."""
    words = ["--since", "1d", "--reason", "ticket 7"]
    code, said = interrupted(inbox, signal.SIGINT, *words)
    first = replayed(inbox)
    (late,) = inbox.add(of=inbox.acme, ago="0s")
    rest = inbox.webhooks("replay", *words)

    assert code == 130
    assert f"interrupted: {first} events were replayed, and stay so." in said
    assert "tollgate webhooks replay --since 1d --by 'command line' --reason 'ticket 7'" in said
    assert "Traceback" not in said
    assert rest.out == f"replayed {EVENTS - first} events\n"
    assert late not in times_replayed(inbox)
    assert set(times_replayed(inbox).values()) == {1}


def test_only_the_same_words_go_on(inbox: Inbox) -> None:
    """A replay that was cut off before it could say that it had ended: the same words find nothing
    left, though all died again; others, --anew, and a day later, begin anew."""
    inbox.webhooks("replay", "--type", "charge.succeeded")
    inbox.sql(DIE_AGAIN)
    inbox.sql("UPDATE webhook_replays SET ended_at = NULL")

    def counted(*arguments: str) -> str:
        return inbox.webhooks("replay", "--dry-run", *arguments).out.splitlines()[-1].split()[0]

    assert counted("--type", "charge.succeeded") == "0"
    assert counted("--type", "charge.succeeded", "--reason", "another") == "0"
    assert counted() == str(EVENTS)
    assert counted("--type", "charge.succeeded", "--until", "0s") == str(EVENTS)
    old = datetime.now(UTC) - timedelta(days=1, seconds=1)
    inbox.sql("UPDATE webhook_replays SET began_at = $1", old)
    assert counted("--type", "charge.succeeded") == str(EVENTS)
    inbox.sql("UPDATE webhook_replays SET began_at = now() - interval '1 hour'")
    assert counted("--type", "charge.succeeded") == "0"
    anew = inbox.webhooks("replay", "--type", "charge.succeeded", "--anew")
    assert (anew.code, anew.out) == (0, f"replayed {EVENTS} events\n")


def test_two_at_once_share_the_work(inbox: Inbox) -> None:
    """The same command twice at the same moment: each event is replayed once."""
    both = [inbox.started("replay") for _ in range(2)]
    said = [process.communicate(timeout=120) for process in both]
    counts = [int(out.split()[1]) for out, _ in said]

    # The first to come to its end finds events that the other still holds.
    assert {process.returncode for process in both} <= {0, 3}, said
    assert sum(counts) == EVENTS
    assert set(times_replayed(inbox).values()) == {1}


def test_the_database_goes_away_in_the_middle(inbox: Inbox) -> None:
    """Its connection is cut: a sentence, exit code 1, and the same command goes on."""
    process = under_way(inbox)
    inbox.sql(f"SELECT pg_terminate_backend(pid) FROM ({SESSIONS}) AS session")  # noqa: S608
    _, said = process.communicate(timeout=60)
    inbox.open_gate()
    inbox.sql(DIE_AGAIN)
    rest = inbox.webhooks("replay")

    assert process.returncode == 1, said
    assert "the database cannot be had" in said
    assert "Traceback" not in said
    assert rest.code == 0
    assert set(times_replayed(inbox).values()) == {1}
