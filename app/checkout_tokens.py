"""Checkout tokens: signed with keys of their own, good for one order and for nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import jwt

from app.keys import CHECKOUT_KID, CheckoutKey
from app.setting_types import CHECKOUT_ISSUER
from app.settings import Settings
from domain.caller import Role
from domain.checkout import CheckoutGrant


def kid_of(key: CheckoutKey) -> str:
    """The key's id as a token's header names it."""
    return f"{CHECKOUT_KID}{key.id}"


@dataclass(frozen=True, slots=True)
class JwtCheckoutSigner:
    """Implements `domain.checkout.CheckoutSigner` with HS256 (RFC 7518 section 3.2)."""

    key: CheckoutKey
    audience: str

    @classmethod
    def of(cls, settings: Settings) -> JwtCheckoutSigner:
        """Signs with the first key; the others only check tokens that they have signed."""
        return cls(settings.checkout_keys[0], settings.jwt_audience)

    def sign(self, grant: CheckoutGrant) -> str:
        """The token, as a JSON Web Token (RFC 7519)."""
        claims = {
            "iss": CHECKOUT_ISSUER,
            "aud": self.audience,
            "sub": f"checkout:{grant.order_id}",
            "tenant": grant.tenant_id,
            "order": grant.order_id,
            "roles": [Role.CHECKOUT.value],
            "iat": int(grant.issued_at.timestamp()),
            "exp": int(grant.expires_at.timestamp()),
            "jti": grant.token_id,
        }
        return jwt.encode(
            claims, self.key.key, algorithm="HS256", headers={"kid": kid_of(self.key)}
        )
