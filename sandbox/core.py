"""The sandbox itself: requests in, answers out, and what becomes due in between.

Plain synchronous Python without sockets or sleeping. A simulator drives it with a VirtualClock:
``handle`` a request, ask ``next_due``, move the clock, ``run_due``, ``take_deliveries`` and tell
what became of each with ``finish_delivery``. The server does the same with the machine's clock.
"""

import random

from sandbox import deliveries
from sandbox.authentication import book_of
from sandbox.control import Control
from sandbox.errors import ApiError
from sandbox.exchange import Exchange
from sandbox.faults import Faults
from sandbox.params import load_schema
from sandbox.router import Router
from sandbox.settings import SandboxSettings
from sandbox.wire import API_VERSION, Request, Response
from sandbox.world import BY_ITSELF, Cause, Delivery, World


class Sandbox:
    """A stand-in for Stripe's API."""

    def __init__(self, settings: SandboxSettings | None = None) -> None:
        self.settings = settings or SandboxSettings()
        self.world = World(self.settings)
        self.faults = Faults(random.Random(self.settings.seed))
        self._control = Control(self.world, self.faults)
        self._router = Router()
        self._schema = load_schema()

    def handle(self, request: Request) -> Response:
        """Answers one request, of the API or of the control routes."""
        self.run_due()
        if request.path.startswith("/_sandbox"):
            return self._control.handle(request)
        request_id = self.world.new_id("req_", 14)
        self.world.cause = Cause(
            request_id,
            request.headers.get("idempotency-key") if request.method == "POST" else None,
            f"http://{request.headers.get('host', '127.0.0.1')}",
        )
        try:
            response = self._call(request, request_id)
        except ApiError as error:
            response = error.response(None, request_id)
        finally:
            self.world.cause = BY_ITSELF
        return _labelled(response, request, request_id)

    def run_due(self) -> None:
        """Carries out what is due by now: balance transactions, expiries, refunds."""
        self.world.run_due()

    def next_due(self) -> float | None:
        """When the next effect or delivery is due, in seconds since the epoch, or None."""
        return self.world.next_due()

    def take_deliveries(self) -> list[Delivery]:
        """The webhook deliveries to be sent now; each must be given to ``finish_delivery``."""
        return deliveries.take_due(self.world, self.faults)

    def webhook_request(self, delivery: Delivery) -> Request:
        """A delivery as the HTTP request to be sent, signed with the endpoint's secret.

        The signature carries the time of the clock without the hours that a control route has
        added, so that a receiver with a right clock takes it.
        """
        payload = deliveries.body(delivery)
        secret = delivery.endpoint.secret
        timestamp = int(self.settings.clock.now())
        headers = {
            "content-type": "application/json; charset=utf-8",
            "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks) sandbox",
            "stripe-signature": deliveries.signature(secret, payload, timestamp),
        }
        return Request("POST", delivery.endpoint.url, "", headers, payload)

    def finish_delivery(self, delivery: Delivery, status: int | str) -> None:
        """Tells the HTTP status of a delivery, or in words why there is none."""
        deliveries.finish(self.world, delivery, status)

    def _call(self, request: Request, request_id: str) -> Response:
        book = book_of(self.world, request)
        fault = self.faults.strike_call(request.method, request.path, book.account.id)
        return Exchange(
            self.world, book, request, request_id, fault, self._router, self._schema
        ).carry_out()


def _labelled(response: Response, request: Request, request_id: str) -> Response:
    headers = {"request-id": request_id, "stripe-version": API_VERSION}
    for name in ("idempotency-key", "stripe-account"):
        if name in request.headers:
            headers[name] = request.headers[name]
    if "idempotency-key" in headers and request.method == "POST":
        headers["original-request"] = request_id
    headers.update(response.headers)
    return Response(
        response.status, response.body, headers, response.delay_seconds, response.dropped
    )
