"""`tollgate audit verify`, from the command line, over chains whole and broken."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from db.cipher import AesGcmCipher
from db.engine import make_engine
from db.seeding import add_tenant
from db.work import SqlDatabase
from domain.audit import AuditEntry
from domain.caller import Actor, AuditActorType
from domain.ids import Prefix, earlier, first_id, new_id
from domain.sealing import LATE_MILLISECONDS, Seal, Sealer
from tests.integration.app.in_process import Done, run
from tests.integration.app.test_cli import tollgate

SOMEBODY = Actor(AuditActorType.USER, "ann", "req-1")


class Ahead:
    """Implements `Clock`: a second ahead, so that an entry just made can be sealed."""

    def now(self) -> datetime:
        """The time by which the sealer goes."""
        return datetime.now(UTC) + timedelta(seconds=1)


def an_entry(tenant_id: str, **changes: str) -> AuditEntry:
    """A line of the audit."""
    entry = AuditEntry(
        id=new_id(Prefix.AUDIT_ENTRY),
        tenant_id=tenant_id,
        at=datetime.now(UTC),
        actor=SOMEBODY,
        action="payment.paid",
        subject_id="pay_1",
        before={"status": "PENDING"},
        after={"status": "PAID"},
    )
    return replace(entry, **changes)  # type: ignore[arg-type]


class Log:
    """An audit log to lay hands on."""

    def __init__(self, url: str) -> None:
        self.url = url

    def tenant(self, slug: str, entries: int) -> tuple[str, Seal | None]:
        """A tenant with so many sealed entries: its id, and its chain's end."""
        return asyncio.run(self._tenant(slug, entries))

    def lay_hands_on(self, *statements: str, tenant_id: str) -> None:
        """What the owner of the database can do; `:third` is the tenant's third sealed entry."""
        asyncio.run(self._lay_hands_on(statements, tenant_id))

    def slip_in(self, entry: AuditEntry) -> None:
        """The entry, committed as the API commits it, and the sealer run."""
        asyncio.run(self._write(entry.tenant_id, [entry]))

    def verify(self, *arguments: str) -> Done:
        """What the command came to; it is told the database alone."""
        return run("audit", "verify", *arguments, environ={"DATABASE_URL": self.url})

    async def _tenant(self, slug: str, entries: int) -> tuple[str, Seal | None]:
        engine = make_engine(self.url, pool_size=1)
        tenant, _ = await add_tenant(
            engine, name=slug, slug=slug, tier_level=1, default_currency="USD"
        )
        await engine.dispose()
        lines = [an_entry(tenant.id) for _ in range(entries)]
        return tenant.id, await self._write(tenant.id, lines) if lines else None

    async def _write(self, tenant_id: str, entries: Sequence[AuditEntry]) -> Seal | None:
        engine = make_engine(self.url, pool_size=1)
        database = SqlDatabase(engine, AesGcmCipher({"k": b"0" * 32}, "k"))
        async with database.begin(tenant_id) as work:
            for entry in entries:
                await work.audit.append(entry)
            await work.commit()
        end = await Sealer(database, Ahead()).seal(tenant_id)
        await engine.dispose()
        return end

    async def _lay_hands_on(self, statements: Sequence[str], tenant_id: str) -> None:
        engine = make_engine(self.url, pool_size=1)
        async with engine.begin() as connection:
            found = text("SELECT entry_id FROM audit_seals WHERE tenant_id = :id AND sequence = 3")
            third = (await connection.execute(found, {"id": tenant_id})).scalar_one_or_none()
            for table in ("audit_log", "audit_seals"):
                await connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            for statement in statements:
                given = {"third": third} if ":third" in statement else {}
                await connection.execute(text(statement), given)
        await engine.dispose()


@pytest.fixture
def log(database_url: str) -> Log:
    """An empty log."""
    return Log(database_url)


