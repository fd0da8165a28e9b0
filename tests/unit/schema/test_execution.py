"""The schema at work over a shop in memory: projections, pages, loaders, nodes."""

from __future__ import annotations

from datetime import UTC, datetime

from domain.caller import Role
from domain.fees import FeeQuote, FeeRefundPolicy, FeeTerms
from domain.ids import Prefix, new_id
from tests.builders import TENANT, a_paid_payment, a_payment, a_refund, an_order
from tests.unit.schema.shop import MERCHANT, OTHER_ORDER, TIER, Shelf, Till, a_caller, execute

ADMIN = a_caller(Role.ADMIN)
VIEWER = a_caller(Role.VIEWER)
TERMS = FeeTerms(300, 0, FeeRefundPolicy.RETAIN, TIER.id, None)


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
