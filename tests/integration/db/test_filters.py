"""Readers' filters and searches, for payments and orders."""

from dataclasses import replace
from datetime import timedelta

import pytest

from db.reports import SqlReads
from db.work import SqlDatabase
from domain.order import Order, OrderStatus
from domain.payment import DisputeState, Payment, PaymentMethod, PaymentMethodType, PaymentStatus
from domain.reports import OrderFilter, PageRequest, PaymentFilter, TimeRange
from tests.integration.db.builders import NOW, a_payment, an_order
from tests.integration.db.conftest import Merchant
from tests.integration.db.rows import stored_capture, stored_failure, stored_order, stored_payment

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
