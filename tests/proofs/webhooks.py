"""docs/webhooks.md carried out on a production site: endpoints, signatures, rotation, replay, walk.

python -m tests.proofs.webhooks
"""

from __future__ import annotations

import asyncio
import json

from tests.conftest import execute
from tests.e2e.graphql.merchant import Json, Merchant, eventually
from tests.proofs import stripe_cli
from tests.proofs.shop import (
    all_events_processed,
    merchant,
    register_endpoint,
    sandbox,
    seed,
    send_again,
    status,
)
from tests.proofs.site import Site, rows
from tests.proofs.steps import Steps

TENANT_KEY = "sk_test_ownaccountofatenant"
CONFIGURE = """
mutation ($input: ConfigurePaymentGatewayInput!) {
    configurePaymentGateway(input: $input) {
        __typename
        ... on Error { code detailCode message }
        ... on PaymentGateway { id webhookUrl webhookSecretHint }
    }
}
"""
OF_GATEWAY = """
SELECT count(*) FROM webhook_events WHERE gateway_id = $1 AND status = 'PROCESSED'
"""
STATUS = "SELECT status FROM webhook_events WHERE event_id = $1"
LATEST = """
SELECT id, event_id FROM webhook_events
WHERE event_type = 'charge.updated' AND status = 'PROCESSED' AND account IS NULL
    AND gateway_id IN (SELECT id FROM tenant_payment_gateways WHERE tenant_id IS NULL)
ORDER BY id DESC LIMIT 1
"""


def main() -> None:
    """Every step, in the order of the page."""
    steps = Steps(8)
    with Site() as site:
        steps.step("a site as docs/deployment.md sets it up")
        tenants = set_up(site)
        steps.step("a tenant's own account")
        check_own_account(site, merchant(site, tenants["Globex"]), steps)
        steps.step("an event signed by hand")
        check_by_hand(site, steps)
        steps.step("a new secret beside the old one")
        shop = merchant(site, tenants["Acme"])
        check_roll(site, shop, steps)
        steps.step("events forwarded to a developer's machine")
        check_listen(site, steps)
        steps.step("the inbox looked at, and a dead event replayed")
        check_replay(site, steps)
        steps.step("the walk over the gateway's list, and an event sent again")
        check_walk(site, steps)
        steps.step("health")
        health = json.loads(site.done("health"))
        assert health["status"] == "healthy", health
        assert health["webhooks"] == {"stripe": "active", "paypal": "not_implemented"}
        steps.found(json.dumps(health))
    steps.end()


def set_up(site: Site) -> dict[str, str]:
    """PostgreSQL, Valkey, the sandbox, API and worker; the sample tenants' ids by name."""
    site.start_postgres("first")
    site.drop_first_database()
    site.write_roles()
    site.done("roles")
    site.done("migrate")
    site.start_services()
    site.write_secrets()
    register_endpoint(site, connect=False)
    register_endpoint(site, connect=True)
    tenants = dict(seed(site))
    site.start_processes()
    return tenants


def configured(of: Merchant, **given: str) -> Json:
    """The tenant's own account as it was configured."""
    wanted = {"gatewayType": "STRIPE", "mode": "OWN"} | given
    done = of.query(CONFIGURE, input=wanted)["configurePaymentGateway"]
    assert done["__typename"] == "PaymentGateway", done
    return dict(done)


def check_own_account(site: Site, of: Merchant, steps: Steps) -> None:
    """A payment through the tenant's own account, heard at the endpoint of its own."""
    url = str(configured(of, secretKey=TENANT_KEY)["webhookUrl"])
    url = url.replace("https://pay.example.com", f"http://127.0.0.1:{site.port}")
    made = json.loads(site.done("own-endpoint", WEBHOOK_URL=url, TENANT_KEY=TENANT_KEY))
    gateway = configured(of, webhookSecret=made["secret"])
    assert gateway["webhookSecretHint"] == made["secret"][-4:]
    payment_id = of.paid("chargePayment")
    assert status(of, payment_id) == ("PAID", 0)
    eventually(
        lambda: rows(site.url("superuser"), OF_GATEWAY, gateway["id"])[0][0] >= 3,  # type: ignore[operator]
        seconds=45,
    )
    steps.found(f"{payment_id} is PAID, and its events came in by {url.partition('/api')[2]}")


