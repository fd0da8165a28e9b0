"""Merchants of a site, and what its database and the sandbox say of their payments."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence

from domain.caller import Role
from tests.e2e.graphql.merchant import Answer, Merchant, a_token, eventually, send
from tests.proofs.site import SECRET_OF, Site, rows

UNFINISHED = """
SELECT count(*) FROM webhook_events WHERE status NOT IN ('PROCESSED', 'IGNORED')
"""


def seed(site: Site) -> Mapping[str, str]:
    """The ids of the sample tenants by their names, made by the document's command."""
    printed = site.done("seed").splitlines()
    return {name: tenant_id for tenant_id, name in map(str.split, printed)}


def merchant(site: Site, tenant_id: str) -> Merchant:
    """A tenant's server with an administrator's token."""
    settings = site.settings()
    return Merchant(settings, tenant_id, a_token(settings, tenant_id, Role.ADMIN))


def status(of: Merchant, payment_id: str) -> tuple[str, int]:
    """A payment's status and how much of it was refunded."""
    asked = "query ($id: ID!) { payment(id: $id) { status refundedAmount { amountCents } } }"
    payment = of.query(asked, id=payment_id)["payment"]
    return str(payment["status"]), int(payment["refundedAmount"]["amountCents"])


def all_events_processed(site: Site, count: int) -> None:
    """Waits until the inbox has at least so many events and each is worked off."""

    def look() -> bool:
        total = rows(site.url("superuser"), "SELECT count(*) FROM webhook_events")
        return total[0][0] >= count and rows(site.url("superuser"), UNFINISHED) == [(0,)]  # type: ignore[operator]

    eventually(look, seconds=45)


def register_endpoint(site: Site, *, connect: bool) -> None:
    """Make a webhook endpoint by the document's command and keep its secret where it says."""
    name = "connect_webhook_secret" if connect else "webhook_secret"
    command = site.text("webhook-endpoint").rstrip() + (" -d connect=true" if connect else "")
    done = site.shell(command)
    made = json.loads(done.stdout or "{}")
    assert "secret" in made, f"{done.stdout}{done.stderr}"
    (site.folder / "etc" / "secrets" / name).write_text(made["secret"])


def sandbox(site: Site, method: str, path: str, body: object = None) -> Answer:
    """What the sandbox answers: a control route, or a read with the platform's key."""
    key = ("Authorization", f"Bearer {SECRET_OF['STRIPE_SECRET_KEY']}")
    sent = None if body is None else json.dumps(body).encode()
    return send(site.stripe_url, method, path, sent, [key])


def intents(site: Site, order_ids: Sequence[str]) -> list[str]:
    """The intents at the sandbox of these orders that took money, in no order."""
    listed = sandbox(site, "GET", "/v1/payment_intents?limit=100").json["data"]
    return [
        str(intent["id"])
        for intent in listed
        if intent["metadata"].get("tollgate_order_id") in order_ids and intent["amount_received"]
    ]


def send_again(site: Site, since: int) -> int:
    """Every event since then delivered once more, as Stripe does when it is asked to: the same
    event, signed anew. Returns how many there were."""
    secret = (site.folder / "etc" / "secrets" / "webhook_secret").read_text()
    path = f"/v1/events?limit=100&created%5Bgte%5D={since}"
    events = sandbox(site, "GET", path).json["data"]
    for event in events:
        body = json.dumps(event).encode()
        now = int(time.time())
        mac = hmac.new(secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
        headers = [("Content-Type", "application/json"), ("Stripe-Signature", f"t={now},v1={mac}")]
        answer = send(
            f"http://127.0.0.1:{site.port}", "POST", "/api/webhooks/stripe", body, headers
        )
        assert answer.status == 200, answer
    return len(events)
