"""The tree that the rules of the house are about."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("app", "db", "domain", "resolvers", "sandbox", "schema", "webhooks")
CODE = (*PACKAGES, "benchmarks", "scripts", "tests")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file, named by its path from the root."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """The path from the root."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def package(self) -> str:
        """The first folder of the path."""
        return self.path.relative_to(ROOT).parts[0]

    def functions(self) -> Iterator[Function]:
        """Every function, methods and inner ones included."""
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))


@cache
def sources() -> tuple[Source, ...]:
    """Every Python file of ours."""
    paths = (path for folder in CODE for path in sorted((ROOT / folder).rglob("*.py")))
    return tuple(_source(path) for path in paths)


def of_packages() -> tuple[Source, ...]:
    """Every Python file of the packages, without tests, scripts and benchmarks."""
    return tuple(source for source in sources() if source.package in PACKAGES)


def _source(path: Path) -> Source:
    text = path.read_text()
    return Source(path, text, ast.parse(text))
