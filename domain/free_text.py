"""What people write of their own accord, as far as it may be kept for ever, and the shapes of what
may not; the log blacks out the same (`app.logging`).
"""

from __future__ import annotations

import re

EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}(@[\w-]{1,63}(?:\.[\w-]{1,63})+)")
"""An e-mail address, of the lengths that RFC 5321 allows (4.5.3.1); the group is its domain."""

GATEWAY_SECRET = re.compile(r"\b((?:sk|rk)_(?:test|live)|whsec)_\w+")
"""A key of the gateway or the secret of a webhook; the group is its kind."""

CLIENT_SECRET = re.compile(r"\b([a-z]{2,12}_\w+?_secret)_\w+")
"""What lets a payer's page act on an object of the gateway; the group is all but the secret."""

TOKEN = re.compile(r"(?<![\w-])eyJ[\w-]{5,}\.[\w-]*(?:\.[\w-]*)*")
"""A JSON Web Token, signed or encrypted. Only from where its text begins: tried anew behind each
hyphen, a long text would take seconds."""

_WITHHELD = (
    (EMAIL, "[e-mail removed]"),
    (GATEWAY_SECRET, "[secret removed]"),
    (CLIENT_SECRET, "[secret removed]"),
    (TOKEN, "[token removed]"),
)


def withheld(text: str) -> str:
    """The text without e-mail addresses, gateway secrets and tokens.

    The audit log takes nothing back, so that what must be erasable never goes in. Card numbers are
    refused before a text comes this far.
    """
    for pattern, instead in _WITHHELD:
        text = pattern.sub(instead, text)
    return text
