"""The schema at work over a shop in memory: projections, pages, loaders, roles, error members."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.caller import Role
from domain.errors import (
    AttemptedOperation,
    DomainError,
    GatewayRejected,
    GatewayUnavailable,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    InvalidState,
    Issue,
    NotFound,
    OutcomeUnknown,
    PaymentDeclined,
    ValidationFailed,
)
from domain.fees import FeeQuote, FeeRefundPolicy, FeeTerms, FeeTier
from domain.ids import Prefix, new_id
from domain.payment import NextAction, PaymentFailure, PaymentStatus
from domain.tenant import Tenant
from tests.builders import NOW, TENANT, a_paid_payment, a_payment, a_refund, an_order
from tests.unit.schema.shop import OTHER_ORDER, Shelf, Till, a_caller, execute

ADMIN = a_caller(Role.ADMIN)
VIEWER = a_caller(Role.VIEWER)
FAILURE = PaymentFailure("insufficient_funds", "No money.", "Your card was declined.", NOW)
TIER = FeeTier(
    id=new_id(Prefix.FEE_TIER),
    name="Starter",
    level=1,
    basis_points=300,
    fixed_fees={"USD": 30, "EUR": 25},
    description="For a start.",
    refund_policy=FeeRefundPolicy.RETURN_PROPORTIONALLY,
    is_default=True,
    is_archived=False,
)
TERMS = FeeTerms(300, 0, FeeRefundPolicy.RETAIN, TIER.id, None)
MERCHANT = Tenant(
    id=TENANT,
    name="Acme",
    slug="acme",
    fee_tier_id=TIER.id,
    default_currency="USD",
    is_active=True,
    created_at=NOW,
)
CHARGE = """
    mutation ($order: ID!, $token: SafeText! = "pm_card_visa") {
      chargePayment(input: {
        orderId: $order, paymentMethod: {type: CARD, token: $token}, idempotencyKey: "k"
      }) {
        __typename
        ... on Error { code detailCode message retryable }
        ... on ValidationError { issues { path rule message } }
        ... on NotFoundError { id }
        ... on InvalidStateError { attempted order { id } }
        ... on PaymentDeclinedError { declineCode payment { status failure { userMessage } } }
        ... on GatewayError { gatewayType unsettled: payment { id } retryAfterSeconds }
        ... on IdempotencyError { idempotencyKey }
        ... on PaymentSuccess { replayed payment { id } }
      }
    }
