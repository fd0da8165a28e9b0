"""Rules of the inputs that need no database: each gives the issues it finds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from domain.card_numbers import holds_card_number
from domain.errors import Issue, ValidationFailed

_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}")
_PAYMENT_METHOD_TOKEN = re.compile(r"(pm|card|tok)_\w{1,200}", re.ASCII)
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1"})


def refuse(issues: Iterable[Issue]) -> None:
    """Raises ValidationFailed with all issues, if there are any."""
    found = tuple(issues)
    if found:
        raise ValidationFailed(*found)


def check_idempotency_key(key: str) -> Iterator[Issue]:
    """A key is 1 to 255 visible ASCII characters (docs.stripe.com/api/idempotent_requests)."""
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        yield Issue(
            ("input", "idempotencyKey"),
            "INVALID_IDEMPOTENCY_KEY",
            "An idempotency key is 1 to 255 visible ASCII characters.",
        )


def check_payment_method_token(token: str) -> Iterator[Issue]:
    """A token is one of the gateway's; a card number is refused and not repeated in the answer."""
    path = ("input", "paymentMethod", "token")
    if holds_card_number(token):
        message = "This looks like a card number. Send a token of the gateway instead."
        yield Issue(path, "CARD_DATA_FORBIDDEN", message)
    elif not _PAYMENT_METHOD_TOKEN.fullmatch(token):
        message = "A payment method token starts with pm_, card_ or tok_."
        yield Issue(path, "INVALID_TOKEN", message)


def check_return_url(url: str | None) -> Iterator[Issue]:
    """An https address without credentials; plain http only to this very machine."""
    if url is not None and not _is_return_url(url):
        message = "returnUrl is an https address, or http to localhost."
        yield Issue(("input", "returnUrl"), "INVALID_RETURN_URL", message)


def check_reference(reference: str) -> Iterator[Issue]:
    """An order's reference is not blank."""
    if not reference.strip():
        message = "A reference is not blank."
        yield Issue(("input", "reference"), "REFERENCE_BLANK", message)


def check_email(email: str | None) -> Iterator[Issue]:
    """One @ with something around it, at most 254 characters (RFC 5321, section 4.5.3.1)."""
    if email is not None and not _EMAIL.fullmatch(email):
        message = "customerEmail is an e-mail address."
        yield Issue(("input", "customerEmail"), "INVALID_EMAIL", message)


def _is_return_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or any(character.isspace() for character in url):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOCAL_HOSTS)
