"""From what was raised to an answer in JSON: the one place that knows both."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from app.jwks import KeysUnavailable
from app.refusal import INTERNAL, Refusal
from app.request_id import request_id_of
from domain.errors import Forbidden, Unauthenticated
from domain.ports import DatabaseUnavailable
from schema.codes import RequestErrorCode

_log = logging.getLogger(__name__)

_UNAUTHENTICATED = Refusal(
    401,
    "Send a valid bearer token.",
    RequestErrorCode.UNAUTHENTICATED,
    {"WWW-Authenticate": 'Bearer realm="tollgate"'},
)
_OVERLOADED = Refusal(
    503,
    "The service cannot answer now. Repeat the call.",
    RequestErrorCode.OVERLOADED,
    {"Retry-After": "5"},
)


async def answered(request: Request, answer: Callable[[], Awaitable[Response]]) -> Response:
    """What `answer` gives, or the refusal that stands for what it raised."""
    try:
        return await answer()
    except Refusal as refusal:
        return refusal.response(request.scope)
    except Unauthenticated:
        return _UNAUTHENTICATED.response(request.scope)
    except Forbidden as forbidden:
        refused = Refusal(403, str(forbidden), RequestErrorCode.FORBIDDEN)
        return refused.response(request.scope)
    except (DatabaseUnavailable, KeysUnavailable) as away:
        _log.warning("request %s: %s", request_id_of(request.scope), away)
        return _OVERLOADED.response(request.scope)
    except Exception:  # noqa: BLE001  # the mask: whatever it is, the caller learns only its id
        _log.exception("request %s failed", request_id_of(request.scope))
        return INTERNAL.response(request.scope)
