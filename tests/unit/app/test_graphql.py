"""The GraphQL endpoint over HTTP: admission, media types, codes, the mask, the request id."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from app.admission import REMEMBERED_SECONDS
from app.graphql import GraphQLEndpoint
from app.guard import GraphQLGuard
from app.refusal import GRAPHQL_RESPONSE, JSON
from app.request_id import RequestIds
from app.settings import load_settings
from app.tokens import mint_token
from domain.caller import Role
from domain.fees import FeeTier
from domain.ports import DatabaseUnavailable
from domain.tenant import Tenant
from schema.schema import schema
from tests.builders import NOW, TENANT
from tests.unit.app.asgi import Answer, Header, answered
from tests.unit.app.entrance import an_admission, no_budgets, services
from tests.unit.app.test_settings import DEVELOPMENT
from tests.unit.schema.shop import Shelf

KEYS = json.dumps([{"kid": "k", "alg": "HS256", "key": "s" * 32}])
SETTINGS = load_settings(DEVELOPMENT | {"TOLLGATE_JWT_KEYS": KEYS})
MERCHANT = Tenant(
    id=TENANT,
    name="Acme",
    slug="acme",
    fee_tier_id="fee_1",
    default_currency="USD",
    is_active=True,
    created_at=NOW,
)
VIEWER = "{ viewer { id } }"


class Away(Shelf):
    """A shelf that cannot be read."""

    async def tenant(self, tenant_id: str) -> Tenant | None:
        raise DatabaseUnavailable("no connection to 10.0.0.7")

    async def fee_tiers(self, *, include_archived: bool) -> list[FeeTier]:
        raise DatabaseUnavailable("no connection to 10.0.0.7")


class Broken(Shelf):
    """A shelf with a bug."""

    async def fee_tiers(self, *, include_archived: bool) -> list[FeeTier]:
        raise RuntimeError("password=hunter2")


class BrokenDoor(Shelf):
    """A shelf whose tenants fail in a way that nobody thought of."""

    async def tenant(self, tenant_id: str) -> Tenant | None:
        raise RuntimeError("password=hunter2")


def an_app(shelf: Shelf | None = None) -> Starlette:
    """The endpoint behind its guard, over a shop in memory."""
    shelf = shelf or Shelf(merchant=MERCHANT)
    admission = an_admission(SETTINGS, shelf)
    endpoint = GraphQLEndpoint(schema, admission, services(shelf), no_budgets())
    return Starlette(
        routes=[Route("/graphql", GraphQLGuard(endpoint))], middleware=[Middleware(RequestIds)]
    )


def bearer(*roles: Role, tenant: str | None = TENANT) -> Header:
    """The Authorization header of a token with these roles."""
    token = mint_token(SETTINGS, tenant=tenant, roles=roles or [Role.ADMIN])
    return ("Authorization", f"Bearer {token}")


async def post(
    body: object, *headers: Header, app: Starlette | None = None, authorized: bool = True
) -> Answer:
    """The answer to a request with this JSON body."""
    sent = [("Content-Type", "application/json"), *headers]
    if authorized:
        sent.append(bearer())
    return await answered(app or an_app(), json.dumps(body).encode(), headers=sent)


@pytest.mark.parametrize("media_type", [JSON, GRAPHQL_RESPONSE])
async def test_a_good_request_is_a_200(media_type: str) -> None:
    """Data comes back in the media type that was asked for, and is not to be cached."""
    answer = await post({"query": VIEWER}, ("Accept", media_type))

    assert answer.status == 200
    assert answer.json["data"] == {"viewer": {"id": "developer"}}
    assert answer.headers["content-type"] == media_type
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nope }", "GRAPHQL_VALIDATION_FAILED"),
        ("mutation { a: chargePayment b: chargePayment }", "BAD_USER_INPUT"),
        ("query ($a: Cents!) { feeQuote(amountCents: $a, currency: \"USD\") { __typename } }",
         "BAD_USER_INPUT"),
        ("{" + "a" * 3 + " b" * 900 + "}", "QUERY_TOO_COMPLEX"),
    ],
)  # fmt: skip
async def test_what_was_not_executed_has_no_data(query: str, code: str) -> None:
    """A 400 for those who speak the newer media type, a 200 for the others; never `data`."""
    newer = await post({"query": query}, ("Accept", GRAPHQL_RESPONSE))
    older = await post({"query": query}, ("Accept", JSON))

    assert (newer.status, older.status) == (400, 200)
    for answer in (newer, older):
        assert answer.code == code
        assert "data" not in answer.json


async def test_a_fields_error_is_a_200_with_data() -> None:
    """A role that is missing is an error beside data that is null."""
    answer = await post(
        {"query": "{ feeTiers { id } }"},
        ("Accept", GRAPHQL_RESPONSE),
        bearer(Role.VIEWER),
        authorized=False,
    )

    assert (answer.status, answer.code, answer.json["data"]) == (200, "FORBIDDEN", None)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": None},
        {"query": ""},
        {"query": " \n"},
        {"query": 5},
        {"query": VIEWER, "variables": []},
        {"query": VIEWER, "variables": "x"},
        {"query": VIEWER, "operationName": 5},
        {"query": VIEWER, "extensions": []},
        {"query": VIEWER, "operationName": "Nope"},
        {"query": "fragment f on Query { viewer { id } }"},
        {"query": "subscription { viewer { id } }"},
        {"query": "# nothing"},
        {"documentId": "sha256:1"},
    ],
)
async def test_a_malformed_request_is_refused_in_json(body: object) -> None:
    """Members of the wrong type, and documents without the operation, are refused with a code."""
    answer = await post(body, ("Accept", GRAPHQL_RESPONSE))

    assert answer.status == 400
    assert answer.code in {
        *("BAD_USER_INPUT", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"),
        "PERSISTED_DOCUMENT_NOT_FOUND",
    }
    assert "data" not in answer.json


async def test_a_named_operation_is_chosen() -> None:
    """operationName picks one of several; an empty one counts as none."""
    document = "query A { a: viewer { id } } query B { b: viewer { id } }"
    chosen = await post({"query": document, "operationName": "B"})
    unnamed = await post({"query": VIEWER, "operationName": ""})

    assert chosen.json["data"] == {"b": {"id": "developer"}}
    assert unnamed.json["data"] == {"viewer": {"id": "developer"}}


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "")],
        [("Authorization", "Bearer nonsense")],
        [("Authorization", "Basic dTpw")],
        [bearer(), bearer()],
        [bearer(tenant="ten_0000000000000000000000000a")],
    ],
    ids=["none", "empty", "nonsense", "basic", "two", "unknown tenant"],
)
async def test_without_a_good_token_nothing_is_parsed(headers: list[Header]) -> None:
    """One good token of a known tenant, or a 401 whatever the document."""
    answer = await post({"query": "{"}, *headers, authorized=False)

    assert (answer.status, answer.code) == (401, "UNAUTHENTICATED")
    assert answer.headers["www-authenticate"] == 'Bearer realm="tollgate"'


async def test_a_tenant_that_is_switched_off_is_refused() -> None:
    """Its tokens are good, and open nothing."""
    shelf = Shelf(merchant=replace(MERCHANT, is_active=False))
    answer = await post({"query": VIEWER}, app=an_app(shelf))

    assert (answer.status, answer.code) == (401, "UNAUTHENTICATED")


async def test_a_tenants_state_is_remembered_for_seconds() -> None:
    """Many requests ask the database once; a switched-off tenant is out some seconds later."""
    now = 100.0
    shelf = Shelf(merchant=MERCHANT)
    admission = an_admission(SETTINGS, shelf, now=lambda: now)
    endpoint = GraphQLEndpoint(schema, admission, services(shelf), no_budgets())
    app = Starlette(routes=[Route("/graphql", GraphQLGuard(endpoint))])
    for _ in range(5):
        await post({"query": VIEWER}, app=app)
    shelf.merchant = replace(MERCHANT, is_active=False)
    still = await post({"query": VIEWER}, app=app)
    now += REMEMBERED_SECONDS
    then = await post({"query": VIEWER}, app=app)

    assert (still.status, then.status) == (200, 401)
    assert shelf.calls == ["tenant", "tenant"]


async def test_a_database_that_is_away_is_a_503() -> None:
    """Before the document is parsed it is a 503, at a field an error; both may be repeated."""
    at_the_door = await post({"query": VIEWER}, app=an_app(Away()))
    staff = bearer(Role.PLATFORM_ADMIN, tenant=None)
    at_a_field = await post(
        {"query": "{ feeTiers { id } }"}, staff, app=an_app(Away()), authorized=False
    )

    assert (at_the_door.status, at_the_door.code) == (503, "OVERLOADED")
    assert at_the_door.headers["retry-after"] == "5"
    assert (at_a_field.status, at_a_field.code) == (200, "OVERLOADED")
    assert b"10.0.0.7" not in at_the_door.body + at_a_field.body


@pytest.mark.parametrize(
    ("shelf", "status"), [(Broken(merchant=MERCHANT), 200), (BrokenDoor(), 500)]
)
async def test_a_bug_is_masked_and_logged_once_with_the_request_id(
    shelf: Shelf, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller gets the id, the log gets the exception under the same id, once."""
    with caplog.at_level(logging.DEBUG):
        answer = await post(
            {"query": "{ feeTiers { id } }"}, ("X-Request-Id", "abc-1"), app=an_app(shelf)
        )
    error: Any = answer.json["errors"][0]
    records = [record for record in caplog.records if record.exc_info]

    assert (answer.status, answer.code) == (status, "INTERNAL_SERVER_ERROR")
    assert error["extensions"]["requestId"] == "abc-1"
    assert b"hunter2" not in answer.body
    assert len(records) == 1
    assert "abc-1" in records[0].getMessage()
    assert "hunter2" in caplog.text


async def test_a_callers_mistake_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Mistakes of callers fill no log, and so cannot carry a secret into it."""
    with caplog.at_level(logging.DEBUG):
        await post({"query": "{"})
        await post({"query": '{ node(id: "4242424242424242") { id } nope }'})
        await post({"query": VIEWER}, authorized=False)

    assert caplog.records == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [("abc-1", True), ("a" * 64, True), ("a" * 65, False), ("a b", False), ("", False)],
)
async def test_a_sane_request_id_comes_back(given: str, *, kept: bool) -> None:
    """A caller's id is used where it is sane; otherwise one is made. Header and error agree."""
    answer = await post({"query": "{"}, ("X-Request-Id", given))
    made = answer.headers["x-request-id"]

    assert (made == given) is kept
    assert answer.json["errors"][0]["extensions"]["requestId"] == made
    assert len(made) > 0


async def test_every_request_has_an_id_of_its_own() -> None:
    """Ids that are made differ, also where all went well."""
    first, second = await post({"query": VIEWER}), await post({"query": VIEWER})

    assert first.headers["x-request-id"] != second.headers["x-request-id"]
