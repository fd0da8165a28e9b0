"""The schema, put together."""

from __future__ import annotations

from pathlib import Path

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from schema.acting import ActingIsAudited
from schema.card_data import CardDataGuard
from schema.charging import CostIsCharged
from schema.documents import DocumentsAreKept, KeptDocuments
from schema.errors import HANDLERS
from schema.fees import FeeOverride
from schema.limits import DocumentLimits
from schema.mutation import Mutation
from schema.naming import OperationIsNamed
from schema.permitting import AnswerIsPermitted
from schema.query import Query
from schema.scalars import SCALARS
from schema.types import Refund

SDL_PATH = Path(__file__).with_name("schema.graphql")
"""The printed schema, checked in: the contract that clients build on."""

COERCION_ERRORS_MAX = 5
"""Where the reading of the variables stops."""

kept_documents = KeptDocuments()
"""Those of this process."""


class Schema(strawberry.Schema):
    """Strawberry's schema without its own log of errors: `schema.presentation` decides what is
    the caller's mistake and what is ours, and ours are logged where the request id is known."""

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Nothing."""

    def _get_custom_context_kwargs(
        self, operation_extensions: dict[str, object] | None = None, *, sync: bool = False
    ) -> dict[str, object]:
        """What the library tells the executor, and that wrong variables are not worth guesses."""
        told = super()._get_custom_context_kwargs(operation_extensions, sync=sync)
        return told | {"hide_suggestions": True, "max_coercion_errors": COERCION_ERRORS_MAX}


def _documents_are_kept() -> DocumentsAreKept:
    return DocumentsAreKept(kept_documents)


schema = Schema(
    query=Query,
    mutation=Mutation,
    types=[Refund, FeeOverride],
    config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True),
    extensions=[
        DocumentLimits,
        CardDataGuard,
        _documents_are_kept,
        AnswerIsPermitted,
        CostIsCharged,
        ActingIsAudited,
        OperationIsNamed,
    ],
    exception_handlers=HANDLERS,
)


def print_sdl() -> str:
    """The schema in GraphQL's schema definition language."""
    return schema.as_str() + "\n"
