"""The keys in the settings: which are taken and which are too weak."""

import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from app.keys import read_jwt_keys

SECRET = "s" * 32

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def public_pem(key: PrivateKey) -> str:
    """The PEM text of the public half."""
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


def private_pem(key: PrivateKey) -> str:
    """The PEM text of the private half."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def entries(*keys: object) -> str:
    """The setting's text for these entries."""
    return json.dumps(keys)


RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
RSA_SMALL = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - refused
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
ED25519 = ed25519.Ed25519PrivateKey.generate()


def test_each_algorithm_takes_its_key() -> None:
    """A shared secret of 32 bytes and PEM public keys of the three signatures are taken."""
    text = entries(
        {"kid": "h", "alg": "HS256", "key": SECRET},
        {"kid": "r", "alg": "RS256", "key": public_pem(RSA)},
        {"kid": "e", "alg": "ES256", "key": public_pem(P256)},
        {"kid": "d", "alg": "EdDSA", "key": public_pem(ED25519)},
    )
    assert [(key.kid, key.algorithm) for key in read_jwt_keys(text)] == [
        ("h", "HS256"),
        ("r", "RS256"),
        ("e", "ES256"),
        ("d", "EdDSA"),
    ]


@pytest.mark.parametrize(
    ("algorithm", "key", "fault"),
    [
        ("HS256", "s" * 31, "at least 32 bytes"),
        ("HS256", public_pem(RSA), "HS256 with a key of another kind"),
        ("HS256", "ssh-ed25519 " + "A" * 60, "HS256 with a key of another kind"),
        ("HS256", json.dumps({"kty": "oct", "k": "A" * 43}), "HS256 with a key of another kind"),
        ("RS256", SECRET, "not a PEM public key"),
        ("RS256", public_pem(RSA_SMALL), "too small"),
        ("RS256", public_pem(P256), "not a key for RS256"),
        ("RS256", private_pem(RSA), "not a PEM public key"),
        ("ES256", public_pem(P384), "not a key for ES256"),
        ("EdDSA", public_pem(P256), "not a key for EdDSA"),
        ("none", SECRET, "alg is one of HS256, RS256, ES256, EdDSA"),
        ("HS512", SECRET, "alg is one of"),
        (None, SECRET, "alg is one of"),
    ],
)
def test_a_weak_or_wrong_key_is_refused(algorithm: str | None, key: str, fault: str) -> None:
    """A key that is short, of another kind, private, or for no algorithm is a fault."""
    with pytest.raises(ValueError, match=fault):
        read_jwt_keys(entries({"kid": "k", "alg": algorithm, "key": key}))


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "{}",
        "[]",
        entries("k"),
        entries({"kid": "k", "alg": "HS256"}),
        entries({"kid": "", "alg": "HS256", "key": SECRET}),
        entries({"kid": 7, "alg": "HS256", "key": SECRET}),
        entries(*[{"kid": "k", "alg": "HS256", "key": SECRET}] * 2),
        entries({"kid": "k", "alg": "HS256", "key": SECRET, "use": "sig"}),
    ],
)
def test_a_malformed_list_is_refused(text: str) -> None:
    """Anything but a list of complete entries with different kids is a fault without a secret."""
    with pytest.raises(ValueError, match=r"JSON|entry|twice") as caught:
        read_jwt_keys(text)
    assert SECRET not in str(caught.value)


def test_a_key_may_have_an_end() -> None:
    """`until` says when a key that was replaced stops to count; it is optional."""
    entry = {"kid": "old", "alg": "HS256", "key": SECRET, "until": "2026-12-31T00:00:00Z"}

    assert read_jwt_keys(entries(entry))[0].until == datetime(2026, 12, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    "until", ["soon", "2026-12-31", "2026-12-31T00:00:00", 1_800_000_000, True]
)
def test_an_end_is_a_time_with_its_zone(until: object) -> None:
    """A date, a local time or a number is a fault: it would end at another hour elsewhere."""
    with pytest.raises(ValueError, match="until is a time with its zone"):
        read_jwt_keys(entries({"kid": "k", "alg": "HS256", "key": SECRET, "until": until}))
