"""What the domain raises, as members of a mutation's union."""

from __future__ import annotations

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
from domain.payment import PaymentFailure, PaymentStatus
from tests.builders import NOW, a_payment, an_order
from tests.unit.schema.shop import CHARGE, OTHER_ORDER, Till, a_caller, execute

ADMIN = a_caller(Role.ADMIN)
FAILURE = PaymentFailure("insufficient_funds", "No money.", "Your card was declined.", NOW)


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
    """A card number behind a token's prefix is answered by the schema alone, without its digits."""
    till = Till()
    result = await execute(
        CHARGE,
        caller=ADMIN,
        till=till,
        variables={"order": OTHER_ORDER, "token": "pm_4242424242424242"},
    )

    assert result.data is not None
    answer = result.data["chargePayment"]
    assert (answer["__typename"], answer["detailCode"]) == (
        "ValidationError",
        "CARD_DATA_FORBIDDEN",
    )
    assert "4242" not in str(result.data)
    assert till.heard == []
