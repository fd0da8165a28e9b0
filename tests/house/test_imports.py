"""What each package takes from outside, and that every module can be imported."""

import ast
import importlib
import sys
from collections.abc import Iterator

import pytest

from tests.house.tree import PACKAGES, Source, of_packages

EVERYWHERE = frozenset(sys.stdlib_module_names)
GATEWAYS = "domain/gateways/"
OUTSIDE = {
    "app": {
        *("aiohttp", "alembic", "arq", "asyncpg", "cross_web", "cryptography", "graphql", "jwt"),
        *(
            "limits",
            "prometheus_client",
            "pydantic",
            "structlog",
            "pydantic_core",
            "pydantic_settings",
            "redis",
            "rich",
            "sqlalchemy",
        ),
        *("opentelemetry", "sentry_sdk", "starlette", "strawberry", "typer", "uvicorn", "uvloop"),
    },
    "db": {"alembic", "asyncpg", "cryptography", "sqlalchemy"},
    "domain": set(),
    GATEWAYS: {"aiohttp", "stripe"},
    "resolvers": set(),
    "sandbox": {"aiohttp", "starlette", "uvicorn", "uvloop"},
    "schema": {"babel", "graphql", "strawberry"},
    "webhooks": {"arq", "orjson", "redis", "starlette"},
}
"""The packages of others that each package of ours may import (DESIGN section 1)."""

NOT_IMPORTABLE = ("__main__", "env")
"""Modules that run when imported: entry points, and Alembic's, which needs a migration to run."""


def imported(source: Source) -> Iterator[str]:
    """The top-level packages that a file imports."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def allowed(source: Source) -> set[str]:
    """The packages of others that a file may import."""
    return OUTSIDE[GATEWAYS if source.name.startswith(GATEWAYS) else source.package]


def test_each_package_takes_only_its_own_from_outside() -> None:
    """Beyond the standard library a package imports only what its place in the house calls for."""
    assert [
        f"{source.name}: {name}"
        for source in of_packages()
        for name in imported(source)
        if name not in EVERYWHERE and name not in PACKAGES and name not in allowed(source)
    ] == []


def modules() -> list[str]:
    """The dotted name of every module of ours that can be imported by itself."""
    files = (source for source in of_packages() if source.path.stem not in NOT_IMPORTABLE)
    return [
        source.name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for source in files
    ]


@pytest.mark.parametrize("name", modules())
def test_a_module_can_be_imported(name: str) -> None:
    """Every module stands by itself: none is broken and none is a half of a circle."""
    assert importlib.import_module(name).__name__ == name