def test_whole_chains_are_told_with_their_ends(log: Log) -> None:
    """Exit code 0, the end of every chain on standard output, the progress on standard error; an
    end can be given back as --noted."""
    (first, end), (second, _) = log.tenant("acme", 5), log.tenant("globex", 0)
    assert end is not None
    done = tollgate("audit", "verify", environ={"DATABASE_URL": log.url})

    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [
            f"{first} whole up to 5:{end.hash}",
            f"{second} whole up to 0, nothing sealed",
            "platform whole up to 0, nothing sealed",
        ],
    )
    assert "checking the audit" in done.stderr
    assert "5/5" in done.stderr
    assert log.verify("--tenant", first, "--noted", f"5:{end.hash}").code == 0


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("UPDATE audit_log SET actor_id = 'bob' WHERE id = :third", "sequence 3"),
        ("DELETE FROM audit_log WHERE id = :third", "the entry was dropped"),
        ("DELETE FROM audit_seals WHERE entry_id = :third", "sequence 4"),
    ],
)
def test_a_broken_chain_is_told_with_its_place(log: Log, statement: str, complaint: str) -> None:
    """Exit code 3; the other tenant's chain is whole, by itself exit code 0."""
    (first, _), (second, _) = log.tenant("acme", 5), log.tenant("globex", 2)
    log.lay_hands_on(statement, tenant_id=first)
    done = log.verify()

    assert done.code == 3
    assert f"{second} whole up to 2:" in done.out
    assert first not in done.out
    assert complaint in done.err
    assert log.verify("--tenant", first).code == 3
    assert log.verify("--tenant", second).code == 0


def test_an_entry_that_was_slipped_in_is_told(log: Log) -> None:
    """It has no sequence, and is told by its id."""
    tenant_id, end = log.tenant("acme", 3)
    assert end is not None
    slipped = an_entry(tenant_id, id=earlier(end.entry_id, LATE_MILLISECONDS + 60_000))
    log.slip_in(slipped)
    done = log.verify()

    assert done.code == 3
    assert f"{slipped.id}: the entry was slipped in" in done.err


def test_an_end_that_was_cut_off_is_told_by_what_was_noted(log: Log) -> None:
    """The chain alone is whole; with the end that was noted, exit code 3."""
    tenant_id, end = log.tenant("acme", 5)
    assert end is not None
    log.lay_hands_on(
        "DELETE FROM audit_log WHERE id IN (SELECT entry_id FROM audit_seals WHERE sequence > 3)",
        "DELETE FROM audit_seals WHERE sequence > 3",
        tenant_id=tenant_id,
    )
    done = log.verify("--tenant", tenant_id, "--noted", f"5:{end.hash}")

    assert log.verify().code == 0
    assert done.code == 3
    assert "was noted up to sequence 5" in done.err


def test_entries_that_wait_too_long_are_told(log: Log) -> None:
    """Where no worker seals nothing is vouched for: said, though no chain is broken."""
    tenant_id, _ = log.tenant("acme", 0)
    old = datetime.now(UTC) - timedelta(hours=1)
    log.slip_in(an_entry(tenant_id, id=first_id(Prefix.AUDIT_ENTRY, old)))
    log.lay_hands_on("DELETE FROM audit_seals", tenant_id=tenant_id)
    done = log.verify()

    assert done.code == 0
    assert f"{tenant_id}: entries wait for their seal since" in done.err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--tenant", "ten_nobody"), "no tenant has the id ten_nobody"),
        (("--noted", f"1:{'0' * 64}"), "give --tenant too"),
        (("--tenant", "ten_1", "--noted", "1:abc"), "SEQUENCE:HASH"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    log: Log, arguments: tuple[str, ...], complaint: str
) -> None:
    """A tenant that is not there is no tenant with a whole chain."""
    done = log.verify(*arguments)

    assert (done.code, done.out) == (2, "")
    assert complaint in done.err


def test_a_database_that_is_away_is_said_in_a_line() -> None:
    """Exit code 1, and no traceback."""
    done = Log("postgresql://nobody:x@127.0.0.1:1/nowhere").verify()

    assert done.code == 1
    assert done.err.startswith("the database cannot be had")
