"""docs/api.md says what the code does: its documents, its codes, its rules."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from graphql import build_schema, parse, validate

from domain.caller import Role
from domain.errors import ErrorCode
from schema.codes import RequestErrorCode
from schema.schema import print_sdl
from tests.conftest import ROOT

API = (ROOT / "docs" / "api.md").read_text()
DOCUMENTS = re.findall(r"```graphql\n(.*?)```", API, re.DOTALL)
BASH_DOCUMENTS = re.findall(r'"query": "(.*?)",\n', API)


def named_in_tables() -> set[str]:
    """Every name in the first column of a table."""
    return {
        name.strip()
        for row in re.findall(r"^\| ([A-Z][A-Z_0-9, ]+) \|", API, re.MULTILINE)
        for name in row.split(",")
    }


def raised() -> Iterator[str]:
    """Detail codes and rules as the code writes them."""
    for folder in ("domain", "resolvers", "schema"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call):
                    yield from codes_of(node)


def codes_of(call: ast.Call) -> Iterator[str]:
    """The code in a call that makes an error or an issue."""
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    if name in {"Issue", "invalid", "_issue", "UnsupportedAmount", "check_amount"}:
        found = [argument for argument in call.args if isinstance(argument, ast.Constant)]
        yield from (
            str(argument.value)
            for argument in found
            if re.fullmatch(r"[A-Z]+_[A-Z_]+", str(argument.value))
        )
    if name in {"InvalidState", "in_progress"}:
        for keyword in call.keywords:
            if keyword.arg == "detail_code" and isinstance(keyword.value, ast.Constant):
                yield str(keyword.value.value)


@pytest.mark.parametrize("document", [*DOCUMENTS, *BASH_DOCUMENTS])
def test_its_documents_are_valid(document: str) -> None:
    """A reader may copy each of them."""
    assert validate(build_schema(print_sdl()), parse(document)) == []


def test_it_has_documents() -> None:
    """The test above has something to look at."""
    assert len(DOCUMENTS) >= 4
    assert len(BASH_DOCUMENTS) == 3


def test_it_names_every_code_and_role() -> None:
    """The closed lists are complete."""
    wanted = {*map(str, ErrorCode), *map(str, RequestErrorCode), *map(str, Role)}

    assert wanted <= named_in_tables()


def test_it_names_every_rule() -> None:
    """What a caller can meet is explained; CARD_DATA_FORBIDDEN and the like stand there too."""
    found = set(raised())

    assert len(found) > 20
    assert found <= named_in_tables()
