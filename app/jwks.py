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
from dataclasses import dataclass, field
from datetime import datetime

import aiohttp
import jwt

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

UNKNOWN_SECONDS = 60.0
"""How often an unknown key id may cause a fetch: made-up ids must not become a load."""

_ALGORITHMS: Mapping[object, JwtAlgorithm] = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}
_PRIVATE = frozenset({"d", "k", "p", "q", "dp", "dq", "qi", "oth"})
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
    """The key set behind a URL. One fetch at a time serves all who wait for it."""

    def __init__(self, url: str, now: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._now = now
        self._lock = asyncio.Lock()
        self._set: _Fetched | None = None
        self._fetches = 0
        self._retry_at = -math.inf
        self._ask_at = -math.inf

    async def find(self, kid: str) -> VerifyingKey | None:
        """The key with this id, None when the issuer has none. Raises KeysUnavailable."""
        if self._age() >= self._kept_seconds():
            await self._refresh()
            return self._keys().get(kid)
        key = self._keys().get(kid)
        if key is None and self._may_ask_for_unknown():
            await self._refresh()
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

    def _may_ask_for_unknown(self) -> bool:
        """Once a minute; and whoever comes while a fetch is under way waits for its result."""
        if self._lock.locked():
            return True
        if self._now() < self._ask_at:
            return False
        self._ask_at = self._now() + UNKNOWN_SECONDS
        return True

    async def _refresh(self) -> None:
        fetches = self._fetches
        async with self._lock:
            if self._fetches != fetches or self._now() < self._retry_at:
                return  # another one's fetch answers this one too
            self._fetches += 1
            try:
                self._set = await self._fetch()
            except _FetchFailed as failure:
                _log.warning("the issuer's keys could not be fetched: %s", failure)
                self._retry_at = self._now() + RETRY_SECONDS

    async def _fetch(self) -> _Fetched:
        timeout = aiohttp.ClientTimeout(total=FETCH_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(self._url, allow_redirects=False) as answer,
            ):
                if answer.status != 200:
                    raise _FetchFailed(f"status {answer.status}")
                body = await _read_capped(answer)
                kept_seconds = _kept(answer.headers.get("Cache-Control", ""))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _FetchFailed(type(error).__name__) from error
        return _Fetched(read_key_set(body), self._now(), kept_seconds)


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


def read_key_set(body: bytes) -> Mapping[str, VerifyingKey]:
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
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return VerifyingKey(algorithm, key) if fits(algorithm, key) else None


def _is_for_signatures(entry: Mapping[str, object]) -> bool:
    operations = entry.get("key_ops", ["verify"])
    return (
        entry.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations
    )