"""


async def test_a_payment_is_projected_field_by_field() -> None:
    """Amounts, fees and states of a paid payment come out as the domain has them."""
    shelf = Shelf(all_payments=[a_paid_payment(refunded=2_500, platform_fee_refunded=75)])
    result = await execute(
        """query ($id: ID!) { payment(id: $id) {
            status refundStatus availableActions gatewayPaymentId gatewayDashboardUrl
            totalAmount { amountCents currency decimal formatted }
            platformFee { amountCents } gatewayFee { amountCents } netAmount { amountCents }
            capturedAmount { amountCents } refundableAmount { amountCents }
            platformFeeRefunded { amountCents } metadata createdAt
            failure { at } nextAction { type }
        } }""",
        caller=VIEWER,
        shelf=shelf,
        variables={"id": "pay_0000000000000000000000000a"},
    )

    assert result.errors is None
    assert result.data == {
        "payment": {
            "status": "PAID",
            "refundStatus": "PARTIAL",
            "availableActions": ["REFUND"],
            "gatewayPaymentId": "pi_3abc",
            "gatewayDashboardUrl": "https://dashboard.stripe.com/test/payments/pi_3abc",
            "totalAmount": {
                "amountCents": 10_000,
                "currency": "USD",
                "decimal": "100.00",
                "formatted": "$100.00",
            },
            "platformFee": {"amountCents": 300},
            "gatewayFee": {"amountCents": 320},
            "netAmount": {"amountCents": 10_000 - 2_500 - (300 - 75) - 320},
            "capturedAmount": {"amountCents": 10_000},
            "refundableAmount": {"amountCents": 7_500},
            "platformFeeRefunded": {"amountCents": 75},
            "metadata": {},
            "createdAt": "2026-11-23T12:00:00Z",
            "failure": None,
            "nextAction": None,
        }
    }


@pytest.mark.parametrize(
    ("raised", "member", "expected"),
    [
        (
            ValidationFailed(Issue(("input", "token"), "RULE", "No.")),
            "ValidationError",
            {"issues": [{"path": ["input", "token"], "rule": "RULE", "message": "No."}]},
        ),
        (NotFound("ord_x"), "NotFoundError", {"id": "ord_x", "code": "NOT_FOUND"}),
        (
            InvalidState(
                "Paid.",
                detail_code="ORDER_PAID",
                attempted=AttemptedOperation.CHARGE,
                order=an_order(),
            ),
            "InvalidStateError",
            {"detailCode": "ORDER_PAID", "attempted": "CHARGE", "order": {"id": an_order().id}},
        ),
        (
            PaymentDeclined(a_payment(status=PaymentStatus.FAILED, failure=FAILURE)),
            "PaymentDeclinedError",
            {"declineCode": "insufficient_funds", "message": "Your card was declined."},
        ),
        (
            GatewayUnavailable("Away.", retry_after_seconds=3),
            "GatewayError",
            {"code": "GATEWAY_UNAVAILABLE", "retryable": True, "retryAfterSeconds": 3},
        ),
        (GatewayRejected("No."), "GatewayError", {"retryable": False, "gatewayType": "STRIPE"}),
        (
            OutcomeUnknown("Wait.", payment=a_payment()),
            "GatewayError",
            {"code": "OUTCOME_UNKNOWN", "unsettled": {"id": a_payment().id}},
        ),
        (IdempotencyKeyReused("k"), "IdempotencyError", {"code": "IDEMPOTENCY_KEY_REUSED"}),
        (IdempotencyInProgress("k"), "IdempotencyError", {"retryable": True}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, DomainError) else None,
)
async def test_every_domain_error_is_its_member(
    raised: DomainError, member: str, expected: dict[str, object]
) -> None:
    """What a use case raises is data of the union, and no top-level error."""
    result = await execute(
        CHARGE, caller=ADMIN, till=Till(raises=raised), variables={"order": OTHER_ORDER}
    )

    assert result.errors is None
    assert result.data is not None
    answer = result.data["chargePayment"]
    assert answer["__typename"] == member
    assert expected.items() <= answer.items()


@pytest.mark.parametrize("order", ["", "ord_1", "pay_0000000000000000000000000a", "x" * 500])
async def test_a_malformed_id_is_not_found_and_asks_nobody(order: str) -> None:
    """The use case never hears of an id that cannot be one."""
    till = Till()
    result = await execute(CHARGE, caller=ADMIN, till=till, variables={"order": order})

    assert result.data is not None
    assert result.data["chargePayment"]["__typename"] == "NotFoundError"
    assert result.data["chargePayment"]["id"] == order
    assert till.heard == []


async def test_a_broken_rule_reaches_no_use_case() -> None:
    """A card number is answered by the schema alone, without its digits."""
    till = Till()
    result = await execute(
        CHARGE,
        caller=ADMIN,
        till=till,
        variables={"order": OTHER_ORDER, "token": "4242424242424242"},
    )

    assert result.data is not None
    answer = result.data["chargePayment"]
    assert (answer["__typename"], answer["detailCode"]) == (
        "ValidationError",
        "CARD_DATA_FORBIDDEN",
    )
    assert "4242" not in str(result.data)
    assert till.heard == []


async def test_a_total_is_counted_only_where_it_is_asked_for() -> None:
    """totalCount costs its query only when it is selected."""
    silent, asked = Shelf(all_payments=[a_payment()]), Shelf(all_payments=[a_payment()])
    await execute("{ payments { nodes { id } } }", caller=VIEWER, shelf=silent)
    result = await execute("{ payments { totalCount } }", caller=VIEWER, shelf=asked)

    assert silent.calls == ["payment_page"]
    assert asked.calls == ["payment_page", "payment_count"]
    assert result.data == {"payments": {"totalCount": 1}}


async def test_orders_of_many_payments_are_read_together() -> None:
    """Twenty payments of five orders cost one page and one read of orders."""
    all_orders = [an_order(id=new_id(Prefix.ORDER), reference=str(at)) for at in range(5)]
    shelf = Shelf(
        all_orders=all_orders,
        all_payments=[
            a_payment(id=new_id(Prefix.PAYMENT), order_id=all_orders[at % 5].id) for at in range(20)
        ],
    )
    result = await execute(
        "{ payments { nodes { order { reference } } } }", caller=VIEWER, shelf=shelf
    )

    assert shelf.calls == ["payment_page", "orders"]
    assert result.data is not None
    references = [node["order"]["reference"] for node in result.data["payments"]["nodes"]]
    assert references == [str(at % 5) for at in range(20)]


async def test_nodes_come_in_the_order_of_their_ids() -> None:
    """Each kind is found by its prefix; malformed, missing and foreign ids are null alike."""
    payment, order, refund = a_payment(), an_order(), a_refund()
    foreign = an_order(id=new_id(Prefix.ORDER), tenant_id=new_id(Prefix.TENANT))
    shelf = Shelf(
        all_payments=[payment],
        all_orders=[order, foreign],
        all_refunds=[refund],
        tiers=[TIER],
        merchant=MERCHANT,
    )
    ids = [refund.id, "?", foreign.id, TIER.id, order.id, OTHER_ORDER, payment.id, TENANT]
    result = await execute(
        "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }",
        caller=ADMIN,
        shelf=shelf,
        variables={"ids": ids},
    )

    assert result.data is not None
    kinds = [node and node["__typename"] for node in result.data["nodes"]]
    assert kinds == ["Refund", None, None, "FeeTier", "Order", None, "Payment", "Tenant"]


async def test_a_shopper_reads_and_pays_its_own_order_only() -> None:
    """A CHECKOUT token sees its order, by id and by reference, and no other of the tenant."""
    own, other = an_order(), an_order(id=OTHER_ORDER, reference="A-2")
    theirs = a_payment(id=new_id(Prefix.PAYMENT), order_id=OTHER_ORDER)
    shelf = Shelf(all_orders=[own, other], all_payments=[a_payment(), theirs])
    result = await execute(
        f"""{{
            own: order(by: {{reference: "A-1"}}) {{ id payments {{ nodes {{ id status }} }} }}
            byId: order(by: {{id: "{OTHER_ORDER}"}}) {{ id }}
            byReference: order(by: {{reference: "A-2"}}) {{ id }}
            payment(id: "{a_payment().id}") {{ id }}
            theirs: payment(id: "{theirs.id}") {{ id }}
            node(id: "{theirs.id}") {{ id }}
        }}""",
        caller=a_caller(Role.CHECKOUT, order_id=own.id),
        shelf=shelf,
    )

    assert result.errors is None
    assert result.data == {
        "own": {"id": own.id, "payments": {"nodes": [{"id": a_payment().id, "status": "PENDING"}]}},
        "byId": None,
        "byReference": None,
        "payment": {"id": a_payment().id},
        "theirs": None,
        "node": None,
    }


async def test_a_shopper_cannot_pay_another_order() -> None:
    """For a CHECKOUT token another order of the tenant does not exist."""
    till = Till()
    caller = a_caller(Role.CHECKOUT, order_id=an_order().id)
    refused = await execute(CHARGE, caller=caller, till=till, variables={"order": OTHER_ORDER})
    own = await execute(CHARGE, caller=caller, till=till, variables={"order": an_order().id})

    assert refused.data is not None
    assert own.data is not None
    assert refused.data["chargePayment"]["__typename"] == "NotFoundError"
    assert own.data["chargePayment"]["__typename"] == "PaymentSuccess"
    assert len(till.heard) == 1


@pytest.mark.parametrize(
    "field",
    [
        "metadata",
        "platformFee { amountCents }",
        "gatewayFee { amountCents }",
        "netAmount { amountCents }",
        "feeTerms { basisPoints }",
        "timeline { totalCount }",
        "refunds { totalCount }",
        "gatewayDashboardUrl",
    ],
)
async def test_a_shopper_sees_no_fees_and_no_metadata(field: str) -> None:
    """The merchant's side of a payment is FORBIDDEN to a CHECKOUT token."""
    result = await execute(
        f'{{ payment(id: "{a_payment().id}") {{ id {field} }} }}',
        caller=a_caller(Role.CHECKOUT, order_id=an_order().id),
        shelf=Shelf(all_payments=[a_payment()]),
    )

    assert result.errors
    assert "roles" in result.errors[0].message


