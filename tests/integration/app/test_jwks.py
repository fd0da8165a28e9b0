"""The issuer's keys over HTTP: which are taken, how long they are kept, and when they change."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from app.jwks import (
    BYTES_MAX,
    KEPT_SECONDS,
    KEPT_SECONDS_MAX,
    KEPT_SECONDS_MIN,
    REFRESHED_FROM,
    RETRY_SECONDS,
    STALE_SECONDS,
    UNKNOWN_SECONDS,
    Jwks,
    KeysUnavailable,
)
from tests.integration.app.issuer import Issuer, issuing, jwk

RSA = rsa.generate_private_key(65537, 2048)
SMALL = rsa.generate_private_key(65537, 1024)  # noqa: S505 - to be passed over
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
ED = ed25519.Ed25519PrivateKey.generate()


class Hours:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        """So much later."""
        self.now += seconds


@pytest_asyncio.fixture
async def issuer() -> AsyncIterator[Issuer]:
    """An issuer with one key, `old`."""
    async with issuing(jwk("old", ED)) as issuer:
        yield issuer


@pytest.fixture
def hours() -> Hours:
    """The time, as the key set sees it."""
    return Hours()


@pytest_asyncio.fixture
async def keys(issuer: Issuer, hours: Hours) -> AsyncIterator[Jwks]:
    """The issuer's keys, not yet fetched."""
    keys = Jwks(issuer.url, hours)
    yield keys
    await keys.close()


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


async def test_one_fetch_answers_all_who_wait(issuer: Issuer, keys: Jwks) -> None:
    """Two hundred callers of a process that has just started cause one fetch."""
    found = await asyncio.gather(*(keys.find("old") for _ in range(200)))

    assert all(found)
    assert issuer.fetches == 1


async def test_a_caller_that_goes_away_takes_the_fetch_from_nobody(
    issuer: Issuer, keys: Jwks
) -> None:
    """The one that caused the fetch is canceled; the others have their key all the same."""
    issuer.hold = asyncio.Event()
    first = asyncio.create_task(keys.find("old"))
    others = [asyncio.create_task(keys.find("old")) for _ in range(5)]
    await issuer.asked(1)
    first.cancel()
    issuer.hold.set()

    assert all(await asyncio.gather(*others))
    assert issuer.fetches == 1


async def test_nobody_whose_key_is_at_hand_waits(issuer: Issuer, keys: Jwks, hours: Hours) -> None:
    """While a fetch hangs, for a made-up id or behind the backs, known keys are found at once."""
    await keys.find("old")
    issuer.hold = asyncio.Event()
    hours.pass_by(UNKNOWN_SECONDS)
    stranger = asyncio.create_task(keys.find("made up"))
    await issuer.asked(2)
    for _ in range(100):
        assert await asyncio.wait_for(keys.find("old"), 0.1)
    hours.pass_by(KEPT_SECONDS * REFRESHED_FROM)
    for _ in range(100):
        assert await asyncio.wait_for(keys.find("old"), 0.1)

    assert not stranger.done()
    issuer.hold.set()
    assert await stranger is None
    assert issuer.fetches == 2


async def test_a_set_is_renewed_behind_the_callers_backs(
    issuer: Issuer, keys: Jwks, hours: Hours
) -> None:
    """Where callers come steadily none ever waits for it, and a withdrawn key ends even sooner."""
    await keys.find("old")
    issuer.keys = [jwk("new", P256)]
    hours.pass_by(KEPT_SECONDS * REFRESHED_FROM)
    assert await keys.find("old") is not None
    await issuer.asked(2)
    for _ in range(100):
        if await keys.find("old") is None:
            break
        await asyncio.sleep(0.01)

    assert await keys.find("old") is None
    assert await keys.find("new") is not None
    assert issuer.fetches == 2


