"""API keys and connected accounts."""

import base64
import binascii
import re

from sandbox.api.accounts import account_invalid
from sandbox.errors import ApiError
from sandbox.wire import Request
from sandbox.world import Book, World

TEST_KEY = re.compile(r"(sk|rk)_test_[A-Za-z0-9_]{8,240}\Z")

EXPIRED = ("sk_test_sandbox_expired", "rk_test_sandbox_expired")
"""What keys begin with that were valid once."""

NO_ACCOUNTS = "rk_test_sandbox_no_accounts"
"""What restricted keys begin with that may not read accounts."""


def book_of(world: World, request: Request) -> Book:
    """The books that the request is about: the key's own, or a connected account's.

    Every well-formed test key is valid and is its own platform. Raises ApiError: 401 for any other
    key and for an expired one, 403 for an account that is not connected to the platform, and for
    what a restricted key may not read.
    """
    key = _key(request.headers.get("authorization", ""))
    if not TEST_KEY.match(key):
        raise _unauthorized(key)
    if key.startswith(EXPIRED):
        raise ApiError(
            401, f"Expired API Key provided: {_shown(key)}", code="api_key_expired", stored=False
        )
    platform = world.platform(key)
    if key.startswith(NO_ACCOUNTS) and request.path.startswith("/v1/account"):
        raise _not_permitted(key, platform)
    named = request.headers.get("stripe-account") or platform.account.id
    if named == platform.account.id:
        return platform
    book = world.books.get(named)
    if book is None or book.account.platform != platform.account.id or not book.account.connected:
        raise account_invalid(named)
    return book


def _shown(key: str) -> str:
    shown = f"{key[:8]}{'*' * max(len(key) - 12, 4)}{key[-4:]}" if len(key) > 12 else "*" * 8
    return shown[:120]


def _not_permitted(key: str, platform: Book) -> ApiError:
    message = (
        f"The provided key '{_shown(key)}' does not have the required permissions for this "
        f"endpoint on account '{platform.account.id}'. Having the 'rak_accounts_kyc_basic_read' "
        "permission would allow this request to continue."
    )
    return ApiError(403, message, stored=False)


def _key(header: str) -> str:
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(credentials, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


def _unauthorized(key: str) -> ApiError:
    if not key:
        message = (
            "You did not provide an API key. You need to provide your API key in the Authorization "
            "header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See "
            "https://stripe.com/docs/api#authentication for details, or we can help at "
            "https://support.stripe.com/."
        )
        return ApiError(401, message, stored=False)
    message = f"Invalid API Key provided: {_shown(key)}"
    if key.startswith(("sk_live_", "rk_live_")):
        message += ". The sandbox takes test keys only."
    return ApiError(401, message, stored=False)
