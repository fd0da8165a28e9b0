"""The schema, put together."""

from __future__ import annotations

from pathlib import Path

import strawberry
from graphql import GraphQLError
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from schema.acting import ActingIsAudited
from schema.card_data import CardDataGuard
from schema.errors import HANDLERS
from schema.fees import FeeOverride
from schema.limits import DocumentLimits
from schema.mutation import Mutation
from schema.query import Query
from schema.scalars import SCALARS
from schema.types import Refund

SDL_PATH = Path(__file__).with_name("schema.graphql")
"""The printed schema, checked in: the contract that clients build on."""

DOCUMENTS_KEPT = 128
"""Parsed and validated documents kept; a client sends the same few again and again."""


class Schema(strawberry.Schema):
    """Strawberry's schema without its own log of errors: `schema.presentation` decides what is
    the caller's mistake and what is ours, and ours are logged where the request id is known."""

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Nothing."""


def _parser_cache() -> ParserCache:
    return ParserCache(maxsize=DOCUMENTS_KEPT)


def _validation_cache() -> ValidationCache:
    return ValidationCache(maxsize=DOCUMENTS_KEPT)


schema = Schema(
    query=Query,
    mutation=Mutation,
    types=[Refund, FeeOverride],
    config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True),
    extensions=[DocumentLimits, CardDataGuard, _parser_cache, _validation_cache, ActingIsAudited],
    exception_handlers=HANDLERS,
)


def print_sdl() -> str:
    """The schema in GraphQL's schema definition language."""
    return schema.as_str() + "\n"
