"""Fetching the issuer's keys: who waits for it, and what happens when it fails."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from app.jwks import (
    BYTES_MAX,
    KEPT_SECONDS,
    REFRESHED_FROM,
    RETRY_SECONDS,
    STALE_SECONDS,
    UNKNOWN_SECONDS,
    Jwks,
    KeysUnavailable,
)
from tests.integration.app.issuer import OLD, Hours, Issuer, jwk

ED = OLD
P256 = ec.generate_private_key(ec.SECP256R1())


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


async def test_nobody_there(hours: Hours) -> None:
    """A refused connection, and a name that nobody has, are the same."""
    for url in ("http://127.0.0.1:1/keys", "http://issuer.invalid/keys"):
        with pytest.raises(KeysUnavailable):
            await Jwks(url, hours).find("old")
