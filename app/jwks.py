"""The issuer's public keys: a JSON Web Key Set (RFC 7517), fetched, kept for a while, fetched anew.

Only public keys that can check a signature of ours are taken: RSA for RS256, P-256 for ES256,
Ed25519 for EdDSA. A shared secret, a private key and a weak key in the set are passed over.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextvars import Context
from dataclasses import dataclass, field
from datetime import datetime

import aiohttp
import jwt
from cryptography.exceptions import UnsupportedAlgorithm

from app.keys import JwtAlgorithm, fits

FETCH_SECONDS = 3.0
"""How long a fetch may take, and so how long a caller may wait for one."""

BYTES_MAX = 256 * 1024
KEPT_SECONDS = 600.0
"""How long a set is good without asking again, unless its Cache-Control says otherwise."""

KEPT_SECONDS_MIN, KEPT_SECONDS_MAX = 60.0, 3600.0
STALE_SECONDS = 3600.0
"""How much longer a set serves while the issuer cannot be reached: no longer than tokens live, so
that a withdrawn key does not."""

RETRY_SECONDS = 10.0
"""How long after a failed fetch the next one waits."""

UNKNOWN_SECONDS = 10.0
"""How old a set must be for an unknown key id to cause a fetch: made-up ids must not become a load,
nor keep a new key out for long."""

REFRESHED_FROM = 0.75
"""From which part of its time on a set is fetched anew while it still serves."""

_ALGORITHMS: Mapping[object, JwtAlgorithm] = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}
_PRIVATE = frozenset({"d", "k", "p", "q", "dp", "dq", "qi", "oth"})
_HEADERS = {
    "Accept": "application/jwk-set+json, application/json",
    "Accept-Encoding": "identity",
}
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age=(\d{1,9})(?:$|[,\s])")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A key ready to check signatures by its one algorithm; from `until` on it checks none."""

    algorithm: JwtAlgorithm
    prepared: object = field(repr=False)
    until: datetime | None = None


class KeysUnavailable(Exception):
    """Raised when the issuer's keys cannot be had and none are kept that are fresh enough."""


class _FetchFailed(Exception):
    """The issuer did not answer with a key set."""


@dataclass(slots=True)
class _Fetched:
    keys: Mapping[str, VerifyingKey]
    at: float
    kept_seconds: float


class Jwks:
    """The key set behind a URL. One fetch at a time serves all who wait for it.

    Nobody whose key is in a set that is in date waits for a fetch, however it hangs: from
    REFRESHED_FROM on the set is fetched anew behind the callers' backs. Where nobody called in that
    time, whoever comes next waits for one fetch, so that a withdrawn key does not outlive the set.
    When the fetch fails the old set serves, for STALE_SECONDS at most, and again nobody waits.
    """

    def __init__(
        self,
        url: str,
        now: Callable[[], float] = time.monotonic,
        *,
        fetch_seconds: float = FETCH_SECONDS,
    ) -> None:
        self._url = url
        self._now = now
        self._fetch_seconds = fetch_seconds
        self._set: _Fetched | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._is_away = False
        self._retry_at = -math.inf

    async def find(self, kid: str) -> VerifyingKey | None:
        """The key with this id, None when the issuer has none. Raises KeysUnavailable."""
        serves = self._set is not None and self._age() < self._set.kept_seconds + STALE_SECONDS
        if not serves or (not self._is_away and self._age() >= self._kept_seconds()):
            await self._refreshed()
        elif self._age() >= self._kept_seconds() * REFRESHED_FROM:
            self._refresh()
        key = self._keys().get(kid)
        # Whoever comes while a fetch is under way waits for its result.
        if key is None and (self._fetching or self._age() >= UNKNOWN_SECONDS):
            await self._refreshed()
            key = self._keys().get(kid)
        return key

    def _keys(self) -> Mapping[str, VerifyingKey]:
        if self._set is None or self._age() >= self._set.kept_seconds + STALE_SECONDS:
            raise KeysUnavailable("the issuer's keys cannot be fetched")
        return self._set.keys

    def _age(self) -> float:
        return self._now() - self._set.at if self._set else math.inf

    def _kept_seconds(self) -> float:
        return self._set.kept_seconds if self._set else 0.0

    async def _refreshed(self) -> None:
        """Waits for the fetch that is under way, or for a new one."""
        if (fetching := self._refresh()) is not None:
            # Shielded: one caller that goes away takes the fetch from nobody.
            await asyncio.shield(fetching)

    def _refresh(self) -> asyncio.Task[None] | None:
        """The fetch that is under way, None where one has just failed."""
        if self._fetching is None and self._now() >= self._retry_at:
            self._fetching = asyncio.create_task(
                self._replace(), name="the issuer's keys", context=Context()
            )
        return self._fetching

    async def _replace(self) -> None:
        try:
            self._set = await self._fetch()
            self._is_away = False
        except _FetchFailed as failure:
            _log.warning("the issuer's keys could not be fetched: %s", failure)
            self._is_away = True
            self._retry_at = self._now() + RETRY_SECONDS
        finally:
            self._fetching = None

    async def _fetch(self) -> _Fetched:
        asked_at = self._now()
        timeout = aiohttp.ClientTimeout(total=self._fetch_seconds)
        try:
            async with (
                # Uncompressed: the cap is on what is read, and a small body may become a huge one.
                aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session,
                session.get(self._url, allow_redirects=False, headers=_HEADERS) as answer,
            ):
                if answer.status != 200:
                    raise _FetchFailed(f"status {answer.status}")
                body = await _read_capped(answer)
                kept_seconds = _kept(answer.headers.get("Cache-Control", ""))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _FetchFailed(type(error).__name__) from error
        return _Fetched(_read_key_set(body), asked_at, kept_seconds)


async def _read_capped(answer: aiohttp.ClientResponse) -> bytes:
    body = b""
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > BYTES_MAX:
            raise _FetchFailed("the key set is too large")
    return body


def _kept(cache_control: str) -> float:
    found = _MAX_AGE.search(cache_control.lower())
    seconds = float(found[1]) if found else KEPT_SECONDS
    return min(max(seconds, KEPT_SECONDS_MIN), KEPT_SECONDS_MAX)


def _read_key_set(body: bytes) -> Mapping[str, VerifyingKey]:
    """The keys of a set that can be used, by their ids. An id that comes twice names none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise _FetchFailed("not JSON") from None
    entries = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(entries, list):
        raise _FetchFailed("not a key set")
    read = [(entry["kid"], key) for entry in entries if (key := _read_key(entry)) is not None]
    if len(read) < len(entries):
        _log.warning("%d of the issuer's keys cannot be used", len(entries) - len(read))
    times = Counter(kid for kid, _ in read)
    return {kid: key for kid, key in read if times[kid] == 1}


def _read_key(entry: object) -> VerifyingKey | None:
    if not isinstance(entry, dict) or _PRIVATE & entry.keys():
        return None
    kid, algorithm = entry.get("kid"), _ALGORITHMS.get(str(entry.get("kty")))
    if algorithm is None or not (isinstance(kid, str) and kid):
        return None
    if not _is_for_signatures(entry) or entry.get("alg", algorithm) != algorithm:
        return None
    try:
        key = jwt.get_algorithm_by_name(algorithm).from_jwk(entry)
    except (jwt.PyJWTError, UnsupportedAlgorithm, ValueError, TypeError, KeyError):
        return None
    return VerifyingKey(algorithm, key) if fits(algorithm, key) else None


def _is_for_signatures(entry: Mapping[str, object]) -> bool:
    operations = entry.get("key_ops", ["verify"])
    return (
        entry.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations
    )
