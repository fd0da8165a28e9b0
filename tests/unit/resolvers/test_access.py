"""The access table, row by row."""

from __future__ import annotations

import pytest

from domain.caller import Role
from domain.errors import Forbidden
from resolvers.access import ROLES, effective_roles, permits, reaches_order, require
from tests.unit.schema.shop import a_caller, a_context

ORDER = "ord_0000000000000000000000000a"
MONEY_OUT = {"Mutation.capturePayment", "Mutation.cancelPayment", "Mutation.refundPayment"}
PAYING = {"Mutation.authorizePayment", "Mutation.chargePayment"}
CONFIGURING = {"Mutation.configurePaymentGateway"}
REPLAYING = {"Mutation.replayWebhookEvent", "Mutation.replayDeadWebhookEvents"}
PRICING = {
    "Mutation.createTenant",
    "Mutation.createFeeTier",
    "Mutation.updateFeeTier",
    "Mutation.archiveFeeTier",
    "Mutation.assignFeeTier",
    "Mutation.setFeeOverride",
    "Mutation.endFeeOverride",
}
WATCHING = {"Mutation.acknowledgeAlert"}
ORDERING = {"Mutation.createOrder", "Mutation.cancelOrder", "Mutation.createCheckoutToken"}
EXPECTED: dict[Role, set[str]] = {
    Role.CHECKOUT: PAYING,
    Role.VIEWER: set(),
    Role.DEVELOPER: set(),
    Role.OPERATOR: PAYING | MONEY_OUT | ORDERING | REPLAYING,
    Role.FINANCE: {"Mutation.refundPayment"},
    Role.ADMIN: PAYING | MONEY_OUT | ORDERING | CONFIGURING | REPLAYING,
    Role.PLATFORM_ADMIN: PAYING
    | MONEY_OUT
    | ORDERING
    | CONFIGURING
    | REPLAYING
    | PRICING
    | WATCHING,
}


@pytest.mark.parametrize("role", list(Role))
def test_a_role_has_its_mutations_and_no_other(role: Role) -> None:
    """Who may move money is written down twice, here and in the table."""
    allowed = {name for name, roles in ROLES.items() if role in roles}

    assert {name for name in allowed if name.startswith("Mutation.")} == EXPECTED[role]


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.CHECKOUT}))
def test_everyone_but_the_shopper_reads_lists(role: Role) -> None:
    """VIEWER and up read payments and orders."""
    assert permits(a_caller(role), "Query.payments")
    assert permits(a_caller(role), "Query.orders")


def test_fees_are_for_finance_and_administrators() -> None:
    """Tiers and quotes are closed to operators and developers."""
    allowed = {role for role in Role if permits(a_caller(role), "Query.feeQuote")}

    assert allowed == {Role.FINANCE, Role.ADMIN, Role.PLATFORM_ADMIN}


def test_a_shopper_reads_no_list() -> None:
    """CHECKOUT reads its order and its payments by name only."""
    caller = a_caller(Role.CHECKOUT, order_id=ORDER)

    for operation in ("Query.payments", "Query.orders", "Query.feeTiers", "Payment.metadata"):
        with pytest.raises(Forbidden):
            require(caller, operation)


def test_a_bound_token_has_no_other_role() -> None:
    """Beside CHECKOUT or an order, other roles of a token count for nothing."""
    both = a_caller(Role.CHECKOUT, Role.ADMIN, order_id=ORDER)
    bound = a_caller(Role.ADMIN, order_id=ORDER)

    assert effective_roles(both) == {Role.CHECKOUT}
    assert effective_roles(bound) == frozenset()
    assert not permits(bound, "Query.viewer")


@pytest.mark.parametrize(
    ("roles", "order_id", "reached"),
    [
        ((Role.CHECKOUT,), ORDER, True),
        ((Role.CHECKOUT,), "ord_0000000000000000000000000b", False),
        ((Role.CHECKOUT,), None, False),
        ((Role.VIEWER,), None, True),
        ((Role.VIEWER,), "ord_0000000000000000000000000b", False),
    ],
)
def test_a_shopper_reaches_one_order(
    roles: tuple[Role, ...], order_id: str | None, *, reached: bool
) -> None:
    """A bound token reaches its order; a CHECKOUT token without one reaches none."""
    assert reaches_order(a_caller(*roles, order_id=order_id), ORDER) is reached


def test_an_operation_that_is_not_in_the_table_is_refused() -> None:
    """A field cannot be opened by forgetting it."""
    with pytest.raises(KeyError):
        require(a_caller(Role.ADMIN), "Query.unheardOf")


def test_a_tenants_field_needs_a_tenant() -> None:
    """The platform's staff name a tenant first."""
    with pytest.raises(Forbidden):
        _ = a_context(a_caller(Role.PLATFORM_ADMIN, tenant_id=None)).tenant_id
