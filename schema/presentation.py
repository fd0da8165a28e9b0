"""Top-level errors as a client sees them, and the mask over everything unexpected."""

from __future__ import annotations

import re
from dataclasses import dataclass

from graphql import GraphQLError, GraphQLSyntaxError
from strawberry.types.execution import ExecutionResult, PreExecutionError

from domain.card_numbers import without_card_numbers
from domain.errors import Forbidden, ValidationFailed
from domain.ports import DatabaseUnavailable
from schema.codes import BadInput, RequestErrorCode

_ECHO = re.compile(r"(; | )[Ff]ound: .*|Did you mean .*| Field '\w+' of type 'Maybe.*", re.DOTALL)
"""How the library repeats a caller's value, which may be a secret, guesses at names, and speaks of
Python's types."""

_GATEWAY_SECRET = re.compile(r"\b((?:sk|rk)_(?:test|live)|whsec)_\w+")
"""A key or webhook secret that a caller put where it does not belong, such as an enum's place."""

_MESSAGE_LENGTH_MAX = 300

JsonValue = str | int | bool | None | list["JsonValue"] | dict[str, "JsonValue"]


@dataclass(frozen=True, slots=True)
class Shown:
    """An error for the client, and the exception behind it if it was not expected."""

    code: RequestErrorCode
    body: dict[str, JsonValue]
    unexpected: BaseException | None


def is_request_error(result: ExecutionResult) -> bool:
    """Whether nothing was executed, so that the answer has no `data` (GraphQL specification,
    section 7.1): the document or its variables were refused."""
    if isinstance(result, PreExecutionError):
        return True
    return result.data is None and all(error.path is None for error in result.errors or ())


def show(error: GraphQLError, *, validated: bool, request_id: str) -> Shown:
    """The error for the client. `validated`: the document had passed validation."""
    code, message = _classify(error, validated=validated)
    extensions: dict[str, JsonValue] = {"code": code.value, "requestId": request_id}
    cause = root_cause(error)
    if isinstance(cause, ValidationFailed):
        extensions["detailCode"] = cause.detail_code
    body: dict[str, JsonValue] = {"message": message, "extensions": extensions}
    if error.locations:
        body["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    if error.path:
        body["path"] = list(error.path)
    masked = code is RequestErrorCode.INTERNAL_SERVER_ERROR
    return Shown(code, body, (cause or error) if masked else None)


def _classify(error: GraphQLError, *, validated: bool) -> tuple[RequestErrorCode, str]:
    message = _GATEWAY_SECRET.sub(r"\1_[redacted]", _ECHO.sub("", error.message))
    message = without_card_numbers(message)[:_MESSAGE_LENGTH_MAX].strip()
    own = (error.extensions or {}).get("code")
    if isinstance(own, RequestErrorCode):
        return own, message
    if isinstance(error, GraphQLSyntaxError):
        return _syntax_code(message), message
    cause = root_cause(error)
    if isinstance(cause, Forbidden):
        return RequestErrorCode.FORBIDDEN, message
    if isinstance(cause, BadInput | ValidationFailed):
        return RequestErrorCode.BAD_USER_INPUT, message
    if isinstance(cause, DatabaseUnavailable):
        return RequestErrorCode.OVERLOADED, "The service cannot answer now. Repeat the call."
    if cause is None and not validated:
        return RequestErrorCode.GRAPHQL_VALIDATION_FAILED, message
    if cause is None and (error.path is None or message.startswith("Argument '")):
        return RequestErrorCode.BAD_USER_INPUT, message
    return RequestErrorCode.INTERNAL_SERVER_ERROR, "Something went wrong on our side."


def _syntax_code(message: str) -> RequestErrorCode:
    if "tokens" in message or "nested too deeply" in message:
        return RequestErrorCode.QUERY_TOO_COMPLEX
    return RequestErrorCode.GRAPHQL_PARSE_FAILED


def root_cause(error: GraphQLError) -> BaseException | None:
    """What was raised beneath the library's own errors; None where they are all there is."""
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause
