"""Trusted documents: read at start, asked for by id, and the only ones where that is said."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from typer.testing import CliRunner

from app.asgi import create_app
from app.budgets import Budgets, Rates
from app.cli import cli
from app.graphql import GraphQLEndpoint
from app.guard import GraphQLGuard
from app.policy import Policy
from app.refusal import GRAPHQL_RESPONSE
from app.settings import SettingsError, load_settings
from app.trusted_documents import MANIFEST, TrustedDocuments, id_of, load_documents
from app.windows import LocalWindows
from domain.caller import Role
from schema.schema import kept_documents, schema
from tests.unit.app.asgi import Answer, answered
from tests.unit.app.entrance import an_admission, services
from tests.unit.app.test_graphql import MERCHANT, SETTINGS, VIEWER, bearer
from tests.unit.app.test_settings import DEVELOPMENT
from tests.unit.schema.shop import Shelf

OPERATIONS = Path(__file__).parents[3] / "app" / "demonstration" / "operations"
NAMED = "query Who { viewer { id } }"
LONG = "{" + " ".join(f"a{at}: viewer {{ id }}" for at in range(40)) + "}"
TWO = "query A { a: viewer { id } } query B { b: viewer { id } }"


@pytest.fixture(autouse=True)
def _nothing_stays_pinned() -> Iterator[None]:
    yield
    kept_documents.pin({})


def manifest(folder: Path, documents: object) -> dict[str, str]:
    """The settings of a manifest of exactly this content."""
    path = folder / "documents.json"
    path.write_text(documents if isinstance(documents, str) else json.dumps(documents))
    return DEVELOPMENT | {"TOLLGATE_TRUSTED_DOCUMENTS": "prefer", MANIFEST: str(path)}


def load(folder: Path, mode: str, *documents: str) -> TrustedDocuments:
    """These documents, as they are read at start."""
    environ = manifest(folder, {id_of(text): text for text in documents})
    return load_documents(load_settings(environ | {"TOLLGATE_TRUSTED_DOCUMENTS": mode}))


async def post(
    trusted: TrustedDocuments, body: object, role: Role = Role.OPERATOR, accept: str = ""
) -> Answer:
    """The answer of an endpoint with these documents."""
    shelf = Shelf(merchant=MERCHANT)
    policy = Policy(Budgets(Rates(), LocalWindows()), trusted)
    endpoint = GraphQLEndpoint(schema, an_admission(SETTINGS, shelf), services(shelf), policy)
    app = Starlette(routes=[Route("/graphql", GraphQLGuard(endpoint))])
    headers = [("Content-Type", "application/json"), bearer(role), ("Accept", accept)]
    return await answered(app, json.dumps(body).encode(), headers=headers)


@pytest.mark.parametrize("mode", ["prefer", "only"])
async def test_a_document_is_run_by_its_id(tmp_path: Path, mode: str) -> None:
    """Its id is enough; operationName chooses, and variables are read as ever."""
    quote = "query ($n: Int!) { payments(first: $n) { totalCount } }"
    trusted = load(tmp_path, mode, NAMED, TWO, quote)
    named = await post(trusted, {"documentId": id_of(NAMED)})
    chosen = await post(trusted, {"documentId": id_of(TWO), "operationName": "B"})
    counted = await post(trusted, {"documentId": id_of(quote), "variables": {"n": 3}})
    wrong = await post(trusted, {"documentId": id_of(quote), "variables": {}})

    assert named.json["data"] == {"viewer": {"id": "developer"}}
    assert chosen.json["data"] == {"b": {"id": "developer"}}
    assert counted.json["data"] == {"payments": {"totalCount": 0}}
    assert wrong.code == "BAD_USER_INPUT"


def test_an_id_is_the_documents_hash() -> None:
    """SHA-256 of the text in UTF-8, in hexadecimal digits (GraphQL over HTTP, appendix A)."""
    assert id_of("{ é }") == "sha256:" + hashlib.sha256("{ é }".encode()).hexdigest()


@pytest.mark.parametrize("mode", ["off", "prefer", "only"])
async def test_an_unknown_id_is_not_found(tmp_path: Path, mode: str) -> None:
    """With a code of its own, so that a client may send the whole document where it may."""
    trusted = load(tmp_path, mode, NAMED)
    unknown = ["sha256:0", id_of(VIEWER), id_of(NAMED).removeprefix("sha256:"), "", "x-mine"]
    unknown += [id_of(NAMED)] if mode == "off" else []
    for document_id in unknown:
        answer = await post(trusted, {"documentId": document_id}, accept=GRAPHQL_RESPONSE)

        assert (answer.status, answer.code) == (400, "PERSISTED_DOCUMENT_NOT_FOUND")
        assert answer.headers["content-type"] == GRAPHQL_RESPONSE


@pytest.mark.parametrize(
    "body",
    [
        {"query": NAMED, "documentId": id_of(NAMED)},
        {"query": "", "documentId": id_of(NAMED)},
        {"documentId": 5},
        {"documentId": [id_of(NAMED)]},
        {"documentId": None},
    ],
)
async def test_a_request_names_one_document(tmp_path: Path, body: object) -> None:
    """Not two, and none of the wrong type."""
    answer = await post(load(tmp_path, "prefer", NAMED), body)

    assert (answer.status, answer.code) == (400, "BAD_USER_INPUT")


@pytest.mark.parametrize(
    ("mode", "role", "status"),
    [
        ("off", Role.OPERATOR, 200),
        ("prefer", Role.OPERATOR, 200),
        ("only", Role.VIEWER, 403),
        ("only", Role.OPERATOR, 403),
        ("only", Role.FINANCE, 403),
        ("only", Role.DEVELOPER, 200),
        ("only", Role.ADMIN, 200),
    ],
)
async def test_only_is_for_all_who_do_not_build(
    tmp_path: Path, mode: str, role: Role, status: int
) -> None:
    """With `only`, a document of one's own is FORBIDDEN but for those who build against the API;
    even the text of a trusted document is not taken for one."""
    trusted = load(tmp_path, mode, NAMED)
    for query in (VIEWER, NAMED):
        answer = await post(trusted, {"query": query}, role)

        assert answer.status == status
        if status == 403:
            assert answer.code == "FORBIDDEN"


async def test_trusted_documents_are_parsed_once(tmp_path: Path) -> None:
    """They are there from the start, and no flood of other documents drives them out."""
    trusted = load(tmp_path, "prefer", NAMED)
    document = kept_documents.find(NAMED)
    for at in range(150):
        await post(trusted, {"query": f"{{ a{at}: viewer {{ id }} }}"})

    assert document is not None
    assert kept_documents.find(NAMED) is document
    assert len(kept_documents) <= 128


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("{", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ([], "no object"),
        ({}, "no object"),
        ({"sha256:0": NAMED}, "does not have this SHA-256"),
        ({id_of(NAMED): NAMED + " "}, "does not have this SHA-256"),
        ({id_of(NAMED).upper(): NAMED}, "does not have this SHA-256"),
        ({id_of(NAMED): 5}, "does not have this SHA-256"),
        ({id_of("{ nope }"): "{ nope }"}, "Cannot query field 'nope'"),
        ({id_of("{"): "{"}, "Syntax Error"),
        ({id_of(LONG): LONG}, "aliases"),
    ],
)
def test_a_wrong_manifest_is_a_fault_of_the_settings(
    tmp_path: Path, content: object, fault: str
) -> None:
    """The API does not start with a document that it could not run."""
    settings = load_settings(manifest(tmp_path, content))
    with pytest.raises(SettingsError) as caught:
        create_app(settings)

    assert list(caught.value.faults) == [MANIFEST]
    assert fault in caught.value.faults[MANIFEST]


def test_a_missing_manifest_is_a_fault(tmp_path: Path) -> None:
    """Neither an unnamed nor an absent file will do where documents are asked for."""
    wanted = DEVELOPMENT | {"TOLLGATE_TRUSTED_DOCUMENTS": "only"}
    for environ in (wanted, wanted | {MANIFEST: str(tmp_path / "nowhere.json")}):
        with pytest.raises(SettingsError) as caught:
            load_documents(load_settings(environ))

        assert list(caught.value.faults) == [MANIFEST]


def test_a_bare_hash_is_an_id(tmp_path: Path) -> None:
    """What a client's build writes without the prefix is taken as well."""
    bare = id_of(NAMED).removeprefix("sha256:")
    trusted = load_documents(load_settings(manifest(tmp_path, {bare: NAMED})))

    assert trusted.documents == {id_of(NAMED): NAMED}


def test_a_manifest_is_written_from_files(tmp_path: Path) -> None:
    """`tollgate schema documents` prints what the API reads, and names a file that is not valid."""
    written = CliRunner().invoke(cli, ["schema", "documents", str(OPERATIONS)])
    environ = manifest(tmp_path, written.stdout)
    (tmp_path / "wrong.graphql").write_text("{ nope }")
    refused = CliRunner().invoke(cli, ["schema", "documents", str(tmp_path)])
    empty = CliRunner().invoke(cli, ["schema", "documents", str(Path(__file__).parent)])

    assert written.exit_code == 0
    fragment = (OPERATIONS / "payment_figures.graphql").read_text().strip()
    files = [path.read_text().strip() for path in sorted(OPERATIONS.glob("*.graphql"))]
    documents = list(load_documents(load_settings(environ)).documents.values())
    assert documents == [
        f"{text}\n\n{fragment}" if "...PaymentFigures" in text else text
        for text in files
        if text != fragment
    ]
    assert (refused.exit_code, empty.exit_code) == (2, 2)
    assert "wrong.graphql: Cannot query field 'nope'" in refused.stderr
    assert "no .graphql file" in empty.stderr
