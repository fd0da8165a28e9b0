"""Development tokens: what they carry and which key signs them."""

import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.settings import load_settings
from app.tokens import NoSigningKey, mint_token
from domain.caller import Role
from tests.unit.app.test_settings import DEVELOPMENT

SECRETS = ("first" * 8, "second" * 8)
ED25519 = ed25519.Ed25519PrivateKey.generate().public_key()
PUBLIC = {
    "kid": "issuer",
    "alg": "EdDSA",
    "key": ED25519.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
}
SHARED = [{"kid": f"k{n}", "alg": "HS256", "key": key} for n, key in enumerate(SECRETS)]


def test_a_token_carries_its_claims() -> None:
    """A token names issuer, audience, subject, tenant, roles, its times and an id of its own."""
    settings = load_settings(DEVELOPMENT | {"TOLLGATE_JWT_KEYS": json.dumps([PUBLIC, *SHARED])})
    roles = [Role.OPERATOR, Role.FINANCE]
    before = int(time.time())
    first = mint_token(settings, tenant="ten_1", roles=roles, subject="ada", ttl_seconds=60)
    second = mint_token(settings, tenant="ten_1", roles=roles, subject="ada", ttl_seconds=60)
    assert jwt.get_unverified_header(first) == {"alg": "HS256", "kid": "k0", "typ": "JWT"}
    claims = [
        jwt.decode(token, SECRETS[0], ["HS256"], audience="tollgate", issuer=settings.jwt_issuer)
        for token in (first, second)
    ]
    assert claims[0]["sub"] == "ada"
    assert claims[0]["tenant"] == "ten_1"
    assert claims[0]["roles"] == ["OPERATOR", "FINANCE"]
    assert claims[0]["exp"] - claims[0]["iat"] == 60
    assert claims[0]["iat"] >= before
    assert claims[0]["jti"] != claims[1]["jti"]


def test_a_token_of_the_platform_has_no_tenant() -> None:
    """Without a tenant the claim is absent, not null."""
    settings = load_settings(DEVELOPMENT | {"TOLLGATE_JWT_KEYS": json.dumps(SHARED)})
    token = mint_token(settings, tenant=None, roles=[Role.PLATFORM_ADMIN])
    assert "tenant" not in jwt.decode(token, SECRETS[0], ["HS256"], audience="tollgate")


def test_only_a_shared_secret_signs() -> None:
    """With public keys alone nothing can be minted, and the error says why."""
    settings = load_settings(DEVELOPMENT | {"TOLLGATE_JWT_KEYS": json.dumps([PUBLIC])})
    with pytest.raises(NoSigningKey, match="no HS256 key"):
        mint_token(settings, tenant="ten_1", roles=[Role.VIEWER])