@pytest.mark.parametrize(
    ("role", "secret"),
    [
        (Role.CHECKOUT, "pi_secret"),
        (Role.OPERATOR, "pi_secret"),
        (Role.ADMIN, "pi_secret"),
        (Role.VIEWER, None),
        (Role.DEVELOPER, None),
        (Role.FINANCE, None),
        (Role.PLATFORM_ADMIN, None),
    ],
)
async def test_a_client_secret_is_for_those_who_pay(role: Role, secret: str | None) -> None:
    """CHECKOUT, OPERATOR and ADMIN read clientSecret; the others read null, without an error."""
    action = NextAction("redirect_to_url", "https://bank.example/", "pi_secret")
    payment = a_payment(status=PaymentStatus.REQUIRES_ACTION, next_action=action)
    result = await execute(
        f'{{ payment(id: "{payment.id}") {{ nextAction {{ redirectUrl clientSecret }} }} }}',
        caller=a_caller(role, order_id=payment.order_id if role is Role.CHECKOUT else None),
        shelf=Shelf(all_payments=[payment]),
    )

    assert result.errors is None
    assert result.data == {
        "payment": {"nextAction": {"redirectUrl": "https://bank.example/", "clientSecret": secret}}
    }


async def test_a_quote_shows_its_price() -> None:
    """The four amounts, the terms, and the tier for those who may see tiers."""
    till = Till(quoted=FeeQuote(10_000, "USD", 300, 320, TERMS))
    result = await execute(
        """{ feeQuote(amountCents: 10000, currency: "USD") {
            amount { decimal } platformFee { decimal } gatewayFeeEstimate { decimal }
            netAmount { decimal }
            terms { basisPoints refundPolicy tier { name fixedFees { formatted } } override { id } }
        } }""",
        caller=a_caller(Role.FINANCE),
        shelf=Shelf(tiers=[TIER]),
        till=till,
    )

    assert result.errors is None
    assert result.data == {
        "feeQuote": {
            "amount": {"decimal": "100.00"},
            "platformFee": {"decimal": "3.00"},
            "gatewayFeeEstimate": {"decimal": "3.20"},
            "netAmount": {"decimal": "93.80"},
            "terms": {
                "basisPoints": 300,
                "refundPolicy": "RETAIN",
                "tier": {
                    "name": "Starter",
                    "fixedFees": [{"formatted": "€0.25"}, {"formatted": "$0.30"}],
                },
                "override": None,
            },
        }
    }


