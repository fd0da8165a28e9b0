"""GET /viewer: who the caller is, as its token says. For plumbing: proxies, monitors, scanners."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from app.admission import Door
from app.answering import answered
from app.refusal import Refusal
from domain.caller import Role
from resolvers.context import ActingUseCases


def viewer_routes(admission: Door, acting: ActingUseCases) -> list[BaseRoute]:
    """The route, behind the same admission as the GraphQL endpoint."""
    return [Route("/viewer", ViewerEndpoint(admission, acting))]


class ViewerEndpoint:
    """Answers GET, and any other method with a 405 in JSON, as the GraphQL endpoint does."""

    def __init__(self, admission: Door, acting: ActingUseCases) -> None:
        self._admission = admission
        self._acting = acting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await answered(request, lambda: self._answer(request))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method != "GET":
            raise Refusal(405, "The viewer is read with GET.", headers={"Allow": "GET"})
        return await _viewer(self._admission, self._acting, request)


async def _viewer(admission: Door, acting: ActingUseCases, request: Request) -> Response:
    caller = await admission.admit(request)
    if caller.reason is not None and caller.tenant_id is not None:
        await acting.record(
            caller.actor, caller.tenant_id, reason=caller.reason, operation="GET /viewer"
        )
    return JSONResponse(
        {
            "subject": caller.subject,
            "tenant": caller.tenant_id,
            "roles": [role.value for role in Role if role in caller.roles],
            "expiresAt": caller.expires_at.isoformat(),
        },
        headers={"Cache-Control": "no-store"},
    )
