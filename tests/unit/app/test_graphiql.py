"""The IDE's page: from this host alone, and in words where its files are missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from graphql import parse, validate
from starlette.applications import Starlette

from app.graphiql import FILES, graphiql_routes
from schema.schema import schema
from tests.unit.app.asgi import Answer, answered

EXAMPLES = Path(__file__).parents[3] / "app" / "examples.graphql"


async def page(folder: Path, path: str = "/graphql") -> Answer:
    """What a browser gets."""
    app = Starlette(routes=graphiql_routes("https://api.example", folder))
    return await answered(app, method="GET", path=path, headers=[("Host", "evil.example")])


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


def test_the_examples_are_valid() -> None:
    """Every example operation passes the schema's validation."""
    assert validate(schema._schema, parse(EXAMPLES.read_text(encoding="utf-8"))) == []
