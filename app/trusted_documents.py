"""Trusted documents: those that a front-end was built with, named by the hash of their text.

After appendix A of GraphQL over HTTP (graphql.github.io/graphql-over-http). A client's build writes
them into a manifest, a JSON object of id and document; here it is read, checked and validated once,
at start.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from graphql import DocumentNode, GraphQLError

from app.introspection import is_builder
from app.refusal import Refusal
from app.settings import Settings, SettingsError
from domain.caller import Caller
from schema.codes import RequestErrorCode
from schema.documents import read_document
from schema.schema import kept_documents, schema

Mode = Literal["off", "prefer", "only"]

PREFIX = "sha256:"
MANIFEST = "TOLLGATE_DOCUMENT_MANIFEST"

_NOT_FOUND = (400, "No document has this id.", RequestErrorCode.PERSISTED_DOCUMENT_NOT_FOUND)
_ONLY = (403, "Send the documentId of a trusted document.", RequestErrorCode.FORBIDDEN)


class ManifestFault(Exception):
    """The manifest cannot be used; says why, by document."""


@dataclass(frozen=True, slots=True)
class TrustedDocuments:
    """`off` knows none, `prefer` takes them and any other document, `only` takes others from those
    who build against the API alone."""

    mode: Mode = "off"
    documents: Mapping[str, str] = field(default_factory=dict)

    def read(self, body: Mapping[str, object], caller: Caller) -> str:
        """The document that the request's body holds or names. Raises Refusal."""
        query, document_id = body.get("query"), body.get("documentId")
        if query is not None and document_id is not None:
            raise Refusal(400, "Send query or documentId, not both.")
        if document_id is not None:
            return self._find(document_id)
        if not isinstance(query, str) or not query.strip():
            raise Refusal(400, "query is the document, a string.")
        if self.mode == "only" and not is_builder(caller):
            raise Refusal(*_ONLY)
        return query

    def _find(self, document_id: object) -> str:
        if not isinstance(document_id, str):
            raise Refusal(400, "documentId is a string.")
        document = self.documents.get(document_id)
        if document is None:
            raise Refusal(*_NOT_FOUND)
        return document


def load_documents(settings: Settings) -> TrustedDocuments:
    """The documents of the settings, kept parsed for good. Raises SettingsError."""
    mode, path = settings.trusted_documents, settings.document_manifest
    if mode == "off":
        return TrustedDocuments()
    if path is None:
        raise SettingsError({MANIFEST: f"missing: trusted documents are {mode}"})
    try:
        documents = read_manifest(path)
        kept_documents.pin(validate_documents(documents))
    except ManifestFault as fault:
        raise SettingsError({MANIFEST: str(fault)}) from None
    return TrustedDocuments(mode, documents)


def read_manifest(path: Path) -> dict[str, str]:
    """The documents by their full id. Raises ManifestFault for a file that cannot be read and for a
    document whose hash is not its id; a bare hash counts as one with the prefix."""
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ManifestFault(f"the file {path} cannot be read as JSON: {error}") from None
    if not isinstance(manifest, dict) or not manifest:
        raise ManifestFault(f"the file {path} is no object of ids and documents")
    documents = {}
    for name, text in manifest.items():
        document_id = name if name.startswith(PREFIX) else f"{PREFIX}{name}"
        if not isinstance(text, str) or document_id != id_of(text):
            raise ManifestFault(f"{name}: the document does not have this SHA-256")
        documents[document_id] = text
    return documents


def validate_documents(documents: Mapping[str, str]) -> dict[str, DocumentNode]:
    """The parsed documents by their text. Raises ManifestFault for the first that is not valid."""
    parsed = {}
    for name, text in documents.items():
        try:
            parsed[text] = read_document(schema._schema, text)
        except GraphQLError as error:
            raise ManifestFault(f"{name}: {error.message}") from None
    return parsed


def id_of(document: str) -> str:
    """The id of a document."""
    return PREFIX + hashlib.sha256(document.encode()).hexdigest()
