"""GET /viewer: who the caller is, as its token says. For plumbing: proxies, monitors, scanners."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app.admission import Admission
from app.answering import answered
from domain.caller import Role
from resolvers.context import ActingUseCases


def viewer_routes(admission: Admission, acting: ActingUseCases) -> list[BaseRoute]:
    """The route, behind the same admission as the GraphQL endpoint."""

    async def viewer(request: Request) -> Response:
        return await answered(request, lambda: _viewer(admission, acting, request))

    return [Route("/viewer", viewer, methods=["GET"])]


async def _viewer(admission: Admission, acting: ActingUseCases, request: Request) -> Response:
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
