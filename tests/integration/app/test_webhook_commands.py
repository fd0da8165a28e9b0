"""`tollgate webhooks`, from the command line."""

from __future__ import annotations

import json

import pytest

from domain.ids import Prefix, new_id
from tests.integration.app.in_process import run
from tests.integration.app.inbox import Inbox

NOBODY = new_id(Prefix.WEBHOOK_EVENT)


@pytest.fixture
def inbox(database_url: str) -> Inbox:
    """An inbox without any event."""
    return Inbox(database_url)


def test_events_are_listed_and_narrowed(inbox: Inbox) -> None:
    """Of every tenant and of nobody; by status, type, tenant; at most so many."""
    (old,) = inbox.add(of=inbox.acme, kind="charge.refunded", ago="3d")
    (routed,) = inbox.add(of=inbox.globex, status="PROCESSED")
    (unrouted,) = inbox.add(of=None, status="IGNORED")

    def listed(*arguments: str) -> set[str]:
        done = inbox.webhooks("list", *arguments)
        assert (done.code, done.err) == (0, "")
        return {line.split()[0] for line in done.out.splitlines()}

    assert listed() == {old, routed, unrouted}
    assert listed("--status", "dead") == {old}
    assert listed("--status", "DEAD", "--status", "ignored") == {old, unrouted}
    assert listed("--type", "charge.refunded") == {old}
    assert listed("--type", "charge.%") == set()
    assert listed("--tenant", "globex") == listed("--tenant", inbox.globex) == {routed}
    assert listed("--unrouted") == {unrouted}
    assert len(listed("--limit", "2")) == 2
    (line,) = inbox.webhooks("list", "--tenant", "acme").out.splitlines()
    assert line.split()[2:6] == ["DEAD", "8", inbox.acme, "charge.refunded"]
    assert line.endswith("It would not.")


def test_a_span_of_time_narrows_the_list(inbox: Inbox) -> None:
    """Since an hour, a day, a date; ISO 8601 or how long ago."""
    made = [inbox.add(of=inbox.acme, ago=ago)[0] for ago in ("4d", "3h", "10m")]

    def listed(since: str) -> list[str]:
        out = inbox.webhooks("list", "--since", since).out
        return [line.split()[0] for line in out.splitlines()]

    assert listed("1h") == [made[2]]
    assert listed("1d") == [made[2], made[1]]
    assert listed("1w") == listed("2000-01-01") == made[::-1]
    assert listed("2999-01-01T00:00Z") == []


def test_a_program_reads_the_list(inbox: Inbox) -> None:
    """--json: one object in each line, without the payload."""
    (event_id,) = inbox.add(of=inbox.acme)
    (line,) = inbox.webhooks("list", "--json").out.splitlines()
    told = json.loads(line)

    assert (told["id"], told["tenant_id"], told["status"]) == (event_id, inbox.acme, "DEAD")
    assert (told["attempt_count"], told["has_payload"]) == (8, True)
    assert "payload" not in told


def test_one_event_is_shown_with_its_tries(inbox: Inbox) -> None:
    """All of it, the payload only when asked for."""
    (event_id,) = inbox.add(of=None, payload='{"id": "evt", "amount": 7}')
    inbox.sql(
        "INSERT INTO webhook_attempts VALUES ($1, 8, now(), 12, 'DEAD', 'It would not.', true)",
        event_id,
    )
    plain = inbox.webhooks("show", event_id)
    whole = inbox.webhooks("show", event_id, "--payload")
    told = json.loads(inbox.webhooks("show", event_id, "--payload", "--json").out)

    assert (plain.code, plain.err) == (0, "")
    assert f"id: {event_id}\n" in plain.out
    assert "tenant_id: -\n" in plain.out
    assert plain.out.splitlines()[-1].endswith("12 ms DEAD by hand It would not.")
    assert '"amount": 7' not in plain.out
    assert whole.out.startswith(plain.out)
    assert '"amount": 7' in whole.out
    assert told["payload"] == {"id": "evt", "amount": 7}
    assert [each["is_manual"] for each in told["attempts"]] == [True]


