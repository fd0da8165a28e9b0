"""A caller of the sandbox's core: no sockets, no sleeping, a clock that is moved by hand."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from sandbox.core import Sandbox
from sandbox.settings import SandboxSettings, VirtualClock
from sandbox.wire import Request, Response

KEY = "sk_test_unit0001"
CONFIRMED: Mapping[str, str] = {
    "amount": "2000",
    "currency": "usd",
    "payment_method": "pm_card_visa",
    "confirm": "true",
    "automatic_payment_methods[enabled]": "true",
    "automatic_payment_methods[allow_redirects]": "never",
}


class Caller:
    """A platform with a key, on a sandbox of its own."""

    def __init__(self, key: str = KEY, sandbox: Sandbox | None = None) -> None:
        self.clock = VirtualClock()
        self.sandbox = sandbox or Sandbox(SandboxSettings(clock=self.clock, seed=7))
        self.key = key

    def send(
        self, method: str, path: str, form: Mapping[str, str] | None = None, **headers: str
    ) -> Response:
        """One call; header names with underscores for dashes."""
        text = urlencode(form or {})
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent.setdefault("authorization", f"Bearer {self.key}")
        if method == "POST":
            return self.sandbox.handle(Request(method, path, "", sent, text.encode()))
        return self.sandbox.handle(Request(method, path, text, sent))

    def get(self, path: str, form: Mapping[str, str] | None = None, **headers: str) -> Any:
        """The JSON of a GET that succeeds."""
        return _body(self.send("GET", f"/v1/{path}", form, **headers), 200)

    def post(self, path: str, form: Mapping[str, str] | None = None, **headers: str) -> Any:
        """The JSON of a POST that succeeds."""
        return _body(self.send("POST", f"/v1/{path}", form, **headers), 200)

    def refusal(
        self, path: str, form: Mapping[str, str] | None = None, status: int = 400, **headers: str
    ) -> Any:
        """The error of a POST that is refused."""
        return _body(self.send("POST", f"/v1/{path}", form, **headers), status)["error"]

    def paid(self, card: str = "pm_card_visa", **more: str) -> Any:
        """An intent that is created and confirmed, captured at once."""
        form = {**CONFIRMED, "payment_method": card, "capture_method": "automatic", **more}
        return self.post("payment_intents", form)

    def order(self, path: str, /, **body: object) -> Any:
        """The answer to a control order that is carried out."""
        return _body(self.control("POST", path, **body), 200)

    def look(self, path: str) -> Any:
        """What a control route shows."""
        return _body(self.control("GET", path), 200)

    def control(self, method: str, path: str, /, **body: object) -> Response:
        """A control order, carried out or not."""
        text = json.dumps(body).encode()
        return self.sandbox.handle(Request(method, f"/_sandbox/{path}", "", {}, text))

    def types(self) -> list[str]:
        """The types of all events, oldest first."""
        listed = self.get("events", {"limit": "100"})["data"]
        return [event["type"] for event in reversed(listed)]


def _body(response: Response, status: int) -> Any:
    assert response.status == status, response.body
    return json.loads(response.body)
