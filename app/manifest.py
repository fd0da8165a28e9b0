"""The manifest of a folder of `.graphql` files, for front-ends whose build writes none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    Visitor,
    parse,
    visit,
)

from app.trusted_documents import ManifestFault, id_of, validate_documents
from schema.limits import TOKENS_MAX

Fragments = Mapping[str, FragmentDefinitionNode]


def write_manifest(folder: Path) -> str:
    """The manifest of the files in a folder and below. A file with operations is one document, with
    the fragments of other files that it spreads. Raises ManifestFault."""
    files = {path: _read(path) for path in sorted(folder.rglob("*.graphql"))}
    fragments = {
        definition.name.value: definition
        for document in files.values()
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    documents = {}
    for path, document in files.items():
        if any(isinstance(at, OperationDefinitionNode) for at in document.definitions):
            text = "\n\n".join(_texts(document, fragments))
            validate_documents({str(path): text})
            documents[id_of(text)] = text
    if not documents:
        raise ManifestFault(f"{folder} has no .graphql file with an operation")
    return json.dumps(documents, indent=2, ensure_ascii=False)


def _read(path: Path) -> DocumentNode:
    try:
        return parse(path.read_text(encoding="utf-8"), max_tokens=TOKENS_MAX)
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestFault(f"{path} cannot be read: {error}") from None
    except GraphQLError as error:
        raise ManifestFault(f"{path}: {error.message}") from None


def _texts(document: DocumentNode, fragments: Fragments) -> list[str]:
    """The text of the document, and of each fragment that it needs and has not."""
    own = {
        definition.name.value
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    texts, waiting = [_text(document)], _spread_in(document)
    while waiting:
        name = waiting.pop(0)
        if name in fragments and name not in own:
            own.add(name)
            texts.append(_text(fragments[name]))
            waiting += _spread_in(fragments[name])
    return texts


def _text(node: DocumentNode | FragmentDefinitionNode) -> str:
    """A node as it was written."""
    if node.loc is None:
        raise TypeError("the document was parsed without its places")
    return node.loc.source.body[node.loc.start : node.loc.end].strip()


def _spread_in(node: DocumentNode | FragmentDefinitionNode) -> list[str]:
    spreads = _Spreads()
    visit(node, spreads)
    return spreads.names


class _Spreads(Visitor):
    """Notes the names of the fragments that are spread."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: object) -> None:
        """Notes one."""
        self.names.append(node.name.value)
