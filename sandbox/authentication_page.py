"""The page on which a shopper of the sandbox passes or fails 3-D Secure."""

from html import escape
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from sandbox.errors import invalid
from sandbox.flows import payments
from sandbox.models import PaymentIntent
from sandbox.orders import record_of
from sandbox.wire import Request, Response
from sandbox.world import World

PREFIX = "/_sandbox/authenticate/"
HTML = {"content-type": "text/html; charset=utf-8"}


def handle(world: World, request: Request) -> Response:
    """GET shows the page; POST with outcome=succeed|fail ends 3-D Secure and goes to return_url."""
    intent, book = record_of(world, request.path.removeprefix(PREFIX), PaymentIntent)
    if request.method == "GET":
        return Response(200, _page(intent).encode(), HTML)
    outcome = parse_qs(request.body.decode(errors="replace")).get("outcome", [""])[0]
    if request.method != "POST" or outcome not in ("succeed", "fail"):
        raise invalid("outcome must be one of succeed, fail", "outcome")
    if intent.status == "requires_action":
        payments.authenticate(world, book, intent, succeeded=outcome == "succeed")
    if intent.return_url is None:
        return Response(200, _page(intent).encode(), HTML)
    return Response(303, b"", {"location": _returned(intent)})


def _returned(intent: PaymentIntent) -> str:
    given = {
        "payment_intent": intent.id,
        "payment_intent_client_secret": intent.client_secret,
        "redirect_status": "failed" if intent.last_payment_error else "succeeded",
    }
    parts = urlsplit(intent.return_url or "")
    query = "&".join(part for part in (parts.query, urlencode(given)) if part)
    return urlunsplit(parts._replace(query=query))


def _page(intent: PaymentIntent) -> str:
    form = (
        '<form method="post"><button name="outcome" value="succeed">Complete</button> '
        '<button name="outcome" value="fail">Fail</button></form>'
    )
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>3-D Secure</title>"
        "</head><body><h1>3-D Secure of the sandbox</h1>"
        f"<p>Payment {escape(intent.id)} is {escape(intent.status)}.</p>"
        f"{form if intent.status == 'requires_action' else ''}</body></html>"
    )
