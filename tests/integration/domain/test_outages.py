"""The database fails between the gateway's answer and its record: nothing is lost, nothing lies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import text

from db.cipher import AesGcmCipher
from db.engine import make_engine
from db.work import SqlDatabase
from domain.commands import StartPayment
from domain.errors import IdempotencyInProgress, OutcomeUnknown
from domain.payment import PaymentStatus
from domain.services import PaymentService
from tests.e2e.sandbox.control import Control
from tests.integration.domain.calls import charge
from tests.integration.domain.test_settling import PATHS, settle_after
from tests.integration.webhooks.shop import USER, Shop


@pytest_asyncio.fixture
async def hasty(shop: Shop, database_url: str) -> AsyncIterator[PaymentService]:
    """The payments of the shop, on a database that waits 0.3 s for a lock."""
    engine = make_engine(database_url, pool_size=2, lock_timeout_seconds=0.3)
    database = SqlDatabase(engine, AesGcmCipher({"k1": b"0" * 32}, "k1"))
    yield PaymentService(database, shop.gateway, shop.wake, shop.clock)
    await engine.dispose()


async def charge_while_locked(
    shop: Shop, hasty: PaymentService, command: StartPayment, seconds: float
) -> PaymentStatus:
    """Charges while somebody holds the order for so long, from before the gateway's answer on."""
    call = asyncio.create_task(hasty.charge(USER, shop.tenant.id, command))
    await asyncio.sleep(0.25)
    async with shop.engine.begin() as connection:
        await connection.execute(text("select 1 from orders for update"))
        await asyncio.wait([call], timeout=seconds)
    return (await call).payment.status


async def test_an_answer_that_cannot_be_kept_is_an_unknown_outcome(
    shop: Shop, hasty: PaymentService, control: Control
) -> None:
    """The card is charged and the record refused: unknown, never failed, and settled afterwards."""
    await control.order_fault("latency", method="POST", path=PATHS["charge"], seconds=0.4)
    command = await shop.start_command()

    with pytest.raises(OutcomeUnknown) as unknown:
        await charge_while_locked(shop, hasty, command, 5)
    with pytest.raises(IdempotencyInProgress):
        await charge(shop, command)
    await settle_after(shop, 31)

    assert unknown.value.payment is not None
    done = await charge(shop, command)
    assert (done.payment.id, done.replayed) == (unknown.value.payment.id, True)
    assert done.payment.status is PaymentStatus.PAID
    assert len((await control.ledger())["charges"]) == 1


async def test_a_record_that_failed_once_is_repeated(
    shop: Shop, hasty: PaymentService, control: Control
) -> None:
    """A hitch of the database is waited out: the record is repeated, the gateway is not called."""
    await control.order_fault("latency", method="POST", path=PATHS["charge"], seconds=0.4)
    command = await shop.start_command()

    status = await charge_while_locked(shop, hasty, command, 0.6)

    assert status is PaymentStatus.PAID
    (calls,) = (await control.ledger())["calls"].values()
    assert calls["count"] == 1


async def test_a_deadlock_is_decided_anew(shop: Shop, control: Control) -> None:
    """Somebody holds the order and wants our key, which we hold while we want the order: the
    database ends us, and the decision is taken again, once it can be. One call, one charge."""
    command = await shop.start_command()
    key = {"tenant": shop.tenant.id, "key": command.idempotency_key}
    taken = (
        "insert into idempotency_keys (tenant_id, id, mutation, key, input_hash, outcome,"
        " created_at) values (:tenant, 'idem_theirs', 'CHARGE', :key, '', 'RUNNING', now())"
    )
    async with shop.engine.connect() as theirs:
        await theirs.execute(text("set local deadlock_timeout = '20s'"))  # it is we who notice
        await theirs.execute(text("select 1 from orders for update"))
        call = asyncio.create_task(shop.payments.charge(USER, shop.tenant.id, command))
        await asyncio.sleep(0.3)
        await theirs.execute(text(taken), key)
        await theirs.rollback()

    assert (await call).payment.status is PaymentStatus.PAID
    assert len((await control.ledger())["calls"]) == 1
