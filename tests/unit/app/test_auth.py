"""Bearer tokens: the good ones become callers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest

from app.auth import TokenVerifier
from app.tokens import mint_token
from domain.caller import Caller, Role
from domain.errors import Unauthenticated
from tests.unit.app.signing import (
    CLAIMS,
    EC,
    ED,
    KEYS,
    NOW,
    ORDER,
    RSA,
    SETTINGS,
    SHARED,
    TENANT,
    settings_with,
    signed,
    verify,
    without,
)


def test_a_good_token_is_its_caller() -> None:
    """Subject, tenant, roles, expiry and the request's own facts make the caller."""
    assert verify(signed()) == Caller(
        subject="user_1",
        tenant_id=TENANT,
        roles=frozenset({Role.OPERATOR}),
        expires_at=datetime.fromtimestamp(NOW + 600, UTC),
        request_id="req_1",
        ip_address="127.0.0.1",
    )


@pytest.mark.parametrize(
    ("kid", "algorithm", "key"), [("rsa", "RS256", RSA), ("ec", "ES256", EC), ("ed", "EdDSA", ED)]
)
def test_public_keys_verify(kid: str, algorithm: str, key: Any) -> None:
    """A token signed by a private key is checked with the public half of its key id."""
    token = jwt.encode(CLAIMS, key, algorithm=algorithm, headers={"kid": kid})

    assert verify(f"Bearer {token}").subject == "user_1"


def test_minted_tokens_verify() -> None:
    """What `tollgate token` prints is accepted by the API."""
    token = mint_token(SETTINGS, tenant=TENANT, roles=[Role.ADMIN])

    assert verify(f"Bearer {token}", TokenVerifier(SETTINGS)).roles == {Role.ADMIN}


def test_keys_roll() -> None:
    """Old and new key are good side by side, and the old one is refused once it is removed."""
    new = {"kid": "new", "alg": "HS256", "key": SHARED + " and newer"}
    rolling = TokenVerifier(settings_with([new, KEYS[0]]), now=lambda: NOW)
    rolled = TokenVerifier(settings_with([new]), now=lambda: NOW)

    assert verify(signed(), rolling).subject == "user_1"
    assert verify(signed(header={"kid": "new"}, key=new["key"].encode()), rolled).tenant_id
    with pytest.raises(Unauthenticated):
        verify(signed(), rolled)


@pytest.mark.parametrize(
    "claims",
    [
        CLAIMS | {"exp": NOW - 29},
        CLAIMS | {"iat": NOW + 30},
        CLAIMS | {"nbf": NOW + 30},
        CLAIMS | {"aud": ["other", "tollgate"]},
        CLAIMS | {"roles": ["VIEWER", "FINANCE"]},
        without("tenant") | {"roles": ["PLATFORM_ADMIN"]},
        CLAIMS | {"roles": ["CHECKOUT"], "order": ORDER},
        CLAIMS | {"unknown": "claim"},
    ],
)
def test_claims_within_the_rules(claims: Mapping[str, Any]) -> None:
    """Clocks may differ by 30 s; the platform's people need no tenant; a checkout has its order."""
    assert verify(signed(claims)).order_id == claims.get("order")
