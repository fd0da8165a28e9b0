"""The store of refunds."""

from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from db.work import SqlDatabase
from domain.errors import NotFound
from tests.integration.db.builders import a_full_refund, a_refund
from tests.integration.db.conftest import Merchant
from tests.integration.db.fields import defaults_left
from tests.integration.db.rows import stored_capture


async def test_every_field_of_a_refund_comes_back(
    database: SqlDatabase, merchant: Merchant
) -> None:
    """A refund with every field set, and one with none of the optional ones, read as written, by
    our id and by the gateway's."""
    payment = await stored_capture(database, merchant)
    full, bare = a_full_refund(payment), a_refund(payment)
    assert defaults_left(full) == set()

    async with database.begin(merchant.id) as work:
        await work.refunds.add(full)
        await work.refunds.add(bare)

        assert full == await work.refunds.find(merchant.id, full.id)
        assert bare == await work.refunds.find(merchant.id, bare.id)
        assert full == await work.refunds.find_by_gateway_id(merchant.id, f"re_{full.id}")
        assert await work.refunds.find_by_gateway_id(merchant.id, "re_unknown") is None


async def test_a_saved_refund_is_read_back(database: SqlDatabase, merchant: Merchant) -> None:
    """`save` writes every field that may change."""
    payment = await stored_capture(database, merchant)
    refund = a_refund(payment)
    full = replace(a_full_refund(payment), id=refund.id)

    async with database.begin(merchant.id) as work:
        await work.refunds.add(refund)
        await work.refunds.save(full)

        assert full == await work.refunds.find(merchant.id, refund.id)


async def test_refunds_of_a_payment_come_oldest_first(
    database: SqlDatabase, merchant: Merchant
) -> None:
    """All of them, and none of another payment."""
    payment = await stored_capture(database, merchant)
    other = await stored_capture(database, merchant)
    refunds = sorted((a_refund(payment) for _ in range(3)), key=lambda refund: refund.id)

    async with database.begin(merchant.id) as work:
        for refund in (*reversed(refunds), a_refund(other)):
            await work.refunds.add(refund)

        assert refunds == await work.refunds.of_payment(merchant.id, payment.id)


async def test_another_tenants_refund_is_not_there(
    database: SqlDatabase, merchant: Merchant, rival: Merchant
) -> None:
    """A foreign id and a missing id are the same, by our id, the gateway's and the payment's."""
    payment = await stored_capture(database, merchant)
    refund = a_full_refund(payment)

    async with database.begin(merchant.id) as work:
        await work.refunds.add(refund)

        assert await work.refunds.find(rival.id, refund.id) is None
        assert await work.refunds.find_by_gateway_id(rival.id, f"re_{refund.id}") is None
        assert await work.refunds.of_payment(rival.id, payment.id) == []
        with pytest.raises(NotFound):
            await work.refunds.save(replace(refund, tenant_id=rival.id))


async def test_a_gateway_refund_is_recorded_once(database: SqlDatabase, merchant: Merchant) -> None:
    """Two rows cannot stand for one refund at the gateway."""
    payment = await stored_capture(database, merchant)
    refund = a_full_refund(payment)
    again = replace(a_full_refund(payment), gateway_refund_id=refund.gateway_refund_id)

    async with database.begin(merchant.id) as work:
        await work.refunds.add(refund)
        with pytest.raises(IntegrityError, match="uq_refunds_gateway_refund"):
            await work.refunds.add(again)
