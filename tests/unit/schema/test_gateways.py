"""Gateway accounts through the schema: who may, what is shown, and that no secret comes back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from graphql import parse

from app.logging import redacted
from domain.caller import Caller, Role
from domain.configuring import ShownGateway
from domain.errors import AttemptedOperation as Attempted
from domain.errors import GatewayUnavailable, InvalidState, ValidationFailed
from domain.gateway_profile import GatewayProfile
from domain.gateway_rules import ConfigureGateway, refused
from domain.payment import GatewayType
from domain.tenant import GatewayMode
from schema.codes import RequestErrorCode
from schema.limits import DocumentRefused, check_document
from schema.presentation import show
from tests.builders import GATEWAY, NOW, SCHEDULE, TENANT
from tests.unit.schema.gateway_desk import GatewayDesk
from tests.unit.schema.shop import a_caller, execute

ADMIN = a_caller(Role.ADMIN)
PROFILE = GatewayProfile(
    id=GATEWAY,
    tenant_id=TENANT,
    gateway_type=GatewayType.STRIPE,
    mode=GatewayMode.OWN,
    livemode=False,
    is_enabled=True,
    fee_schedule=SCHEDULE,
    created_at=NOW,
    updated_at=NOW,
    key_account_id="acct_1",
    secret_key_hint="1234",
    webhook_secret_hint="5678",
)
SHOWN = ShownGateway(PROFILE, f"https://pay.example/api/webhooks/stripe/{GATEWAY}")
FIELDS = """id gatewayType mode isEnabled isLive accountId secretKeyHint webhookSecretHint
    webhookUrl lastWebhookAt updatedAt"""
CONFIGURE = f"""mutation ($input: ConfigurePaymentGatewayInput!) {{
    configurePaymentGateway(input: $input) {{
        __typename
        ... on PaymentGateway {{ {FIELDS} }}
        ... on Error {{ code detailCode message retryable }}
        ... on ValidationError {{ issues {{ path rule message }} }}
    }}
}}"""
SECRET = "sk_test_canary_c0ffee"
INPUT: dict[str, object] = {"gatewayType": "STRIPE", "mode": "OWN", "secretKey": SECRET}


async def test_an_administrator_sees_accounts_and_no_secret() -> None:
    """Hints and the account, in the list and by id; other roles are refused, or find nothing."""
    desk = GatewayDesk([SHOWN])
    document = f'{{ paymentGateways {{ {FIELDS} }} node(id: "{GATEWAY}") {{ id __typename }} }}'
    result = await execute(document, caller=ADMIN, gateways=desk)
    by_id = f'{{ node(id: "{GATEWAY}") {{ id }} }}'
    others = set(Role) - {Role.ADMIN, Role.PLATFORM_ADMIN, Role.CHECKOUT}

    assert result.errors is None
    assert result.data == {
        "paymentGateways": [
            {
                "id": GATEWAY,
                "gatewayType": "STRIPE",
                "mode": "OWN",
                "isEnabled": True,
                "isLive": False,
                "accountId": "acct_1",
                "secretKeyHint": "1234",
                "webhookSecretHint": "5678",
                "webhookUrl": SHOWN.webhook_url,
                "lastWebhookAt": None,
                "updatedAt": NOW.isoformat().replace("+00:00", "Z"),
            }
        ],
        "node": {"id": GATEWAY, "__typename": "PaymentGateway"},
    }
    for role in others:
        listed = await execute("{ paymentGateways { id } }", caller=a_caller(role), gateways=desk)
        found = await execute(by_id, caller=a_caller(role), gateways=desk)
        assert listed.data is None
        assert found.data == {"node": None}


@pytest.mark.parametrize(
    ("caller", "by_platform"),
    [
        (ADMIN, False),
        (a_caller(Role.PLATFORM_ADMIN), False),
        (replace(a_caller(Role.PLATFORM_ADMIN), reason="onboarding"), True),
    ],
)
async def test_who_acts_for_a_reason_acts_for_the_platform(
    caller: Caller, *, by_platform: bool
) -> None:
    """Only a request whose reason is audited may claim an account in the platform's name."""
    desk = GatewayDesk([SHOWN])
    given = {"gatewayType": "STRIPE", "mode": "CONNECT", "accountId": "acct_12345678"}
    result = await execute(CONFIGURE, caller=caller, gateways=desk, variables={"input": given})

    assert result.errors is None
    assert desk.heard == [
        (
            ConfigureGateway(
                gateway_type=GatewayType.STRIPE,
                mode=GatewayMode.CONNECT,
                is_enabled=True,
                account_id="acct_12345678",
            ),
            by_platform,
        )
    ]


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.ADMIN, Role.PLATFORM_ADMIN}))
async def test_nobody_else_configures(role: Role) -> None:
    """The use case does not hear of it."""
    desk = GatewayDesk([SHOWN])
    caller = a_caller(role, order_id="ord_1" if role is Role.CHECKOUT else None)
    result = await execute(CONFIGURE, caller=caller, gateways=desk, variables={"input": INPUT})

    assert result.data is None
    assert desk.heard == []


