"""HTTP clients of the stripe library that keep every answer for the schema checks.

They subclass the library's own clients and add nothing to what is sent: the library's documented
extension point (`http_client=`), so that the raw bytes can be judged, not the parsed objects.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import stripe

from tests.e2e.sandbox import openapi


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request of the library and its answer, as they went over the wire."""

    method: str
    path: str
    sent: Mapping[str, str]
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The answer's body; raises ValueError when it is no JSON."""
        return json.loads(self.body)


@dataclass(slots=True)
class Recorder:
    """Every exchange of one test, and how many answers are garbled on purpose."""

    exchanges: list[Exchange] = field(default_factory=list)
    unreadable_expected: int = 0

    def record(
        self,
        request: tuple[str, str, Mapping[str, str]],
        answer: tuple[bytes, int, Mapping[str, str]],
    ) -> None:
        """Keep one exchange: (method, url, headers) and (body, status, headers)."""
        method, url, sent = request
        body, status, headers = answer
        lowered = {name.lower(): value for name, value in headers.items()}
        exchange = Exchange(method, urlsplit(url).path, dict(sent), status, lowered, body)
        self.exchanges.append(exchange)

    def last(self) -> Exchange:
        """The newest exchange."""
        return self.exchanges[-1]

    def connected_accounts(self) -> list[str]:
        """Ids of the accounts that this test created."""
        created = [e for e in self.exchanges if e.path == "/v1/accounts" and e.status == 200]
        return [exchange.json()["id"] for exchange in created]

    def faults(self) -> list[str]:
        """What is wrong with the recorded answers, schemas included where they are at hand."""
        readable = [exchange for exchange in self.exchanges if _is_json(exchange)]
        unreadable = len(self.exchanges) - len(readable)
        found = [fault for exchange in readable for fault in _faults(exchange)]
        if unreadable != self.unreadable_expected:
            found.append(f"{unreadable} unreadable answers, expected {self.unreadable_expected}")
        return found


def _is_json(exchange: Exchange) -> bool:
    try:
        exchange.json()
    except ValueError:
        return False
    return True


def _faults(exchange: Exchange) -> list[str]:
    found = [f"{exchange.method} {exchange.path}: {fault}" for fault in _header_faults(exchange)]
    if openapi.absence() is None:
        found += openapi.faults(exchange.method, exchange.path, exchange.status, exchange.json())
    return found


def _header_faults(exchange: Exchange) -> list[str]:
    expected = {"stripe-version": stripe.api_version, "content-type": "application/json"}
    for header in ("Idempotency-Key", "Stripe-Account"):
        if header in exchange.sent and exchange.status < 400:
            expected[header.lower()] = exchange.sent[header]
    found = [
        f"header {name} is {exchange.headers.get(name)!r}, not {value!r}"
        for name, value in expected.items()
        if exchange.headers.get(name) != value
    ]
    if not exchange.headers.get("request-id", "").startswith("req_"):
        found.append("no Request-Id")
    return found


class RecordingRequestsClient(stripe.RequestsClient):
    """The library's synchronous client, its answers kept."""

    def __init__(self, recorder: Recorder, **options: Any) -> None:
        super().__init__(**options)
        self._recorder = recorder

    def request(  # type: ignore[override]  # as the library's own override narrows it
        self, method: str, url: str, headers: Any, post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send, keep, hand back unchanged."""
        answer = super().request(method, url, headers, post_data)
        self._recorder.record((method, url, headers), answer)
        return answer


class RecordingAIOHTTPClient(stripe.AIOHTTPClient):
    """The library's asynchronous client over aiohttp, its answers kept."""

    def __init__(self, recorder: Recorder, **options: Any) -> None:
        super().__init__(**options)
        self._recorder = recorder

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send, keep, hand back unchanged."""
        answer = await super().request_async(method, url, headers, post_data)
        self._recorder.record((method, url, headers), answer)
        return answer
