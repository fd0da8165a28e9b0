"""Tokens over a socket: what a proxy or a careless client might make of them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence
from urllib.parse import urlsplit

from domain.caller import Role
from tests.e2e.graphql.merchant import Answer, Header, Merchant, a_token

BODY = json.dumps({"query": "{ nope }"}).encode()
REFUSED = {"message": "Send a valid bearer token."}


def said(merchant: Merchant, path: str, headers: Sequence[Header]) -> Answer:
    """The answer to a request with exactly these headers, one of them perhaps twice."""
    method, body = ("GET", b"") if path.startswith("/viewer") else ("POST", BODY)
    connection = http.client.HTTPConnection(urlsplit(merchant.settings.public_url).netloc)
    try:
        connection.putrequest(method, path)
        for name, value in headers:
            connection.putheader(name, value)
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, names, answer.read())
    finally:
        connection.close()


def test_a_token_comes_in_one_header_of_a_decent_size(merchant: Merchant) -> None:
    """Two headers, the query string, a cookie, and 100 KB are a 401 with one body, whatever the
    document; the header alone lets in."""
    good = ("Authorization", f"Bearer {merchant.token}")
    huge = ("Authorization", f"Bearer {merchant.token}{'A' * 100_000}")
    query = f"?access_token={merchant.token}&token={merchant.token}"
    for path in ("/graphql", "/viewer"):
        refused = [
            said(merchant, path, []),
            said(merchant, path, [good, good]),
            said(merchant, path, [good, ("authorization", "Bearer x")]),
            said(merchant, path, [huge]),
            said(merchant, path, [("Cookie", f"access_token={merchant.token}")]),
            said(merchant, path + query, []),
        ]
        for answer in refused:
            assert answer.status == 401
            assert answer.headers["www-authenticate"] == 'Bearer realm="tollgate"'
            (error,) = answer.json["errors"]
            assert error["extensions"].pop("requestId") == answer.headers["x-request-id"]
            assert error == REFUSED | {"extensions": {"code": "UNAUTHENTICATED"}}
        assert said(merchant, path, [good]).status == 200


def test_no_argument_reaches_another_tenant(merchant: Merchant, competitor: Merchant) -> None:
    """The token's tenant is the caller's, whatever the header names."""
    token = (
        "Authorization",
        f"Bearer {a_token(merchant.settings, merchant.tenant_id, Role.ADMIN)}",
    )
    other = [("Tollgate-Tenant", competitor.tenant_id), ("Tollgate-Reason", "to look")]
    for path in ("/graphql", "/viewer"):
        answer = said(merchant, path, [token, *other])
        assert (answer.status, answer.codes) == (401, ["UNAUTHENTICATED"])


def test_head_has_no_body(merchant: Merchant) -> None:
    """HEAD is a 405 like every method but GET, and HTTP leaves its body out."""
    connection = http.client.HTTPConnection(urlsplit(merchant.settings.public_url).netloc)
    try:
        connection.request("HEAD", "/viewer", headers={"Authorization": f"Bearer {merchant.token}"})
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("allow"), answer.read()) == (405, "GET", b"")
    finally:
        connection.close()
