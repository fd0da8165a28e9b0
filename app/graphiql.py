"""The GraphQL IDE: GraphiQL's files from this very host, nothing from any other.

`scripts/graphiql` lays the files; without them the page says so in words. The page itself knows
nothing of the schema: what it shows is what the token that is typed into it may read.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from app.guard import only_over_post
from app.settings import Settings

ASSETS_PATH = "/graphiql-assets"
FOLDER = Path(__file__).resolve().parent.parent / ".tollgate" / "graphiql"

_HERE = Path(__file__).parent
_EXAMPLES = _HERE / "examples.graphql"
_VARIABLES = {"orderId": "ord_…", "paymentId": "pay_…"}

_NO_EXAMPLES = json.dumps({"document": "", "variables": "{}"})

FILES: Mapping[str, str] = {
    "react_js": "react.production.min.js",
    "react_dom_js": "react-dom.production.min.js",
    "graphiql_js": "graphiql.min.js",
    "graphiql_css": "graphiql.min.css",
    "explorer_js": "index.umd.js",
    "explorer_css": "style.css",
}
"""What the page loads, by the name that its template uses."""


def graphiql_routes(settings: Settings, folder: Path = FOLDER) -> list[BaseRoute]:
    """The page at GET /graphql and its files. In production it comes without examples, whose names
    nobody may learn who has no token."""

    async def page(request: Request) -> Response:
        if "text/html" not in request.headers.get("accept", ""):
            return only_over_post().response(request.scope)
        url = f"{settings.public_url}/graphql"
        return ide_page(folder, url, examples=not settings.is_production)

    assets = StaticFiles(directory=folder, check_dir=False)
    assets.config_checked = True  # a folder that is not there yet holds no file: 404, no fault
    return [Route("/graphql", page, methods=["GET"]), Mount(ASSETS_PATH, assets)]


def ide_page(folder: Path, url: str, *, examples: bool) -> Response:
    """The IDE, or a page that says how to get it."""
    nonce = secrets.token_urlsafe(16)
    found = _find(folder)
    if found is None:
        html = _template("graphiql_missing.html").substitute(url=escape(url))
    else:
        shown = _examples() if examples else _NO_EXAMPLES
        html = _template("graphiql.html").substitute(found, nonce=nonce, examples=shown)
    return HTMLResponse(html, headers=_headers(nonce))


def _find(folder: Path) -> dict[str, str] | None:
    """The address of each file; None unless all are there."""
    addresses = {}
    for name, file_name in FILES.items():
        path = next(iter(sorted(folder.rglob(file_name))), None)
        if path is None:
            return None
        addresses[name] = f"{ASSETS_PATH}/{path.relative_to(folder).as_posix()}"
    return addresses


def _template(name: str) -> Template:
    return Template((_HERE / name).read_text(encoding="utf-8"))


def _examples() -> str:
    """The example operations as JSON that cannot end its script element early."""
    examples = {
        "document": _EXAMPLES.read_text(encoding="utf-8"),
        "variables": json.dumps(_VARIABLES, indent=2, ensure_ascii=False),
    }
    return json.dumps(examples).replace("<", "\\u003c")


def _headers(nonce: str) -> dict[str, str]:
    sources = {
        "default-src": "'self'",
        "script-src": f"'self' 'nonce-{nonce}'",
        "style-src": f"'self' 'nonce-{nonce}'",
        "img-src": "'self' data:",
        "font-src": "'self' data:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    policy = "; ".join(f"{name} {value}" for name, value in sources.items())
    return {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
