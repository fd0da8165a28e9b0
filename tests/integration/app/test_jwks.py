"""The issuer's keys over HTTP: which are taken, how long they are kept, and when they change."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from app.jwks import (
    KEPT_SECONDS,
    KEPT_SECONDS_MAX,
    KEPT_SECONDS_MIN,
    REFRESHED_FROM,
    UNKNOWN_SECONDS,
    Jwks,
)
from tests.integration.app.issuer import OLD, Hours, Issuer, jwk

RSA = rsa.generate_private_key(65537, 2048)
SMALL = rsa.generate_private_key(65537, 1024)  # noqa: S505 - to be passed over
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
ED = OLD


async def test_keys_of_the_three_algorithms_are_found(issuer: Issuer, keys: Jwks) -> None:
    """An RSA, a P-256 and an Ed25519 key serve their one algorithm each."""
    issuer.keys = [jwk("r", RSA), jwk("e", P256, alg="ES256"), jwk("d", ED, use=...)]

    found = [await keys.find(kid) for kid in ("r", "e", "d")]

    assert [key and key.algorithm for key in found] == ["RS256", "ES256", "EdDSA"]
    assert issuer.fetches == 1


@pytest.mark.parametrize(
    "entry",
    [
        jwk("k", SMALL),
        jwk("k", RSA, d="AQAB"),
        jwk("k", RSA, p="AQAB", q="AQAB"),
        jwk("k", RSA, use="enc"),
        jwk("k", RSA, key_ops=["sign"]),
        jwk("k", RSA, key_ops="verify"),
        jwk("k", RSA, alg="PS256"),
        jwk("k", RSA, alg="HS256"),
        jwk("k", RSA, n="!"),
        jwk("k", RSA, n=7),
        jwk("k", RSA, n=...),
        jwk("k", RSA, e="Ag"),
        jwk("k", P256, crv="secp256k1"),
        jwk("k", P256, y="AAAA"),
        jwk("k", P256, kty="RSA"),
        {"kid": "k", "kty": "EC", "crv": "P-384", "x": "A" * 64, "y": "A" * 64},
        jwk("k", ED, x="AAAA"),
        jwk("k", ED, crv="Ed448"),
        jwk("k", ED, crv="X25519"),
        jwk("k", ED, d="A" * 43),
        jwk(7, ED),
        jwk("", ED),
        jwk(..., ED),
        {"kid": "k", "kty": "oct", "k": "c2VjcmV0" * 8},
        {"kid": "k", "kty": "oct", "k": "c2VjcmV0" * 8, "alg": "HS256"},
        {"kid": "k", "kty": ["RSA"]},
        {"kid": "k"},
        "k",
        None,
        7,
        [jwk("k", ED)],
    ],
    ids=lambda _: "entry",
)
async def test_a_key_that_cannot_serve_is_passed_over(
    issuer: Issuer, keys: Jwks, entry: object
) -> None:
    """Weak, private, secret, foreign and broken ones are not taken; those beside them are."""
    issuer.keys = [entry, jwk("good", P256), entry]

    assert await keys.find("k") is None
    assert await keys.find("good") is not None


async def test_an_id_that_comes_twice_names_no_key(issuer: Issuer, keys: Jwks) -> None:
    """Nobody can tell which was meant."""
    issuer.keys = [jwk("twice", ED), jwk("twice", P256), jwk("once", RSA)]

    assert await keys.find("twice") is None
    assert await keys.find("once") is not None


@pytest.mark.parametrize(
    ("cache_control", "seconds"),
    [
        (None, KEPT_SECONDS),
        ("public, max-age=900, must-revalidate", 900),
        ("MAX-AGE=900", 900),
        ("max-age=1", KEPT_SECONDS_MIN),
        ("max-age=0, no-store", KEPT_SECONDS_MIN),
        ("max-age=999999999", KEPT_SECONDS_MAX),
        ("max-age=99999999999999999999", KEPT_SECONDS),
        ("s-maxage=900", KEPT_SECONDS),
        ("max-age=-5", KEPT_SECONDS),
        ("max-age=soon", KEPT_SECONDS),
    ],
)
async def test_a_set_is_kept_as_long_as_it_says(
    issuer: Issuer, keys: Jwks, hours: Hours, cache_control: str | None, seconds: float
) -> None:
    """Within a minute and an hour: one fetch up to then, and a new one before anything is said."""
    issuer.headers = {"Cache-Control": cache_control} if cache_control else {}
    await keys.find("old")
    hours.pass_by(seconds * REFRESHED_FROM - 1)
    await keys.find("old")
    assert issuer.fetches == 1

    issuer.keys = []
    hours.pass_by(seconds * (1 - REFRESHED_FROM) + 1)
    assert await keys.find("old") is None
    assert issuer.fetches == 2


async def test_a_new_key_is_found_at_once(issuer: Issuer, keys: Jwks, hours: Hours) -> None:
    """An id that is not in the set causes a fetch, and so a key roll costs no refusal."""
    await keys.find("old")
    issuer.keys.append(jwk("new", P256))
    hours.pass_by(UNKNOWN_SECONDS)

    assert await keys.find("new") is not None
    assert await keys.find("old") is not None
    assert issuer.fetches == 2


async def test_a_withdrawn_key_ends_with_its_set(issuer: Issuer, keys: Jwks, hours: Hours) -> None:
    """It serves as long as the set is kept and no longer, also where nobody called meanwhile."""
    await keys.find("old")
    issuer.keys = [jwk("new", P256)]
    hours.pass_by(KEPT_SECONDS - 1)
    assert await keys.find("old") is not None
    hours.pass_by(1)

    assert await keys.find("old") is None
    assert await keys.find("new") is not None


async def test_made_up_ids_are_no_load(issuer: Issuer, keys: Jwks, hours: Hours) -> None:
    """However many there are, they cause one fetch now and then, and are answered with None."""
    await keys.find("old")
    for second in range(30):
        hours.pass_by(1)
        assert [await keys.find(f"made up {second} {at}") for at in range(20)] == [None] * 20

    assert issuer.fetches == 1 + 30 // UNKNOWN_SECONDS