@pytest.mark.parametrize(
    ("raised", "member"),
    [
        (
            refused(
                ConfigureGateway(
                    gateway_type=GatewayType.STRIPE,
                    mode=GatewayMode.OWN,
                    is_enabled=True,
                    secret_key=SECRET,
                )
            ),
            "ValidationError",
        ),
        (
            InvalidState("No.", detail_code="GATEWAY_CHANGED", attempted=Attempted.CONFIGURE),
            "InvalidStateError",
        ),
        (GatewayUnavailable("Away."), "GatewayError"),
    ],
)
async def test_each_failure_is_a_member(raised: Exception, member: str) -> None:
    """What the use case raises is an answer, and none repeats the key."""
    result = await execute(
        CONFIGURE,
        caller=ADMIN,
        gateways=GatewayDesk([SHOWN], raises=raised),
        variables={"input": INPUT},
    )

    assert result.errors is None
    assert result.data is not None
    assert result.data["configurePaymentGateway"]["__typename"] == member
    assert SECRET not in json.dumps(result.data)
    assert not isinstance(raised, ValidationFailed) or SECRET not in repr(raised.__dict__)


@pytest.mark.parametrize(
    "wrong",
    [
        {"secretKey": SECRET + "\x00"},
        {"secretKey": SECRET + "\ud800"},
        {"secretKey": SECRET + "x" * 500},
        {"secretKey": [SECRET, SECRET]},
        {"secretKey": {"value": SECRET}},
        {"webhookSecret": SECRET, "mode": SECRET},
        {"isEnabled": SECRET},
        {SECRET: 1},
        {"gatewayType": SECRET},
    ],
)
async def test_a_value_that_is_refused_is_not_repeated(wrong: dict[str, object]) -> None:
    """Whatever is wrong with the input, no error shows a secret of it to the caller or to the log,
    as a variable or written into the document."""
    result = await execute(
        CONFIGURE, caller=ADMIN, gateways=GatewayDesk([SHOWN]), variables={"input": INPUT | wrong}
    )
    assert result.errors
    for error in result.errors:
        shown = show(error, validated=True, request_id="req-1")
        assert shown.code is RequestErrorCode.BAD_USER_INPUT
        assert "canary" not in json.dumps(shown.body)
        assert "canary" not in redacted(str(error))


@pytest.mark.parametrize("literal", [f'["{SECRET}"]', f'{{a: "{SECRET}"}}', f'"{SECRET}'])
async def test_a_literal_that_is_refused_is_not_repeated(literal: str) -> None:
    """The same for a value in the document itself."""
    document = f"""mutation {{ configurePaymentGateway(input: {{
        gatewayType: STRIPE, mode: OWN, secretKey: {literal} }}) {{ __typename }} }}"""
    result = await execute(document, caller=ADMIN, gateways=GatewayDesk([SHOWN]))
    assert result.errors
    for error in result.errors:
        shown = show(error, validated=False, request_id="req-1")
        assert "canary" not in json.dumps(shown.body)


def test_one_document_tries_one_key() -> None:
    """Neither two keys, nor a key beside a payment."""
    field = "configurePaymentGateway(input: {gatewayType: STRIPE, mode: PLATFORM}) { __typename }"
    pay = 'capturePayment(input: {paymentId: "p", idempotencyKey: "k"}) { __typename }'
    check_document(parse(f"mutation {{ {field} }}"))
    for other in (field, pay):
        with pytest.raises(DocumentRefused):
            check_document(parse(f"mutation {{ a: {field} b: {other} }}"))
