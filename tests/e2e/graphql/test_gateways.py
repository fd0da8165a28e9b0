"""Gateway accounts over HTTP: configured, used, and shown without their secrets."""

from __future__ import annotations

import json
import secrets

from app.settings import Settings
from domain.caller import Role
from tests.e2e.graphql.conftest import new_merchant
from tests.e2e.graphql.merchant import Answer, Json, Merchant, a_token, send

GATEWAY = "id mode isEnabled isLive accountId secretKeyHint webhookSecretHint webhookUrl"
CONFIGURE = f"""mutation ($input: ConfigurePaymentGatewayInput!) {{
    configurePaymentGateway(input: $input) {{
        __typename
        ... on PaymentGateway {{ {GATEWAY} }}
        ... on Error {{ code detailCode message retryable }}
        ... on ValidationError {{ issues {{ path rule }} }}
    }}
}}"""


def configure(merchant: Merchant, **given: object) -> Json:
    """What configurePaymentGateway came to."""
    done = merchant.query(CONFIGURE, input={"gatewayType": "STRIPE"} | given)
    member = done["configurePaymentGateway"]
    assert isinstance(member, dict)
    return member


def charges_at(merchant: Merchant, account_id: str) -> list[Json]:
    """What the sandbox's ledger has at this account."""
    path = f"/_sandbox/ledger?account={account_id}"
    return list(send(merchant.settings.stripe_api_base, "GET", path).json["charges"])


def acting(settings: Settings, tenant_id: str, given: Json) -> Answer:
    """The call as the platform's own people make it in the tenant, for a reason."""
    headers = [
        ("Authorization", f"Bearer {a_token(settings, None, Role.PLATFORM_ADMIN)}"),
        ("Content-Type", "application/json"),
        ("Tollgate-Tenant", tenant_id),
        ("Tollgate-Reason", "the merchant was onboarded"),
    ]
    body = json.dumps({"query": CONFIGURE, "variables": {"input": given}}).encode()
    return send(settings.public_url, "POST", "/graphql", body, headers)


def new_account(settings: Settings) -> str:
    """The id of an account connected to the platform, on which the platform wrote nothing."""
    key = settings.stripe_secret_key.get_secret_value()
    headers = [
        ("Authorization", f"Bearer {key}"),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ]
    made = send(settings.stripe_api_base, "POST", "/v1/accounts", b"type=standard", headers)
    return str(made.json["id"])


def test_a_tenant_is_paid_through_its_own_account(merchant: Merchant) -> None:
    """The key is shown by its end alone, in this answer and later; money goes to its account."""
    key = f"sk_test_{secrets.token_hex(12)}"
    held = merchant.paid("authorizePayment")
    done = configure(merchant, mode="OWN", secretKey=key, webhookSecret="whsec_0123456789")
    again = configure(merchant, mode="OWN", secretKey=key, webhookSecret="whsec_0123456789")
    paid = merchant.paid("chargePayment")
    captured = merchant.do("capturePayment", paymentId=held)
    listed = merchant.ask(f"{{ paymentGateways {{ {GATEWAY} }} }}")

    assert (done["__typename"], done["isEnabled"], done["isLive"]) == (
        "PaymentGateway",
        True,
        False,
    )
    assert (done["secretKeyHint"], done["webhookSecretHint"]) == (key[-4:], "6789")
    assert done["webhookUrl"].endswith(f"/api/webhooks/stripe/{done['id']}")
    assert again == done
    at_own = charges_at(merchant, done["accountId"])
    assert [each["metadata"]["tollgate_payment_id"] for each in at_own] == [paid]
    assert captured["payment"]["status"] == "PAID"
    assert [(at["mode"], at["isEnabled"]) for at in listed.json["data"]["paymentGateways"]] == [
        ("PLATFORM", False),
        ("OWN", True),
    ]
    assert key.encode() not in listed.body
    assert b"whsec" not in listed.body


def test_an_account_is_claimed_by_the_platform_alone(
    merchant: Merchant, settings: Settings
) -> None:
    """An administrator who knows the id gets the answer of an account that does not exist; the
    platform's people may, and the tenant is then paid through it."""
    account_id = new_account(settings)
    unknown = configure(merchant, mode="CONNECT", accountId="acct_doesNotExist00000")
    known = configure(merchant, mode="CONNECT", accountId=account_id)
    given = {"gatewayType": "STRIPE", "mode": "CONNECT", "accountId": account_id}
    claimed = acting(settings, merchant.tenant_id, given).json["data"]["configurePaymentGateway"]
    paid = merchant.paid("chargePayment")

    assert unknown["issues"] == [{"path": ["input", "accountId"], "rule": "CREDENTIALS_REFUSED"}]
    assert known == unknown
    assert (claimed["isEnabled"], claimed["accountId"]) == (True, account_id)
    assert claimed["webhookUrl"].endswith("/api/webhooks/stripe")
    (charge,) = charges_at(merchant, account_id)
    assert charge["metadata"]["tollgate_payment_id"] == paid


def test_another_tenants_account_is_not_there(
    merchant: Merchant, competitor: Merchant, settings: Settings
) -> None:
    """Neither by its id, nor by its key: the same answer as for what the gateway refuses."""
    key = f"sk_test_{secrets.token_hex(12)}"
    theirs = configure(competitor, mode="OWN", secretKey=key)
    taken = configure(merchant, mode="OWN", secretKey=key)
    expired = configure(merchant, mode="OWN", secretKey="sk_test_sandbox_expired_1")
    seen = merchant.query("query ($id: ID!) { node(id: $id) { id } }", id=theirs["id"])

    assert taken == expired
    assert taken["issues"][0]["rule"] == "CREDENTIALS_REFUSED"
    assert seen == {"node": None}
    assert new_merchant(settings).query("{ paymentGateways { mode } }") == {
        "paymentGateways": [{"mode": "PLATFORM"}]
    }
