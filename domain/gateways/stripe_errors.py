"""The library's errors into five of ours; whatever is not certain is GatewayUnknown.

| what happened                                        | becomes             |
|------------------------------------------------------|---------------------|
| 402                                                  | GatewayDeclined     |
| 400, 404                                             | GatewayRefused      |
| 401, 403                                             | GatewayUnauthorized |
| 429, connection refused or not made in time          | GatewayUnreached    |
| 409, key reused or in use, 5xx, time-out, reset, junk | GatewayUnknown     |

429 is answered before the key layer, so that nothing took effect (docs.stripe.com/error-low-level).
"""

from __future__ import annotations

import re

import aiohttp
import stripe

from domain.errors import (
    GatewayDeclined,
    GatewayProblem,
    GatewayRefused,
    GatewayUnauthorized,
    GatewayUnknown,
    GatewayUnreached,
)
from domain.gateways.stripe_objects import error_decline_code, error_intent

UNREADABLE = (aiohttp.ClientError, OSError, TimeoutError, KeyError, TypeError, ValueError)
"""What a lost or unreadable answer raises outside the library's own errors."""

_NOT_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
_PERMISSION = re.compile(r"\brak_[a-z_]{1,60}\b", re.ASCII)
"""A restricted key's missing permission, as Stripe's refusals name it."""

_UNAUTHORIZED = (stripe.AuthenticationError, stripe.PermissionError)


def gateway_problem(error: BaseException) -> GatewayProblem:
    """Our error for one raised while Stripe was called."""
    if not isinstance(error, stripe.StripeError):
        return GatewayUnknown(f"no readable answer ({type(error).__name__})")
    message = _message(error)
    about = {"gateway_code": error.code, "request_id": error.request_id}
    if isinstance(error, stripe.CardError):
        return _declined(error, message)
    if isinstance(error, stripe.IdempotencyError):
        return GatewayUnknown(message, **about)
    if isinstance(error, stripe.InvalidRequestError):
        return GatewayRefused(message, **about)
    if isinstance(error, _UNAUTHORIZED):
        # Stripe repeats a part of the key in its message.
        return GatewayUnauthorized(
            "the gateway refused our credentials", permission=_permission(message), **about
        )
    if isinstance(error, stripe.RateLimitError):
        return GatewayUnreached(message, **about)
    if isinstance(error, stripe.APIConnectionError) and isinstance(error.__cause__, _NOT_CONNECTED):
        return GatewayUnreached("the gateway could not be reached")
    return GatewayUnknown(message, **about)


def _message(error: stripe.StripeError) -> str:
    # For an answer that it cannot read the library's own message repeats the whole body, with the
    # client_secret and the card of the intent in it: only what Stripe itself worded is kept.
    if isinstance(error, stripe.APIError):
        told = getattr(error.error, "message", None)
        return told if isinstance(told, str) else f"no readable answer (HTTP {error.http_status})"
    return error.user_message or type(error).__name__


def _permission(message: str) -> str | None:
    found = _PERMISSION.search(message)
    return found and found[0]


def _declined(error: stripe.CardError, message: str) -> GatewayProblem:
    try:
        snapshot = error_intent(error.json_body)
    except UNREADABLE:
        return GatewayUnknown("a decline that could not be read", request_id=error.request_id)
    return GatewayDeclined(
        message,
        snapshot=snapshot,
        gateway_code=error_decline_code(error.json_body) or error.code,
        request_id=error.request_id,
    )
