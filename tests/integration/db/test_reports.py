"""What readers see: batches, filters, the timeline, prices. Pages have their own file."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncEngine

from db.reports import SqlReads
from db.work import SqlDatabase
from domain.audit import AuditEntry
from domain.caller import AuditActorType
from domain.payment import PaymentStatus
from domain.reports import (
    OrderFilter,
    PageRequest,
    PaymentEvent,
    PaymentFilter,
)
from tests.integration.db.builders import (
    NOW,
    a_full_refund,
    a_refund,
    an_entry,
)
from tests.integration.db.conftest import Merchant
from tests.integration.db.rows import (
    stored_capture,
    stored_override,
)

ALL = PageRequest(limit=100)


async def append(database: SqlDatabase, entries: Sequence[AuditEntry]) -> None:
    """These entries, committed."""
    async with database.begin_across_tenants() as work:
        for entry in entries:
            await work.audit.append(entry)
        await work.commit()


async def test_objects_are_read_in_batches(
    database: SqlDatabase, reads: SqlReads, merchant: Merchant
) -> None:
    """Known ids come as the objects that were stored, unknown ones not at all."""
    payment = await stored_capture(database, merchant)
    refund = a_full_refund(payment)
    async with database.begin(merchant.id) as work:
        await work.refunds.add(refund)
        await work.commit()
        order = await work.orders.find(merchant.id, payment.order_id)
    assert order is not None

    assert {payment.id: payment} == await reads.payments(merchant.id, [payment.id, "pay_x"])
    assert {order.id: order} == await reads.orders(merchant.id, [order.id, "ord_x"])
    assert {refund.id: refund} == await reads.refunds(merchant.id, [refund.id, "re_x"])
    assert await reads.payments(merchant.id, []) == {}
    assert order == await reads.order_by_reference(merchant.id, order.reference)
    assert await reads.order_by_reference(merchant.id, "unknown") is None
    assert merchant.tenant == await reads.tenant(merchant.id)
    assert await reads.tenant("ten_unknown") is None


async def test_nothing_of_another_tenant_is_read(
    database: SqlDatabase, reads: SqlReads, engine: AsyncEngine, merchant: Merchant, rival: Merchant
) -> None:
    """Every read with a foreign id answers as if the object were not there."""
    payment = await stored_capture(database, merchant)
    refund = a_full_refund(payment)
    override = await stored_override(engine, merchant, "fov_1")
    async with database.begin(merchant.id) as work:
        await work.refunds.add(refund)
        order = await work.orders.lock(merchant.id, payment.order_id)
        await work.commit()
    await append(database, [an_entry(merchant, subject_id=payment.id)])

    assert await reads.payments(rival.id, [payment.id]) == {}
    assert await reads.orders(rival.id, [order.id]) == {}
    assert await reads.refunds(rival.id, [refund.id]) == {}
    assert await reads.fee_overrides(rival.id, [override.id]) == {}
    assert await reads.order_by_reference(rival.id, order.reference) is None
    assert await reads.payment_count(rival.id, PaymentFilter(search=payment.id)) == 0
    assert await reads.payment_count(rival.id, PaymentFilter(search=order.reference)) == 0
    assert await reads.order_count(rival.id, OrderFilter(search=order.id)) == 0
    assert (await reads.refund_page(rival.id, payment.id, ALL)).items == []
    assert (await reads.timeline_page(rival.id, payment.id, ALL)).items == []
    assert await reads.refund_count(rival.id, payment.id) == 0
    assert await reads.timeline_count(rival.id, payment.id) == 0


async def test_the_timeline_tells_a_payments_story(
    database: SqlDatabase, reads: SqlReads, merchant: Merchant
) -> None:
    """Its entries and its refunds', newest first; entries without a payment's status and a message,
    or of another subject, are left out."""
    paid = an_entry(merchant, subject_id="pay_1")
    refunded = replace(
        an_entry(merchant, subject_id="pay_1"),
        id="aud_z",
        action="refund.succeeded",
        after={"refund_id": "re_1", "status": "PAID", "amount": None, "message": "Refunded."},
    )
    silent = [
        replace(an_entry(merchant, subject_id="pay_1"), after=after)
        for after in (None, {}, {"status": "PAID"}, {"status": "DONE", "message": "no"})
    ]
    await append(database, [paid, refunded, *silent, an_entry(merchant, subject_id="pay_2")])

    page = await reads.timeline_page(merchant.id, "pay_1", ALL)

    gateway = AuditActorType.GATEWAY
    assert [
        PaymentEvent(
            id="aud_z",
            status=PaymentStatus.PAID,
            amount=None,
            source=gateway,
            actor="evt_1",
            message="Refunded.",
            created_at=NOW,
        ),
        PaymentEvent(
            id=paid.id,
            status=PaymentStatus.PAID,
            amount=10_000,
            source=gateway,
            actor="evt_1",
            message="The payment became PAID.",
            created_at=NOW,
        ),
    ] == page.items
    assert await reads.timeline_count(merchant.id, "pay_1") == 2


async def test_refunds_of_a_payment_are_listed(
    database: SqlDatabase, reads: SqlReads, merchant: Merchant
) -> None:
    """Newest first, none of another payment, and counted."""
    payment = await stored_capture(database, merchant)
    other = await stored_capture(database, merchant)
    refunds = sorted((a_refund(payment) for _ in range(3)), key=lambda r: r.id, reverse=True)
    async with database.begin(merchant.id) as work:
        for refund in (*refunds, a_refund(other)):
            await work.refunds.add(refund)
        await work.commit()

    assert refunds == (await reads.refund_page(merchant.id, payment.id, ALL)).items
    assert await reads.refund_count(merchant.id, payment.id) == 3


async def test_the_price_lists(reads: SqlReads, engine: AsyncEngine, merchant: Merchant) -> None:
    """Tiers by level, archived ones on demand; a tenant's overrides by id."""
    override = await stored_override(engine, merchant, "fov_1")

    tiers = await reads.fee_tiers(include_archived=False)

    assert [tier.level for tier in tiers] == [1, 2, 3]
    assert tiers == await reads.fee_tiers(include_archived=True)
    assert {"fov_1": override} == await reads.fee_overrides(merchant.id, ["fov_1", "fov_x"])
