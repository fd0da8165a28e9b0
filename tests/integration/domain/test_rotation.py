"""Keys rotated while payments go on: `scripts/prove rotation` in small, in one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest_asyncio

from db.cipher import AesGcmCipher
from db.engine import make_engine
from db.roles import DatabaseRole
from db.rotation import Rotation
from db.work import SqlDatabase
from domain.payment import Payment, PaymentStatus
from tests.integration.domain.calls import capture, refund
from tests.integration.domain.gateways import Desk, new_key, own
from tests.integration.domain.test_settling import open_operations, settle_after
from tests.integration.webhooks.shop import USER, Shop

OLD, NEW = b"0" * 32, b"1" * 32
BOTH = AesGcmCipher({"k2": NEW, "k1": OLD}, "k2")
ALONE = AesGcmCipher({"k2": NEW}, "k2")


def with_keys(shop: Shop, cipher: AesGcmCipher) -> Shop:
    """The shop as API and worker see it after they were started with other keys."""
    pools = (shop.database._engine, shop.worker_database._engine)
    database, worker_database = (SqlDatabase(pool, cipher) for pool in pools)
    return replace(shop, database=database, worker_database=worker_database)


@pytest_asyncio.fixture
async def rotation(database_url: str) -> AsyncIterator[Rotation]:
    """The command's work, a blob at a time."""
    api = make_engine(database_url, pool_size=1, role=DatabaseRole.API)
    platform = make_engine(database_url, pool_size=1, role=DatabaseRole.PLATFORM)
    yield Rotation(api, platform, BOTH, page=1)
    await api.dispose()
    await platform.dispose()


async def life(shop: Shop) -> Payment:
    """An authorization, captured and refunded in part, beside a charge."""
    held, _ = await asyncio.gather(shop.authorize(), shop.charge())
    await shop.payments.capture(USER, shop.tenant.id, capture(held))
    done = await shop.payments.refund(USER, shop.tenant.id, refund(held, 100))
    return done.payment


async def test_payments_go_on_while_keys_are_rotated(shop: Shop, rotation: Rotation) -> None:
    """Killed once and run again, the rotation costs no payment; afterwards the new key alone reads
    everything, settles what was lost before, and takes money through the tenant's own account."""
    desk, key = Desk.of(shop), new_key()
    await desk.configure(own(key))
    waiting = await shop.charge("pm_card_authenticationRequired")
    before = [await life(shop) for _ in range(3)]
    lost = await shop.lose_the_answer()
    both = with_keys(shop, BOTH)
    rotating = asyncio.create_task(rotation.rotate(shop.tenant.id, lambda _: None))
    during = [await life(both)]
    rotating.cancel()
    await asyncio.gather(rotating, return_exceptions=True)
    again = asyncio.create_task(rotation.rotate(shop.tenant.id, lambda _: None))
    during += [await life(both) for _ in range(2)]
    await again

    assert set(await rotation.counts(shop.tenant.id)) == {"k2"}
    alone = with_keys(shop, ALONE)
    await settle_after(alone, 6)
    fresh = await alone.charge()
    for payment in (*before, *during, lost, fresh):
        assert (await alone.now_of(payment)).status is PaymentStatus.PAID
    assert (await alone.now_of(waiting)).next_action == waiting.next_action
    assert await open_operations(shop) == 0
    assert await shop.alerts() == []
    charges = await desk.charges(await desk.account_of(key))
    assert len([each for each in charges if each["captured"]]) == 2 * 6 + 2
