"""Claims and headers that no token may have, whoever signed it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from domain.ids import Prefix, new_id
from tests.integration.app.minting import claims_of


def claims_against_the_rules(tenant_id: str) -> Iterator[tuple[str, Mapping[str, Any] | bytes]]:
    """Claims that are missing, wrong, mistyped or absurd, whoever signed them."""
    now = int(time.time())
    changes: tuple[dict[str, Any], ...] = (
        *({name: ...} for name in ("iss", "aud", "sub", "tenant", "roles", "iat", "exp")),
        *({name: None} for name in ("iss", "aud", "sub", "tenant", "roles", "iat", "exp", "jti")),
        *({"iss": iss} for iss in ("https://attacker.test", "https://issuer.test/", ["x"], "")),
        *({"aud": aud} for aud in ("other", ["other"], [], "TOLLGATE", "tollgate ", 7, [7])),
        *({"exp": at} for at in (now - 60, 0, -1, str(now + 600), now + 0.5, True, 10**400, 1e300)),
        *({"iat": at} for at in (now + 120, "now", 1.5, [now], 10**20)),
        *({"nbf": at} for at in (now + 120, "now", 1.5, None, 10**20)),
        *({"sub": sub} for sub in ("", 7, "a\nb", "a" * 256, ["user_1"])),
        *({"jti": jti} for jti in ("", 7, "a" * 256, "a\0b", ["x"])),
        *({"tenant": to} for to in ("", "*", f"{tenant_id} ", tenant_id.upper(), [tenant_id], 7)),
        *({"roles": to} for to in ("OPERATOR", [], {"OPERATOR": 1}, ["operator"], ["ADMIN "], [7])),
        *({"roles": to} for to in (["\u0410DMIN"], ["ADMIN", "ROOT"], [["ADMIN"]], ["*"])),
        {"roles": ["PLATFORM_ADMIN"]},
        {"roles": ["PLATFORM_ADMIN", "ADMIN"], "tenant": ...},
        {"roles": ["CHECKOUT", "ADMIN"]},
        {"order": new_id(Prefix.ORDER)},
    )
    for change in changes:
        yield str(change)[:60], claims_of(tenant_id, **change)
    for raw in (b"", b"[]", b"{", b"\xff", b"null", b'"x"', b"[" * 2000):
        yield repr(raw[:8]), raw


HEADERS: tuple[dict[str, Any], ...] = (
    *({"typ": typ} for typ in ("JOSE", "JWE", "at+jwt", "", None, 7, ["JWT"], "jwt ")),
    {"crit": ["exp"]},
    {"crit": []},
    {"b64": False},
    {"b64": True},
    {"zip": "DEF"},
    {"enc": "A256GCM"},
    {"jku": "https://issuer.test/keys"},
    {"x5u": "https://issuer.test/chain"},
    {"x5c": ["MIIB"]},
    {"jwk": {"kty": "oct", "k": "c2VjcmV0"}},
)
