"""The IDE's page: from this host alone, and in words where its files are missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from graphql import parse, validate
from starlette.applications import Starlette

from app.graphiql import FILES, graphiql_routes
from app.settings import Settings, load_settings
from schema.schema import schema
from tests.unit.app.asgi import Answer, answered
from tests.unit.app.test_settings import DEVELOPMENT, PRODUCTION

PUBLIC = {"TOLLGATE_PUBLIC_URL": "https://api.example"}
SETTINGS = load_settings(DEVELOPMENT | PUBLIC)
EXAMPLES = Path(__file__).parents[3] / "app" / "examples.graphql"


async def page(
    folder: Path,
    path: str = "/graphql",
    *,
    settings: Settings = SETTINGS,
    accept: str = "text/html,*/*;q=0.8",
) -> Answer:
    """What a browser gets."""
    app = Starlette(routes=graphiql_routes(settings, folder))
    headers = [("Host", "evil.example"), ("Accept", accept)]
    return await answered(app, method="GET", path=path, headers=headers)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with the IDE's files, laid out by package."""
    for name in FILES.values():
        at = tmp_path / f"{name}@1" / "dist" / name
        at.parent.mkdir(parents=True)
        at.write_text(f"/* {name} */")
    return tmp_path


async def test_the_page_loads_its_files_from_its_own_host(files: Path) -> None:
    """Every address in the page is below /graphiql-assets, and every one is served."""
    answer = await page(files)
    addresses = re.findall(r'(?:src|href)="([^"]+)"', answer.body.decode())
    loaded = [address for address in addresses if address != "data:,"]

    assert answer.status == 200
    assert len(loaded) == len(FILES)
    for address in loaded:
        assert address.startswith("/graphiql-assets/")
        assert (await page(files, address)).status == 200
    assert b"://" not in answer.body


async def test_the_policy_lets_nothing_else_in(files: Path) -> None:
    """Scripts and styles are this host's, or carry the nonce of this very answer."""
    first, second = await page(files), await page(files)
    policy = first.headers["content-security-policy"]
    nonce = re.search(r"'nonce-([^']+)'", policy)

    assert nonce is not None
    assert "default-src 'self';" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert first.body.decode().count(f'nonce="{nonce[1]}"') == 2
    assert nonce[1] not in second.body.decode()


async def test_a_file_outside_the_folder_is_not_served(files: Path) -> None:
    """The asset route does not climb."""
    (files.parent / "secret").write_text("x")

    assert (await page(files, "/graphiql-assets/../secret")).status == 404


async def test_a_missing_file_is_said_in_words(files: Path) -> None:
    """Without one of its files the page tells how to get them, and how to do without."""
    (files / "graphiql.min.js@1" / "dist" / "graphiql.min.js").unlink()
    answer = await page(files)

    assert answer.status == 200
    assert b"scripts/graphiql" in answer.body
    assert b"curl https://api.example/graphql" in answer.body
    assert b"evil" not in answer.body


async def test_no_folder_is_said_in_words(tmp_path: Path) -> None:
    """A checkout that never fetched the files has the page in words."""
    assert b"scripts/graphiql" in (await page(tmp_path / "nowhere")).body


async def test_the_page_tells_no_names_in_production(files: Path) -> None:
    """Whoever has no token learns nothing of the schema from the page, which has no examples."""
    names = {b"chargePayment", b"createOrder", b"totalAmount"}
    shown = (await page(files)).body
    bare = (await page(files, settings=load_settings(PRODUCTION))).body

    assert {name for name in names if name in shown}
    assert not {name for name in names if name in bare}


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json", "*/*"])
async def test_the_page_is_for_browsers(files: Path, accept: str) -> None:
    """A client that sends a query over GET gets the refusal in JSON, not a page."""
    answer = await page(files, accept=accept)

    assert (answer.status, answer.code) == (405, "BAD_USER_INPUT")


def test_the_examples_are_valid() -> None:
    """Every example operation passes the schema's validation."""
    assert validate(schema._schema, parse(EXAMPLES.read_text(encoding="utf-8"))) == []
