"""Payments as the domain's rules can make them, drawn by hypothesis."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import strategies as st

from domain.fees import FeeRefundPolicy, FeeTerms, captured_platform_fee
from domain.ids import Prefix, new_id
from domain.order import Order
from domain.payment import (
    ApplicationFee,
    CaptureMethod,
    DisputeState,
    NextAction,
    Payment,
    PaymentFailure,
    PaymentMethod,
    PaymentMethodType,
    PaymentStatus,
    SettlementFacts,
)
from tests.integration.db.builders import a_payment
from tests.integration.db.conftest import Merchant

# What PostgreSQL's text cannot hold is kept out at the edge: NUL and lone surrogates.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
# The driver takes the first and the last moment that Python knows for PostgreSQL's infinities.
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the strategy adds the zone
METHODS = st.builds(
    PaymentMethod,
    type=st.sampled_from(PaymentMethodType),
    brand=st.none() | TEXTS,
    last4=st.none() | st.from_regex(r"[0-9]{4}", fullmatch=True),
    exp_month=st.none() | st.integers(1, 12),
    exp_year=st.none() | st.integers(2000, 2100),
)
FAILURES = st.builds(
    PaymentFailure,
    decline_code=st.none() | TEXTS,
    gateway_message=st.none() | TEXTS,
    user_message=TEXTS,
    at=MOMENTS,
)
NEXT_ACTIONS = st.builds(
    NextAction, type=TEXTS, redirect_url=st.none() | TEXTS, client_secret=st.none() | TEXTS
)
SETTLEMENTS = st.builds(
    SettlementFacts,
    amount=st.integers(0, 2**53),
    fee=st.integers(0, 2**53),
    currency=st.from_regex(r"[A-Z]{3}", fullmatch=True),
    exchange_rate=st.none() | TEXTS,
    application_fee=st.none()
    | st.builds(ApplicationFee, st.just("fee_1"), st.integers(0, 2**53), st.integers(0, 2**53)),
)


@st.composite
def payments_of(draw: st.DrawFn, merchant: Merchant, order: Order) -> Payment:
    """A payment of the order: in any status, with amounts that belong to that status."""
    terms = FeeTerms(
        basis_points=draw(st.integers(0, 9_000)),
        fixed_fee=0,
        refund_policy=draw(st.sampled_from(FeeRefundPolicy)),
        tier_id="fee_1",
        override_id=draw(st.none() | st.just("fov_1")),
    )
    payment = replace(
        a_payment(merchant, order),
        id=new_id(Prefix.PAYMENT),
        status=draw(st.sampled_from(PaymentStatus)),
        capture_method=draw(st.sampled_from(CaptureMethod)),
        dispute_status=draw(st.sampled_from(DisputeState)),
        fee_terms=terms,
        platform_fee=captured_platform_fee(terms, order.total),
        method=draw(METHODS),
        metadata=draw(st.dictionaries(TEXTS, TEXTS, max_size=3)),
        settlement=draw(st.none() | SETTLEMENTS),
        failure=draw(st.none() | FAILURES),
        next_action=draw(st.none() | NEXT_ACTIONS),
        capture_before=draw(st.none() | MOMENTS),
        intent_closed_at=draw(st.none() | MOMENTS),
    )
    if payment.status is PaymentStatus.PAID:
        return _captured(draw, payment)
    if payment.status is PaymentStatus.AUTHORIZED and payment.capture_method == "manual":
        return replace(payment, authorized=order.total)
    return payment


def _captured(draw: st.DrawFn, payment: Payment) -> Payment:
    partly = payment.capture_method is CaptureMethod.MANUAL
    captured = draw(st.integers(1, payment.total)) if partly else payment.total
    refunded = draw(st.integers(0, captured))
    platform_fee = captured_platform_fee(payment.fee_terms, captured)
    taken = payment.settlement.application_fee if payment.settlement else None
    return replace(
        payment,
        authorized=payment.total,
        captured=captured,
        refunded=refunded,
        refund_pending=draw(st.integers(0, 2 * captured)),
        platform_fee=platform_fee,
        platform_fee_refunded=draw(st.integers(0, platform_fee)),
        application_fee_refunded=draw(st.integers(0, taken.amount if taken else 0)),
        gateway_fee=draw(st.integers(0, 2**53)),
        dispute_lost=draw(st.integers(0, 2**53)),
        dispute_fee=draw(st.integers(0, 2**53)),
        refunds_blocked=draw(st.booleans()),
    )
