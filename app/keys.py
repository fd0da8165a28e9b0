"""Keys in the settings: those that encrypt stored secrets and those that check tokens."""

import base64
import binascii
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

JwtAlgorithm = Literal["HS256", "RS256", "ES256", "EdDSA"]

CHECKOUT_KID = "checkout:"
"""What the key ids of checkout tokens begin with, and no other key id."""

CREDENTIAL_KEY_BYTES = 32
"""AES-256."""
HMAC_KEY_BYTES_MIN = 32
"""RFC 7518 section 3.2: a key of at least the size of the hash."""
RSA_BITS_MIN = 2048
"""RFC 7518 section 3.3."""


@dataclass(frozen=True, slots=True)
class CredentialKey:
    """A key that encrypts stored secrets, with the id that the rows name it by."""

    id: str
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class JwtKey:
    """A key that checks bearer tokens: a shared secret for HS256, else a PEM public key.

    From `until` on its tokens are refused, whatever they say of themselves.
    """

    kid: str
    algorithm: JwtAlgorithm
    key: str = field(repr=False)
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class CheckoutKey:
    """A shared secret that signs and checks checkout tokens (HS256), with its id."""

    id: str
    key: bytes = field(repr=False)


def read_credential_keys(text: str) -> tuple[CredentialKey, ...]:
    """Read `id:base64 of 32 bytes`, comma separated; the first is the one that encrypts.

    Raises:
        ValueError: an entry is not of that form, or an id comes twice. No key is in the text.
    """
    keys = tuple(CredentialKey(name, key) for name, key in _named_keys(text))
    for each in keys:
        if len(each.key) != CREDENTIAL_KEY_BYTES:
            raise ValueError(
                f"key {each.id!r} has {len(each.key)} bytes, not {CREDENTIAL_KEY_BYTES}"
            )
    return keys


def read_checkout_keys(text: str) -> tuple[CheckoutKey, ...]:
    """Read `id:base64 of 32 bytes or more`, comma separated; the first is the one that signs.

    Raises:
        ValueError: an entry is not of that form, or an id comes twice. No key is in the text.
    """
    keys = tuple(CheckoutKey(name, key) for name, key in _named_keys(text))
    for each in keys:
        _check_shared_secret(each.id, each.key)
    return keys


def read_jwt_keys(text: str) -> tuple[JwtKey, ...]:
    """Read a JSON list of `{"kid", "alg", "key"}`.

    Raises:
        ValueError: not such a list, an algorithm other than the four, a weak or unreadable key,
            or a kid that comes twice. No key is in the text.
    """
    try:
        entries = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON (position {error.pos})") from None
    if not isinstance(entries, list) or not entries:
        raise ValueError('not a JSON list of {"kid", "alg", "key"}')
    keys = tuple(_jwt_key(number, entry) for number, entry in enumerate(entries, start=1))
    _once("kid", [key.kid for key in keys])
    return keys


def _named_keys(text: str) -> list[tuple[str, bytes]]:
    keys = [_named_key(entry.strip()) for entry in text.split(",") if entry.strip()]
    _once("id", [name for name, _ in keys])
    return keys


def _named_key(entry: str) -> tuple[str, bytes]:
    name, colon, encoded = entry.partition(":")
    if not colon or not name:
        raise ValueError("each entry is id:base64")
    try:
        return name, base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise ValueError(f"key {name!r} is not base64") from None


def _jwt_key(number: int, entry: object) -> JwtKey:
    if not isinstance(entry, dict) or set(entry) - {"until"} != {"kid", "alg", "key"}:
        raise ValueError(f'entry {number} is not {{"kid", "alg", "key"}}')
    kid, algorithm, key = entry["kid"], entry["alg"], entry["key"]
    if not (isinstance(kid, str) and kid and isinstance(key, str)):
        raise ValueError(f"entry {number}: kid and key are texts")
    if kid.startswith(CHECKOUT_KID):
        raise ValueError(f"key {kid!r}: {CHECKOUT_KID} is for checkout tokens")
    if algorithm not in get_args(JwtAlgorithm):
        raise ValueError(f"key {kid!r}: alg is one of {', '.join(get_args(JwtAlgorithm))}")
    if algorithm == "HS256":
        _check_shared_secret(kid, key.encode())
    else:
        _check_public_key(kid, algorithm, key)
    return JwtKey(kid, algorithm, key, _end(kid, entry.get("until")))


def _end(kid: str, until: object) -> datetime | None:
    if until is None:
        return None
    try:
        end = datetime.fromisoformat(str(until))
    except ValueError:
        end = None
    if end is None or end.tzinfo is None:
        raise ValueError(f"key {kid!r}: until is a time with its zone, 2026-12-31T00:00:00Z")
    return end


def _check_shared_secret(kid: str, key: bytes) -> None:
    if len(key) < HMAC_KEY_BYTES_MIN:
        raise ValueError(f"key {kid!r}: HS256 needs at least {HMAC_KEY_BYTES_MIN} bytes")
    try:
        jwt.get_algorithm_by_name("HS256").prepare_key(key)
    except jwt.InvalidKeyError:  # a public key as a shared secret lets everybody sign
        raise ValueError(f"key {kid!r}: HS256 with a key of another kind (PEM, SSH, JWK)") from None


def _check_public_key(kid: str, algorithm: JwtAlgorithm, pem: str) -> None:
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(f"key {kid!r}: not a PEM public key") from None
    if not fits(algorithm, key):
        raise ValueError(f"key {kid!r}: not a key for {algorithm}, or too small a one")


def fits(algorithm: JwtAlgorithm, key: object) -> bool:
    """Whether it is a public key for the algorithm, and a strong one (RFC 7518 section 3)."""
    match algorithm, key:
        case ("RS256", rsa.RSAPublicKey()):
            return key.key_size >= RSA_BITS_MIN
        case ("ES256", ec.EllipticCurvePublicKey()):
            return isinstance(key.curve, ec.SECP256R1)
        case ("EdDSA", ed25519.Ed25519PublicKey()):
            return True
        case _:
            return False


def _once(word: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{word} {twice[0]!r} comes twice")