def test_dead_events_are_replayed(inbox: Inbox) -> None:
    """Of every tenant and of nobody; each tenant's audit tells its own, with who and why, and the
    log what no tenant's audit can. Others stay as they are."""
    ours, theirs = inbox.add(3, of=inbox.acme), inbox.add(2, of=inbox.globex)
    (unrouted,) = inbox.add(of=None)
    inbox.add(of=inbox.acme, status="PROCESSED")
    inbox.add(2, of=inbox.acme, payload="{}")
    done = inbox.webhooks("replay", "--reason", "ticket 7", "--by", "ann")
    lines = inbox.lines()
    row = inbox.sql("SELECT * FROM webhook_events WHERE id = $1", unrouted)[0]

    assert (done.code, done.out) == (
        0,
        "replayed 6 events\nskipped 2 events that have no payload\n",
    )
    assert "6/6" in done.err
    assert inbox.statuses() == {"RECEIVED": 6, "PROCESSED": 1, "DEAD": 2}
    assert sorted((line["tenant_id"], line["subject_id"]) for line in lines) == sorted(
        [*((inbox.acme, each) for each in ours), *((inbox.globex, each) for each in theirs)]
    )
    assert {(line["actor_type"], line["actor_id"]) for line in lines} == {("SYSTEM", "ann")}
    assert {json.loads(line["after"])["reason"] for line in lines} == {"ticket 7"}
    assert (row["replayed_by"], row["attempts_before_replay"]) == ("ann", 8)
    assert (row["error_message"], row["replayed_at"] is None) == (None, False)


def test_a_replay_of_nobodys_event_is_logged(inbox: Inbox) -> None:
    """Which, by whom, and why: no tenant's audit can tell it."""
    (unrouted,) = inbox.add(of=None)
    inbox.add(of=inbox.acme)
    done = inbox.webhooks("replay", "--by", "ann", "--reason", "ticket 7")
    (told,) = [line for line in done.err.splitlines() if "was replayed" in line]

    said = json.loads(told)["event"]
    assert said.startswith(f"event {unrouted}, routed to nobody, was replayed by ann (cli-")
    assert said.endswith("ticket 7")


NARROWED: dict[tuple[str, ...], int] = {
    (): 5,
    ("--tenant", "acme"): 3,
    ("--unrouted",): 1,
    ("--type", "charge.refunded"): 1,
    ("--type", "charge.refunded", "--type", "charge.succeeded"): 5,
    ("--since", "2h"): 4,
    ("--until", "2h"): 1,
    ("--since", "2d", "--until", "2h", "--tenant", "acme"): 1,
    ("--status", "processed", "--since", "2h"): 2,
    ("--status", "processed", "--status", "dead", "--since", "2h"): 6,
}


def test_a_replay_is_narrowed(inbox: Inbox) -> None:
    """What a dry run counts is what is replayed, no more and no less; itself it changes nothing."""
    for arguments, count in NARROWED.items():
        inbox.sql("DELETE FROM webhook_events")
        inbox.add(2, of=inbox.acme)
        inbox.add(of=inbox.acme, ago="1d")
        inbox.add(of=inbox.globex, kind="charge.refunded")
        inbox.add(of=None)
        inbox.add(2, of=inbox.acme, status="PROCESSED")
        inbox.add(of=inbox.acme, status="PROCESSED", ago="3h")
        before = inbox.everything(), inbox.lines()
        dry = inbox.webhooks("replay", *arguments, "--dry-run")
        after = inbox.everything(), inbox.lines()
        done = inbox.webhooks("replay", *arguments)

        assert (dry.code, after) == (0, before), arguments
        assert dry.out.splitlines()[-1].startswith(f"{count} events would be replayed, 0 skipped")
        assert (done.code, done.out) == (0, f"replayed {count} events\n"), arguments
        assert inbox.statuses()["RECEIVED"] == count, arguments


