"""What readers see: batches, filters, the timeline, prices. Pages have their own file."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from db.reports import SqlReads
from db.work import SqlDatabase
from domain.audit import AuditEntry
from domain.caller import AuditActorType
from domain.order import Order, OrderStatus
from domain.payment import DisputeState, Payment, PaymentMethod, PaymentMethodType, PaymentStatus
from domain.reports import (
    OrderFilter,
    PageRequest,
    PaymentEvent,
    PaymentFilter,
    TimeRange,
)
from tests.integration.db.builders import (
    NOW,
    a_full_refund,
    a_payment,
    a_refund,
    an_entry,
    an_order,
)
from tests.integration.db.conftest import Merchant
from tests.integration.db.rows import (
    stored_capture,
    stored_failure,
    stored_order,
    stored_override,
    stored_payment,
)

ALL = PageRequest(limit=100)


async def saved(database: SqlDatabase, payment: Payment) -> Payment:
    """The payment as it is after this change."""
    async with database.begin(payment.tenant_id) as work:
        await work.payments.save(payment)
        await work.commit()
    return replace(payment, version=payment.version + 1)


async def found_payments(reads: SqlReads, merchant: Merchant, where: PaymentFilter) -> set[str]:
    """Ids of all payments that meet the filter; the count agrees."""
    page = await reads.payment_page(merchant.id, where, ALL)
    assert len(page.items) == await reads.payment_count(merchant.id, where)
    return {payment.id for payment in page.items}


async def found_orders(reads: SqlReads, merchant: Merchant, where: OrderFilter) -> set[str]:
    """Ids of all orders that meet the filter; the count agrees."""
    page = await reads.order_page(merchant.id, where, ALL)
    assert len(page.items) == await reads.order_count(merchant.id, where)
    return {order.id for order in page.items}


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
    assert set() == await found_payments(reads, rival, PaymentFilter(search=payment.id))
    assert set() == await found_payments(reads, rival, PaymentFilter(search=order.reference))
    assert set() == await found_orders(reads, rival, OrderFilter(search=order.id))
    assert (await reads.refund_page(rival.id, payment.id, ALL)).items == []
    assert (await reads.timeline_page(rival.id, payment.id, ALL)).items == []
    assert await reads.refund_count(rival.id, payment.id) == 0
    assert await reads.timeline_count(rival.id, payment.id) == 0


async def test_payments_are_filtered(
    database: SqlDatabase, reads: SqlReads, merchant: Merchant
) -> None:
    """Each condition alone, and two together."""
    paid = await stored_capture(database, merchant)
    pending = await stored_payment(database, merchant)
    disputed = await saved(
        database,
        replace(await stored_payment(database, merchant), dispute_status=DisputeState.OPEN),
    )
    later = replace(
        a_payment(merchant, await stored_order(database, merchant)),
        created_at=NOW + timedelta(hours=1),
    )
    async with database.begin(merchant.id) as work:
        await work.payments.add(later)
        await work.commit()
    everything = {paid.id, pending.id, disputed.id, later.id}
    live = [PaymentStatus.PENDING, PaymentStatus.AUTHORIZED]
    an_hour_on = NOW + timedelta(hours=1)

    for where, expected in (
        (PaymentFilter(), everything),
        (PaymentFilter(status_in=[PaymentStatus.PAID]), {paid.id}),
        (PaymentFilter(status_in=live), everything - {paid.id}),
        (PaymentFilter(status_in=[]), set()),
        (PaymentFilter(order_id=pending.order_id), {pending.id}),
        (PaymentFilter(order_id="ord_unknown"), set()),
        (PaymentFilter(currency="USD"), everything),
        (PaymentFilter(currency="EUR"), set()),
        (PaymentFilter(is_disputed=True), {disputed.id}),
        (PaymentFilter(is_disputed=False), everything - {disputed.id}),
        (PaymentFilter(created_at=TimeRange(gte=an_hour_on)), {later.id}),
        (PaymentFilter(created_at=TimeRange(lt=an_hour_on)), everything - {later.id}),
        (PaymentFilter(created_at=TimeRange(gte=NOW, lt=NOW)), set()),
        (PaymentFilter(created_at=TimeRange()), everything),
        (PaymentFilter(status_in=live, is_disputed=True), {disputed.id}),
        (PaymentFilter(status_in=[PaymentStatus.PAID], is_disputed=True), set()),
    ):
        assert expected == await found_payments(reads, merchant, where), where


async def test_payments_are_searched(
    database: SqlDatabase, reads: SqlReads, merchant: Merchant
) -> None:
    """By their id, the gateway's ids, the order's reference and the card's last digits; all of an
    order's tries by its reference."""
    paid = await stored_capture(database, merchant)
    order = await stored_order(database, merchant)
    failed = {(await stored_failure(database, merchant, order)).id for _ in range(2)}
    card = PaymentMethod(PaymentMethodType.CARD, "visa", "1881", 1, 2030)
    other = await saved(database, replace(await stored_payment(database, merchant), method=card))

    for search, expected in (
        (paid.id, {paid.id}),
        (paid.gateway_payment_id, {paid.id}),
        (paid.gateway_charge_id, {paid.id}),
        (order.reference, failed),
        ("4242", {paid.id}),
        ("1881", {other.id}),
        ("188", set()),
        ("", set()),
    ):
        assert expected == await found_payments(reads, merchant, PaymentFilter(search=search)), (
            search
        )


async def test_orders_are_filtered_and_searched(
    database: SqlDatabase, reads: SqlReads, merchant: Merchant
) -> None:
    """By status, time, id, reference and e-mail, whose case does not matter."""
    first = await stored_order(database, merchant)
    second = replace(
        an_order(merchant),
        status=OrderStatus.PAID,
        customer_email="Ann@Example.com",
        created_at=NOW + timedelta(hours=1),
    )
    async with database.begin(merchant.id) as work:
        await work.orders.add(second)
        await work.commit()
    an_hour_on = NOW + timedelta(hours=1)

    for where, expected in (
        (OrderFilter(), {first.id, second.id}),
        (OrderFilter(status_in=[OrderStatus.PAID]), {second.id}),
        (OrderFilter(status_in=[]), set()),
        (OrderFilter(created_at=TimeRange(gte=NOW, lt=an_hour_on)), {first.id}),
        (OrderFilter(created_at=TimeRange(gte=an_hour_on)), {second.id}),
        (OrderFilter(search=first.id), {first.id}),
        (OrderFilter(search=second.reference), {second.id}),
        (OrderFilter(search="ann@example.COM"), {second.id}),
        (OrderFilter(search="ann"), set()),
        (OrderFilter(search="Ann@Example.com", status_in=[OrderStatus.OPEN]), set()),
    ):
        assert expected == await found_orders(reads, merchant, where), where


@pytest.mark.parametrize(
    "search", ["%", "_", "ord%", "100_", "' OR 1=1 --", "\\", "a'; DROP TABLE orders; --", "*"]
)
async def test_a_search_is_never_a_pattern(
    database: SqlDatabase, reads: SqlReads, merchant: Merchant, search: str
) -> None:
    """Wildcards, quotes and escapes match themselves and nothing else."""
    plain = await stored_payment(database, merchant)
    order: Order = an_order(merchant, reference=search)
    async with database.begin(merchant.id) as work:
        await work.orders.add(order)
        await work.commit()

    assert {order.id} == await found_orders(reads, merchant, OrderFilter(search=search))
    assert set() == await found_payments(reads, merchant, PaymentFilter(search=search))
    assert {plain.id} == await found_payments(reads, merchant, PaymentFilter())


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