def check_by_hand(site: Site, steps: Steps) -> None:
    """200, and the event is stored and changes nothing."""
    assert site.done("sign") == "200\n"
    eventually(lambda: rows(site.url("superuser"), STATUS, "evt_by_hand") == [("IGNORED",)])
    steps.found("answered 200, IGNORED")


def check_roll(site: Site, shop: Merchant, steps: Steps) -> None:
    """With the new secret in force and the old one in its last day, both are taken."""
    path = site.folder / "etc" / "secrets" / "webhook_secret"
    old = path.read_text()
    since = int(sandbox(site, "GET", "/_sandbox/health").json.get("now", 0))
    shop.paid("chargePayment")
    all_events_processed(site, count=4)
    register_endpoint(site, connect=False)
    new = path.read_text()
    path.write_text(old)
    site.done("roll", NEW_SECRET=new)
    kept, _, ending = path.read_text().partition(",")
    assert kept == new
    assert ending.startswith(f"{old}@20")
    site.stop_processes()
    site.start_processes()
    assert site.done("sign") == "200\n"
    path.write_text(old)
    taken = send_again(site, since)
    path.write_text(new)
    assert taken > 0
    shop.paid("chargePayment")
    steps.found(f"signed by the new one: 200; {taken} events signed by the old one: 200 each")


def check_listen(site: Site, steps: Steps) -> None:
    """The secret is told, and the endpoint of the developer's machine is forwarded to."""
    folder = site.folder / "bin"
    folder.mkdir()
    stripe_cli.install(folder, site.stripe_url)
    path = f"{folder}:{site.environment['PATH']}"
    secret = site.done("listen-secret", PATH=path).strip()
    assert secret.startswith("whsec_")
    site.done("listen", PATH=path)
    listed = sandbox(site, "GET", "/v1/webhook_endpoints").json["data"]
    assert [at["url"] for at in listed].count(
        f"http://127.0.0.1:{site.port}/api/webhooks/stripe"
    ) > 1
    steps.found("the secret is told, and the events are forwarded (a stand-in, not the Stripe CLI)")


def check_replay(site: Site, steps: Steps) -> None:
    """A dead event is listed, shown, counted, replayed, and PROCESSED with no second effect."""
    all_events_processed(site, count=8)
    ((event_id, _), *_) = rows(site.url("superuser"), LATEST)
    dead = f"UPDATE webhook_events SET status = 'DEAD', processed_at = NULL WHERE id = '{event_id}'"  # noqa: S608
    asyncio.run(execute(site.url("superuser"), dead))
    service = site.service_environment()
    assert str(event_id) in site.done("list", **service)
    assert "charge.updated" in site.done("show", EVENT_ID=str(event_id), **service)
    assert "1 events would be replayed" in site.done("replay-dry", **service)
    printed = site.done("replay", **service)
    eventually(
        lambda: rows(site.url("superuser"), f"{STATUS_OF} $1", event_id) == [("PROCESSED",)],
        seconds=30,
    )
    steps.found(printed.strip().splitlines()[-1])


STATUS_OF = "SELECT status FROM webhook_events WHERE id ="


def check_walk(site: Site, steps: Steps) -> None:
    """Every account can be listed; and an event that is sent again is taken, and stored once."""
    walked = site.done("walk", **site.service_environment())
    assert walked.rstrip().endswith("0 failed"), walked
    steps.found(walked.strip().splitlines()[-1])
    ((_, gateway_event_id), *_) = rows(site.url("superuser"), LATEST)
    endpoints = sandbox(site, "GET", "/v1/webhook_endpoints").json["data"]
    endpoint = next(at for at in endpoints if "*" not in at["enabled_events"])
    secret = (site.folder / "etc" / "secrets" / "webhook_secret").read_text()
    answer = site.done(
        "resend",
        PATH=f"{site.folder / 'bin'}:{site.environment['PATH']}",
        GATEWAY_EVENT_ID=str(gateway_event_id),
        ENDPOINT_ID=str(endpoint["id"]),
        ENDPOINT_SECRET=secret,
    )
    assert answer == "200\n"
    count = "SELECT count(*) FROM webhook_events WHERE event_id = $1"
    assert rows(site.url("superuser"), count, gateway_event_id) == [(1,)]
    steps.found("sent again: answered 200, and there is still one of it")


if __name__ == "__main__":
    main()