def test_a_dry_run_says_what_it_would_do(inbox: Inbox) -> None:
    """How many of which status, tenant and type, and which would be skipped."""
    inbox.add(2, of=inbox.acme)
    inbox.add(of=inbox.acme, kind="charge.refunded", payload="{}")
    inbox.add(of=None)
    done = inbox.webhooks("replay", "--dry-run")

    assert done.out.splitlines() == [
        f"1 DEAD {inbox.acme} charge.refunded without a payload, to be skipped",
        f"2 DEAD {inbox.acme} charge.succeeded",
        "1 DEAD - charge.succeeded",
        "3 events would be replayed, 1 skipped, having no payload; nothing was changed",
    ]


def test_events_are_replayed_by_their_ids(inbox: Inbox) -> None:
    """However they ended; those that cannot be are named with the reason, and exit code 3."""
    (dead,), (done_with,) = inbox.add(of=inbox.acme), inbox.add(of=None, status="PROCESSED")
    (empty,) = inbox.add(of=inbox.acme, payload="{}")
    (waiting,) = inbox.add(of=inbox.globex, status="RECEIVED")
    good = inbox.webhooks("replay", dead, done_with)
    again = inbox.webhooks("replay", dead)
    bad = inbox.webhooks("replay", empty, waiting)

    assert (good.code, good.out) == (0, "replayed 2 events\n")
    assert again.code == 3
    assert f"not replayed: {dead}, it is RECEIVED" in again.err
    assert (bad.code, bad.out.splitlines()[0]) == (3, "replayed 0 events")
    assert f"not replayed: {empty}, it has no payload" in bad.err
    assert f"not replayed: {waiting}, it is RECEIVED" in bad.err


REFUSED: dict[tuple[str, ...], str] = {
    ("replay", NOBODY): f"no event has the id {NOBODY}; nothing was replayed",
    ("replay", "pay_1"): "is no id of an event",
    ("replay", NOBODY, "--tenant", "acme"): "not both",
    ("replay", "--status", "retry"): "only these can be replayed: dead, ignored, processed",
    ("replay", "--status", "asleep"): "is none of received, processing",
    ("replay", "--status", "processed"): "since when: --since",
    ("replay", "--since", "yesterday"): "--since: 'yesterday' is not an ISO 8601",
    ("replay", "--until", "1y"): "--until: '1y' is not an ISO 8601",
    ("replay", "--since", "1h", "--until", "2h"): "--since is not before the end",
    ("replay", "--tenant", "nobody"): "no tenant has the id or slug 'nobody'",
    ("replay", "--tenant", "acme", "--unrouted"): "an unrouted event has no tenant",
    ("replay", "--reason", "of payer@example.com"): "without secrets",
    ("replay", "--reason", "x" * 201): "at most 200 characters",
    ("replay", "--by", "whsec_1"): "without secrets",
    ("list", "--limit", "0"): "equal to 1",
    ("list", "--since", "1900-01-01"): "lies before 2000",
    ("list", "--type", "a\x1b[2J"): "is no type",
    ("show", NOBODY): "no event has the id",
    ("show", "\x1b[2J"): "no event has the id '\\x1b[2J'",
}


def test_what_cannot_be_meant_is_refused(inbox: Inbox) -> None:
    """Exit code 2 and a sentence; nothing is changed, no run is begun."""
    inbox.add(of=inbox.acme)
    before = inbox.everything()
    for arguments, complaint in REFUSED.items():
        done = inbox.webhooks(*arguments)
        said = " ".join(done.err.replace("│", " ").split())

        assert (done.code, done.out) == (2, ""), arguments
        assert complaint in said, arguments
    assert inbox.everything() == before
    assert inbox.sql("SELECT * FROM webhook_replays") == []


@pytest.mark.parametrize("command", ["list", "show", "replay"])
def test_a_database_that_is_away_is_said_in_a_line(command: str) -> None:
    """Exit code 1, and no traceback."""
    given = [NOBODY] if command == "show" else []
    environ = {"DATABASE_URL": "postgresql://nobody:x@127.0.0.1:1/nowhere"}
    done = run("webhooks", command, *given, environ=environ)

    assert done.code == 1
    assert done.err.startswith("the database cannot be had")
