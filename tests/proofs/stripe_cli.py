"""A stand-in for the two commands of the Stripe CLI that docs/webhooks.md names.

It makes the calls that those commands come down to, at the sandbox. It is not the Stripe CLI: that
the page calls that rightly is known from its documentation (docs.stripe.com/cli) alone.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import os
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

from tests.e2e.graphql.merchant import Answer, send
from tests.proofs.document import ROOT

NOWHERE = "https://127.0.0.1:9/"
"""Where the endpoint points to while nothing is forwarded."""


def install(folder: Path, stripe_url: str) -> None:
    """Puts a program `stripe` into the folder."""
    program = folder / "stripe"
    lines = [
        "#!/bin/bash",
        f"export SANDBOX_URL={stripe_url} CLI_STATE={folder / 'stripe.json'}",
        f'cd {ROOT} && exec {sys.executable} -m tests.proofs.stripe_cli "$@"',
    ]
    program.write_text("\n".join(lines) + "\n")
    program.chmod(0o755)


def main() -> None:
    """Runs one command."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    listen = commands.add_parser("listen")
    listen.add_argument("--print-secret", action="store_true")
    listen.add_argument("--forward-to")
    resend = commands.add_parser("events").add_subparsers(required=True).add_parser("resend")
    resend.add_argument("event")
    resend.add_argument("--webhook-endpoint", required=True)
    for each in (listen, resend):
        each.add_argument("--api-key", required=True)
    given = parser.parse_args()
    if given.command == "listen":
        _listen(given.api_key, given.forward_to)
    else:
        _resend(given.api_key, given.event, given.webhook_endpoint)


def _listen(key: str, forward_to: str | None) -> None:
    """Tells the secret of this machine's endpoint, and has it forwarded to from then on. The real
    one stays in the foreground and forwards by itself."""
    state = Path(os.environ["CLI_STATE"])
    if not state.exists():
        made = _call(key, "POST", "/v1/webhook_endpoints", url=NOWHERE, events=("*",)).json
        state.write_text(json.dumps({"id": made["id"], "secret": made["secret"]}))
    known = json.loads(state.read_text())
    if forward_to is None:
        sys.stdout.write(f"{known['secret']}\n")
    else:
        _call(key, "POST", f"/v1/webhook_endpoints/{known['id']}", url=forward_to)


def _resend(key: str, event_id: str, endpoint_id: str) -> None:
    """The event once more to one endpoint, signed anew. The sandbox tells a secret once, so it is
    taken from where its operator keeps it."""
    endpoint = _call(key, "GET", f"/v1/webhook_endpoints/{endpoint_id}").json
    event = _call(key, "GET", f"/v1/events/{event_id}").json
    body, now = json.dumps(event).encode(), int(time.time())
    secret = os.environ["ENDPOINT_SECRET"]
    mac = hmac.new(secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    base, path = endpoint["url"].split("/api/", 1)
    headers = [("Content-Type", "application/json"), ("Stripe-Signature", f"t={now},v1={mac}")]
    answer = send(base, "POST", f"/api/{path}", body, headers)
    sys.stdout.write(f"{answer.status}\n")


def _call(
    key: str, method: str, path: str, *, url: str = "", events: tuple[str, ...] = ()
) -> Answer:
    form = [("url", url)] * bool(url) + [("enabled_events[]", event) for event in events]
    headers = [
        ("Authorization", f"Bearer {key}"),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ]
    body = urlencode(form).encode() if form else None
    answer = send(os.environ["SANDBOX_URL"], method, path, body, headers)
    assert answer.status == 200, answer
    return answer


if __name__ == "__main__":
    main()
