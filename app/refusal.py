"""Answers that are no results: always JSON, always with a code.

The two media types are those of GraphQL over HTTP (graphql.github.io/graphql-over-http).
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from app.request_id import request_id_of
from schema.codes import RequestErrorCode

JSON = "application/json"
GRAPHQL_RESPONSE = "application/graphql-response+json"


class Refusal(Exception):
    """The request is answered with this status and one error, and not executed."""

    def __init__(
        self,
        status: int,
        message: str,
        code: RequestErrorCode = RequestErrorCode.BAD_USER_INPUT,
        headers: Mapping[str, str] | None = None,
        *,
        told: Mapping[str, object] | None = None,
        extensions: Mapping[str, object] | None = None,
    ) -> None:
        """`told` goes into the error's extensions, `extensions` into the answer's."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = dict(headers or {})
        self.told = dict(told or {})
        self.extensions = dict(extensions or {})

    def response(self, scope: Scope) -> Response:
        """The answer to the request of this scope."""
        told = {"code": self.code.value, "requestId": request_id_of(scope)} | self.told
        body: dict[str, object] = {"errors": [{"message": self.message, "extensions": told}]}
        if self.extensions:
            body["extensions"] = self.extensions
        return JSONResponse(
            body,
            status_code=self.status,
            media_type=accepted_media_type(scope) or JSON,
            headers={"Cache-Control": "no-store"} | self.headers,
        )


INTERNAL = Refusal(500, "Something went wrong on our side.", RequestErrorCode.INTERNAL_SERVER_ERROR)
"""The answer to what nobody expected: the caller learns only its id."""

_UNSERVED: Mapping[int, str] = {
    HTTPStatus.NOT_FOUND: "Nothing is served at this address.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not take that method.",
}


async def answer_unserved(request: Request, error: Exception) -> Response:
    """The answer where no route takes the request: 404 or 405, in JSON like every other."""
    if not isinstance(error, HTTPException):
        raise TypeError("only what the router itself raises is answered here") from error
    message = _UNSERVED.get(error.status_code, HTTPStatus(error.status_code).phrase)
    refusal = Refusal(error.status_code, message, headers=error.headers)
    return refusal.response(request.scope)


def accepted_media_type(scope: Scope) -> str | None:
    """The media type that the caller takes, None when it takes neither.

    The newer one is for callers that name it: those that do not may take a status other than 200
    for a failure of the transport.
    """
    accept = Headers(scope=scope).get("accept")
    if not accept:
        return JSON
    weights = dict(_weighed(part) for part in accept.split(","))
    named = weights.get(GRAPHQL_RESPONSE, 0.0)
    ranges = (JSON, "application/*", "*/*")
    plain = next((weights[name] for name in ranges if name in weights), 0.0)
    if named > 0 and named >= plain:
        return GRAPHQL_RESPONSE
    return JSON if plain > 0 else None


def _weighed(part: str) -> tuple[str, float]:
    """A media range and its weight, 0 to 1 (RFC 9110, section 12.4.2)."""
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    weight = next((text[2:] for text in parameters if text.startswith("q=")), "1")
    try:
        return name, float(weight)
    except ValueError:
        return name, 0.0
