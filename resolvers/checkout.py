"""Checkout tokens for shoppers' pages."""

from __future__ import annotations

from domain.checkout import CheckoutToken
from domain.errors import NotFound
from domain.ids import Prefix, is_id
from resolvers.context import Context


async def create_token(context: Context, order_id: str, ttl_seconds: int) -> CheckoutToken:
    """A token bound to the order, good for `ttl_seconds`."""
    if not is_id(order_id, Prefix.ORDER):
        raise NotFound(order_id)
    return await context.checkout.create(
        context.caller.actor, context.tenant_id, order_id, ttl_seconds
    )
