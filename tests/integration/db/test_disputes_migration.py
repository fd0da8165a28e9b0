"""The migration of disputes, on a database that has some."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from db.work import SqlDatabase
from tests.conftest import alembic
from tests.integration.db.conftest import Merchant
from tests.integration.db.rows import stored_capture

_NET = text("SELECT net_amount_cents FROM payments")


async def test_the_fees_leave_net_and_come_back_as_nothing(
    database: SqlDatabase, engine: AsyncEngine, database_url: str, merchant: Merchant
) -> None:
    """Going down, net is without the fees of disputes again, as its rule then asks; going up, what
    was forgotten is 0 and no refund is blocked."""
    payment = await stored_capture(database, merchant)
    assert (payment.dispute_fee, payment.refunds_blocked) == (1_500, True)
    await engine.dispose()

    down = alembic(database_url, "downgrade", "0015-1")
    assert down.returncode == 0, down.stderr
    async with engine.connect() as connection:
        net = (await connection.execute(_NET)).scalar_one()
    await engine.dispose()
    up = alembic(database_url, "upgrade", "head")
    assert up.returncode == 0, up.stderr
    async with database.begin(merchant.id) as work:
        again = await work.payments.find(merchant.id, payment.id)

    assert net == payment.net + 1_500
    assert again is not None
    assert (again.dispute_fee, again.refunds_blocked, again.net) == (0, False, net)
    assert again.dispute_lost == payment.dispute_lost
