"""The codes of top-level errors: what went wrong outside the unions of the mutations."""

from __future__ import annotations

from enum import StrEnum


class RequestErrorCode(StrEnum):
    """`extensions.code` of a top-level error. The list is closed."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    RATE_LIMITED = "RATE_LIMITED"
    OVERLOADED = "OVERLOADED"
    QUERY_TOO_COMPLEX = "QUERY_TOO_COMPLEX"
    CARD_DATA_FORBIDDEN = "CARD_DATA_FORBIDDEN"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    PERSISTED_DOCUMENT_NOT_FOUND = "PERSISTED_DOCUMENT_NOT_FOUND"
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"


class BadInput(ValueError):
    """A value that a caller's program should never have sent: BAD_USER_INPUT."""
