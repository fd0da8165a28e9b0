"""An API with budgets, trusted documents and a closed schema, as a real process."""

from __future__ import annotations

import base64
import json
import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.asgi import create_app
from app.embedded.child import start_child
from app.settings import Settings, SettingsError, load_settings
from app.stack import Stack
from app.stack_http import is_healthy
from app.trusted_documents import id_of
from domain.caller import Role
from tests.e2e.graphql.conftest import new_merchant
from tests.e2e.graphql.merchant import Answer, Merchant, a_token, eventually, send

WHO = "query Who { viewer { id } }"
SCHEMA = "{ __schema { queryType { name } } }"
CLIENT_LIMIT = 60


@pytest.fixture(scope="module")
def guarded(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A second API beside the stack's, with the stack's servers and settings of its own."""
    folder = tmp_path_factory.mktemp("guarded")
    manifest = folder / "documents.json"
    manifest.write_text(json.dumps({id_of(WHO): WHO}))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        fd = listener.fileno()
        environ = stack.environment | {
            "PYTHONUNBUFFERED": "1",
            "TOLLGATE_PUBLIC_URL": f"http://127.0.0.1:{listener.getsockname()[1]}",
            "TOLLGATE_INTROSPECTION": "roles",
            "TOLLGATE_TRUSTED_DOCUMENTS": "only",
            "TOLLGATE_DOCUMENT_MANIFEST": str(manifest),
            "TOLLGATE_RATE_CLIENT": str(CLIENT_LIMIT),
            "TOLLGATE_RATE_TENANT": "1000",
            "TOLLGATE_RATE_FAILURES": "200",
        }
        child = start_child(
            "the guarded API",
            [sys.executable, "-m", "app", "serve", "--fd", str(fd)],
            environment=environ,
            log=folder / "api.log",
            pass_fds=(fd,),
        )
    settings = load_settings(environ)
    try:
        eventually(lambda: is_healthy(f"{settings.public_url}/livez"), seconds=30)
        yield settings
    finally:
        child.stop()


@pytest.fixture
def shop(guarded: Settings) -> Merchant:
    """A merchant's front-end, which may not write documents of its own."""
    merchant = new_merchant(guarded)
    return replace(merchant, token=a_token(guarded, merchant.tenant_id, Role.OPERATOR))


def send_id(merchant: Merchant, document_id: str) -> Answer:
    """The answer to a document sent by its id."""
    bearer = ("Authorization", f"Bearer {merchant.token}")
    body = json.dumps({"documentId": document_id}).encode()
    return merchant.post(body, [("Content-Type", "application/json"), bearer])


def test_a_front_end_sends_ids(shop: Merchant) -> None:
    """Its documents run by their id, no other does, and an administrator may still write one."""
    admin = a_token(shop.settings, shop.tenant_id, Role.ADMIN)

    unknown = send_id(shop, id_of("{ x }"))

    assert send_id(shop, id_of(WHO)).json["data"] == {"viewer": {"id": "server"}}
    assert (unknown.status, unknown.codes) == (400, ["PERSISTED_DOCUMENT_NOT_FOUND"])
    refused = shop.ask(WHO)
    assert (refused.status, refused.codes) == (403, ["FORBIDDEN"])
    assert shop.ask(SCHEMA).codes == ["FORBIDDEN"]
    assert shop.ask(SCHEMA, token=admin).json["data"] == {
        "__schema": {"queryType": {"name": "Query"}}
    }


def test_an_anonymous_caller_learns_nothing(shop: Merchant) -> None:
    """Good, wrong and unparsable documents and ids are the same 401, whatever they ask."""
    asked = [
        {"query": "{"},
        {"query": "{ nope }"},
        {"query": WHO},
        {"query": SCHEMA},
        {"documentId": id_of(WHO)},
        {"documentId": "x"},
        {"nothing": 1},
    ]
    answers = [
        shop.post(
            json.dumps(at).encode(), [("Content-Type", "application/json"), ("X-Request-Id", "r")]
        )
        for at in asked
    ]

    assert {at.status for at in answers} == {401}
    assert len({at.body for at in answers}) == 1


def test_a_burst_is_refused_and_a_neighbour_is_not(shop: Merchant, guarded: Settings) -> None:
    """One client's burst ends in 429 with Retry-After; another tenant's requests all pass."""
    neighbour = new_merchant(guarded)
    burst = [send_id(shop, id_of(WHO)) for _ in range(4 * CLIENT_LIMIT)]
    calm = [send_id(neighbour, id_of(WHO)).status for _ in range(10)]
    refused = [at for at in burst if at.status != 200]

    assert [at.status for at in burst[:CLIENT_LIMIT]] == [200] * CLIENT_LIMIT
    assert len(refused) >= CLIENT_LIMIT // 2
    assert calm == [200] * 10
    for answer in refused:
        assert (answer.status, answer.codes) == (429, ["RATE_LIMITED"])
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json["extensions"]["cost"]["limit"] == CLIENT_LIMIT


def test_webhooks_have_no_budget(guarded: Settings) -> None:
    """What Stripe sends is refused for its signature and for nothing else, however often."""
    path, headers = "/api/webhooks/stripe", [("Content-Type", "application/json")]
    statuses = {send(guarded.public_url, "POST", path, b"{}", headers).status for _ in range(300)}

    assert statuses == {400}


def test_no_web_socket_opens(guarded: Settings) -> None:
    """A handshake for subscriptions is refused."""
    address = urlsplit(guarded.public_url)
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        "GET /graphql HTTP/1.1",
        f"Host: {address.netloc}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: graphql-transport-ws",
        f"Sec-WebSocket-Key: {key}",
    ]
    with socket.create_connection((address.hostname or "", address.port or 80), timeout=10) as wire:
        wire.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        status = wire.recv(4096).split(b" ")[1]

    assert status in {b"403", b"404", b"405"}


def test_a_wrong_manifest_stops_the_start(stack: Stack, tmp_path: Path) -> None:
    """The application is not made, and the variable is named."""
    path = tmp_path / "documents.json"
    path.write_text(json.dumps({"sha256:0": WHO}))
    given = {"TOLLGATE_TRUSTED_DOCUMENTS": "prefer", "TOLLGATE_DOCUMENT_MANIFEST": str(path)}
    settings = load_settings(stack.environment | given)

    with pytest.raises(SettingsError, match="TOLLGATE_DOCUMENT_MANIFEST: sha256:0"):
        create_app(settings)
