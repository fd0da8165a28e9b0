"""Orders: reading, opening and closing them."""

from __future__ import annotations

from collections.abc import Sequence

from domain.commands import CancelOrder, CreateOrder, OrderDone
from domain.errors import NotFound
from domain.ids import Prefix, is_id
from domain.order import Order
from domain.reports import OrderFilter, Page, PageRequest
from resolvers.access import reaches_order
from resolvers.context import Context


async def by_ids(context: Context, ids: Sequence[str]) -> list[Order | None]:
    """The orders with these ids, in this order; None where there is none for the caller."""
    wanted = [
        text for text in ids if is_id(text, Prefix.ORDER) and reaches_order(context.caller, text)
    ]
    found = await context.reads.orders(context.tenant_id, wanted) if wanted else {}
    return [found.get(text) for text in ids]


async def by_reference(context: Context, reference: str) -> Order | None:
    """The order with the merchant's own name."""
    order = await context.reads.order_by_reference(context.tenant_id, reference)
    return order if order and reaches_order(context.caller, order.id) else None


async def page(context: Context, where: OrderFilter, request: PageRequest) -> Page[Order]:
    """One slice of the orders that match, newest first."""
    return await context.reads.order_page(context.tenant_id, where, request)


async def count(context: Context, where: OrderFilter) -> int | None:
    """How many orders match; None when there are too many to count."""
    return await context.reads.order_count(context.tenant_id, where)


async def create(context: Context, command: CreateOrder) -> OrderDone:
    """Opens an order."""
    return await context.orders.create(context.caller.actor, context.tenant_id, command)


async def cancel(context: Context, command: CancelOrder) -> OrderDone:
    """Closes an order on which nothing is live or captured."""
    if not is_id(command.order_id, Prefix.ORDER):
        raise NotFound(command.order_id)
    return await context.orders.cancel(context.caller.actor, context.tenant_id, command)