BAD_ANSWERS: dict[str, dict[str, Any]] = {
    "a server's error": {"status": 500},
    "no content": {"status": 204, "body": b""},
    "a redirect": {"status": 302, "headers": {"Location": "/keys"}},
    "a lasting redirect": {"status": 308, "headers": {"Location": "http://127.0.0.1:1/"}},
    "no JSON": {"body": b"<html>"},
    "no UTF-8": {"body": b"\xff"},
    "nested": {"body": b"[" * 100_000},
    "no object": {"body": b"[]"},
    "no keys": {"body": b"{}"},
    "keys that are no list": {"body": b'{"keys": {}}'},
    "compressed": {
        "body": gzip.compress(json.dumps({"keys": [jwk("old", ED)]}).encode()),
        "headers": {"Content-Encoding": "gzip"},
    },
    "oversize": {"body": json.dumps({"keys": [jwk("old", ED)], "more": "m" * BYTES_MAX}).encode()},
}


@pytest.mark.parametrize("bad", BAD_ANSWERS.values(), ids=BAD_ANSWERS.keys())
async def test_a_bad_answer_is_no_key_set(
    issuer: Issuer, keys: Jwks, hours: Hours, bad: dict[str, Any]
) -> None:
    """It is as if the issuer were away: unavailable without a set, and the old one with it."""
    good = {name: getattr(issuer, name) for name in bad}
    for name, value in bad.items():
        setattr(issuer, name, value)
    with pytest.raises(KeysUnavailable):
        await keys.find("old")
    for name, value in good.items():
        setattr(issuer, name, value)
    hours.pass_by(RETRY_SECONDS)
    assert await keys.find("old") is not None
    for name, value in bad.items():
        setattr(issuer, name, value)
    hours.pass_by(KEPT_SECONDS)
    assert await keys.find("old") is not None
    assert issuer.fetches == 3


async def test_the_old_set_serves_while_the_issuer_is_away(
    issuer: Issuer, keys: Jwks, hours: Hours
) -> None:
    """For an hour; made-up ids are unknown meanwhile; then nobody can be told from anybody, and
    when the issuer is back its keys serve again."""
    await keys.find("old")
    issuer.status = 503
    hours.pass_by(KEPT_SECONDS)
    for _ in range(int(STALE_SECONDS) // 100):
        assert await keys.find("old") is not None
        assert await keys.find("made up") is None
        hours.pass_by(100)
    with pytest.raises(KeysUnavailable):
        await keys.find("old")
    with pytest.raises(KeysUnavailable):
        await keys.find("made up")

    issuer.status = 200
    hours.pass_by(RETRY_SECONDS)
    assert await keys.find("old") is not None


async def test_a_failed_fetch_is_not_repeated_at_once(
    issuer: Issuer, keys: Jwks, hours: Hours
) -> None:
    """An issuer that is down is asked every ten seconds, not with every request."""
    issuer.status = 500
    for _ in range(50):
        with pytest.raises(KeysUnavailable):
            await keys.find("old")
    assert issuer.fetches == 1
    hours.pass_by(RETRY_SECONDS)
    with pytest.raises(KeysUnavailable):
        await keys.find("old")
    assert issuer.fetches == 2


async def test_a_fetch_is_given_up(issuer: Issuer, hours: Hours) -> None:
    """Nobody waits longer than a fetch may take; who comes after that does not wait at all."""
    keys = Jwks(issuer.url, hours, fetch_seconds=0.2)
    await keys.find("old")
    issuer.hold = asyncio.Event()
    hours.pass_by(KEPT_SECONDS)

    assert await asyncio.wait_for(keys.find("old"), 2)
    for _ in range(20):
        hours.pass_by(RETRY_SECONDS)
        assert await asyncio.wait_for(keys.find("old"), 0.1)
    await keys.close()


async def test_nobody_there(hours: Hours) -> None:
    """A refused connection, and a name that nobody has, are the same."""
    for url in ("http://127.0.0.1:1/keys", "http://issuer.invalid/keys"):
        with pytest.raises(KeysUnavailable):
            await Jwks(url, hours).find("old")