async def test_the_platforms_staff_need_a_tenant_for_a_tenants_fields() -> None:
    """Without a tenant the viewer and the tiers answer, and everything of a tenant is refused."""
    staff = a_caller(Role.PLATFORM_ADMIN, tenant_id=None)
    result = await execute(
        "{ viewer { tenant { id } roles } feeTiers { name } payments { totalCount } }",
        caller=staff,
        shelf=Shelf(tiers=[TIER]),
    )
    alone = await execute(
        "{ viewer { tenant { id } roles } feeTiers { name } }",
        caller=staff,
        shelf=Shelf(tiers=[TIER]),
    )

    assert result.data is None
    assert result.errors
    assert result.errors[0].message == "This token names no tenant."
    assert alone.data == {
        "viewer": {"tenant": None, "roles": ["PLATFORM_ADMIN"]},
        "feeTiers": [{"name": "Starter"}],
    }


async def test_the_viewer_is_what_the_token_says() -> None:
    """Subject, roles, end and tenant of the caller."""
    result = await execute(
        "{ viewer { id roles expiresAt tenant { slug feeTier { name } } } }",
        caller=a_caller(Role.ADMIN, Role.FINANCE),
        shelf=Shelf(tiers=[TIER], merchant=MERCHANT),
    )

    assert result.data is not None
    viewer = result.data["viewer"]
    assert datetime.fromisoformat(viewer.pop("expiresAt")) > datetime.now(UTC)
    assert viewer == {
        "id": "user-1",
        "roles": ["FINANCE", "ADMIN"],
        "tenant": {"slug": "acme", "feeTier": {"name": "Starter"}},
    }
