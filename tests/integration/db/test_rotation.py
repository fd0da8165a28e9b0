"""Re-encryption: everything moves to the active key, nothing is lost, nobody waits."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio
from sqlalchemy import LargeBinary, text
from sqlalchemy.ext.asyncio import AsyncEngine

import db.operations
import db.payment_rows
import db.tenant_rows
from db.cipher import AesGcmCipher
from db.engine import make_engine
from db.roles import DatabaseRole
from db.rotation import SEALED, Rotation
from db.sealed import SealedColumn
from db.tables import metadata
from db.work import SqlDatabase
from domain.operation import GatewayRequest
from domain.payment import NextAction, Payment
from tests.integration.db.builders import a_full_payment, an_operation, an_order
from tests.integration.db.conftest import Merchant
from tests.integration.db.test_gateways import SECRETS, own

OLD_KEY, NEW_KEY = bytes(range(32)), bytes(range(32, 64))
OLD = AesGcmCipher({"old": OLD_KEY}, "old")
BOTH = AesGcmCipher({"new": NEW_KEY, "old": OLD_KEY}, "new")
NEW = AesGcmCipher({"new": NEW_KEY}, "new")
REQUEST = GatewayRequest("/v1/payment_intents", {"payment_method": "pm_card_visa"})


class Killed(Exception):
    """Stands for the end of the process."""


@dataclass(frozen=True, slots=True)
class Vault:
    """Secrets under the old key: one gateway row, three payments, an operation of each."""

    merchant: Merchant
    gateway_id: str
    payments: tuple[Payment, ...]


@pytest_asyncio.fixture
async def pools(database_url: str) -> AsyncIterator[tuple[AsyncEngine, AsyncEngine]]:
    """The roles that the command takes."""
    api = make_engine(database_url, pool_size=2, role=DatabaseRole.API, lock_timeout_seconds=3)
    platform = make_engine(database_url, pool_size=1, role=DatabaseRole.PLATFORM)
    yield api, platform
    await api.dispose()
    await platform.dispose()


@pytest_asyncio.fixture
async def vault(engine: AsyncEngine, merchant: Merchant) -> Vault:
    """Eight blobs under the old key."""
    gateway = own(merchant)
    payments = []
    async with SqlDatabase(engine, OLD).begin(merchant.id) as work:
        await work.gateways.add(gateway, SECRETS)
        for _ in range(3):
            order = an_order(merchant)
            await work.orders.add(order)
            payments.append(a_full_payment(merchant, order))
            await work.payments.add(payments[-1])
            await work.operations.add(replace(an_operation(payments[-1]), request=REQUEST))
        await work.commit()
    return Vault(merchant, gateway.id, tuple(payments))


async def check_opens(engine: AsyncEngine, vault: Vault, cipher: AesGcmCipher) -> None:
    """Everything reads as it was written, with these keys."""
    tenant_id = vault.merchant.id
    async with SqlDatabase(engine, cipher).begin(tenant_id) as work:
        assert await work.gateways.secrets(tenant_id, vault.gateway_id) == SECRETS
        for payment in vault.payments:
            assert await work.payments.find(tenant_id, payment.id) == payment
            (operation,) = await work.operations.open_of_payment(tenant_id, payment.id)
            assert operation.request == REQUEST


async def alerts(engine: AsyncEngine) -> list[tuple[str, str, str]]:
    """Open alerts: rule, severity, subject."""
    async with engine.connect() as connection:
        found = await connection.execute(text("SELECT rule, severity, subject_id FROM alerts"))
        return [(rule, severity, subject) for rule, severity, subject in found]


async def audited(engine: AsyncEngine) -> list[tuple[str, dict[str, object]]]:
    """The entries of rotations: action and what is said."""
    async with engine.connect() as connection:
        found = await connection.execute(
            text("SELECT action, after FROM audit_log WHERE actor_id = 'keys rotate' ORDER BY id")
        )
        return [(action, after) for action, after in found]


def test_no_encrypted_column_is_missing_from_the_list() -> None:
    """Every column of bytes, and every place that the stores seal, is rotated; a body that JSONB
    cannot hold is bytes and no secret."""
    stores = (db.operations, db.payment_rows, db.tenant_rows)
    places = {at for store in stores for at in vars(store).values() if isinstance(at, SealedColumn)}
    columns = {
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.c
        if isinstance(column.type, LargeBinary)
    }

    assert set(SEALED) == places
    assert {".".join(at.place) for at in SEALED} == columns - {"webhook_events.body"}


async def test_everything_moves_to_the_active_key(
    pools: tuple[AsyncEngine, AsyncEngine], engine: AsyncEngine, vault: Vault, rival: Merchant
) -> None:
    """Afterwards the new key alone opens everything; a second run finds nothing to do and writes
    nothing. The entries name keys and counts, and no secret."""
    rotation, pages = Rotation(*pools, BOTH, page=2), list[int]()
    before = await rotation.counts(vault.merchant.id)
    done = await rotation.rotate(vault.merchant.id, pages.append)
    again = await rotation.rotate(vault.merchant.id, pages.append)

    assert set(await rotation.tenant_ids()) == {vault.merchant.id, rival.id}
    assert before == {"old": 8}
    assert (done.moved, done.unreadable, again.moved) == (8, set(), 0)
    assert sum(pages) == 8
    assert await rotation.counts(vault.merchant.id) == {"new": 8}
    await check_opens(engine, vault, NEW)
    assert await audited(engine) == [
        ("credentials.rotation_started", {"active": "new", "found": {"old": 8}}),
        ("credentials.rotated", {"active": "new", "moved": 8, "unreadable": 0, "left": 0}),
    ]
    assert await alerts(engine) == []


@pytest.mark.parametrize("page_number", [1, 2, 5])
async def test_a_run_that_was_killed_is_gone_on_with(
    pools: tuple[AsyncEngine, AsyncEngine], engine: AsyncEngine, vault: Vault, page_number: int
) -> None:
    """Wherever it ends, both keys open everything, and the next run moves the rest alone."""
    left = itertools.count(page_number - 1, -1)

    def die(_count: int) -> None:
        if next(left) == 0:
            raise Killed

    rotation = Rotation(*pools, BOTH, page=1)
    with pytest.raises(Killed):
        await rotation.rotate(vault.merchant.id, die)
    await check_opens(engine, vault, BOTH)
    done = await rotation.rotate(vault.merchant.id, lambda _: None)

    assert done.moved == 8 - page_number
    await check_opens(engine, vault, NEW)


async def test_a_row_that_somebody_holds_is_passed_over_and_its_writer_wins(
    pools: tuple[AsyncEngine, AsyncEngine], engine: AsyncEngine, vault: Vault
) -> None:
    """A payment is locked and written by a process that still encrypts with the old key: the run
    does not wait for it, keeps what it wrote, and moves that too."""
    payment = vault.payments[1]
    written = replace(payment, next_action=NextAction("redirect_to_url", None, "newer_secret"))
    rotation = Rotation(*pools, BOTH)
    async with SqlDatabase(engine, OLD).begin(vault.merchant.id) as work:
        held = await work.payments.lock(vault.merchant.id, payment.id)
        await work.payments.save(replace(held, next_action=written.next_action))
        running = asyncio.create_task(rotation.rotate(vault.merchant.id, lambda _: None))
        async with asyncio.timeout(2):
            while await rotation.stale(vault.merchant.id) > 1:
                await asyncio.wait({running}, timeout=0.01)
        await work.commit()
    done = await running

    saved = replace(written, version=payment.version + 1)
    assert (done.moved, done.unreadable) == (8, set())
    others = tuple(saved if each.id == payment.id else each for each in vault.payments)
    await check_opens(engine, replace(vault, payments=others), NEW)


async def test_what_is_written_between_reading_and_swapping_stays(
    pools: tuple[AsyncEngine, AsyncEngine], engine: AsyncEngine, vault: Vault
) -> None:
    """A writer who commits after a page was read, and before it is swapped, is not undone."""
    payment = vault.payments[0]
    newer = replace(payment, next_action=NextAction("redirect_to_url", None, "newer_secret"))

    class Slow(Rotation):
        """Lets the writer in between."""

        has_written = False

        async def _swap(self, *given: object) -> int:
            if not self.has_written and given[1] == SEALED[-1]:
                self.has_written = True
                async with SqlDatabase(engine, OLD).begin(vault.merchant.id) as work:
                    await work.payments.save(newer)
                    await work.commit()
            return await super()._swap(*given)  # type: ignore[arg-type]

    done = await Slow(*pools, BOTH).rotate(vault.merchant.id, lambda _: None)

    saved = replace(newer, version=payment.version + 1)
    assert done.moved == 8
    await check_opens(engine, replace(vault, payments=(saved, *vault.payments[1:])), NEW)


@pytest.mark.parametrize("blob", ["''::bytea", "'\\xff'::bytea", "substr(next_action, 1, 20)"])
async def test_what_no_key_opens_is_told_and_left_alone(
    pools: tuple[AsyncEngine, AsyncEngine], engine: AsyncEngine, vault: Vault, blob: str
) -> None:
    """One broken blob gets one critical alert, stays what it is, and counts as not moved; the
    others move."""
    broken = vault.payments[1]
    async with engine.begin() as connection:
        await connection.execute(
            text(f"UPDATE payments SET next_action = {blob} WHERE id = :id"),  # noqa: S608 - our own
            {"id": broken.id},
        )
    rotation = Rotation(*pools, BOTH)
    for _ in range(2):
        done = await rotation.rotate(vault.merchant.id, lambda _: None)

        assert {sealed.row_id for sealed in done.unreadable} == {broken.id}
        assert await rotation.stale(vault.merchant.id) == 1
    assert await alerts(engine) == [("cipher.unreadable", "CRITICAL", broken.id)]
    assert (await audited(engine))[1][1]["left"] == 1


async def test_a_rotation_reaches_no_other_tenant(
    pools: tuple[AsyncEngine, AsyncEngine], engine: AsyncEngine, vault: Vault, rival: Merchant
) -> None:
    """Rotating one tenant leaves the blobs of another under their key."""
    rotation = Rotation(*pools, BOTH)
    await rotation.rotate(rival.id, lambda _: None)

    assert await rotation.counts(vault.merchant.id) == {"old": 8}
    assert await audited(engine) == []
