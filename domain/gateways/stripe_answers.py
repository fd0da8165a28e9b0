"""Stripe's answers read as snapshots. One that cannot be read is an unknown outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import stripe

from domain.errors import GatewayUnknown
from domain.gateways.stripe_errors import UNREADABLE
from domain.gateways.stripe_fields import Json
from domain.gateways.stripe_objects import page

Snapshot = TypeVar("Snapshot")


def read_one(response: stripe.StripeResponse, read: Callable[[Json], Snapshot]) -> Snapshot:
    """The snapshot of one object. Raises GatewayUnknown."""
    body = response.data
    if not isinstance(body, Mapping):
        raise GatewayUnknown("an answer that is not an object", request_id=response.request_id)
    try:
        return read(body)
    except UNREADABLE as error:
        raise _unreadable(error, response) from error


def read_page(
    response: stripe.StripeResponse, read: Callable[[Json], Snapshot]
) -> tuple[list[Snapshot], object | None]:
    """The snapshots of one page, and the last id when there are more pages. Raises
    GatewayUnknown."""
    try:
        objects, has_more = page(response.data)
        last_id = objects[-1]["id"] if has_more else None
        return [read(item) for item in objects], last_id
    except (*UNREADABLE, IndexError) as error:
        raise _unreadable(error, response) from error


def _unreadable(error: Exception, response: stripe.StripeResponse) -> GatewayUnknown:
    return GatewayUnknown(
        f"an answer that cannot be read ({type(error).__name__}: {error})",
        request_id=response.request_id,
    )
