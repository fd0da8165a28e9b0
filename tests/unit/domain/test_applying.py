"""apply_snapshot: any snapshots, in any order, any number of times."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.applying import Applied, apply_snapshot, fail_without_intent
from domain.errors import SnapshotMismatch
from domain.payment import NextAction, Payment, PaymentStatus, may_become
from domain.snapshot import CardDetails, Decline, IntentSnapshot, IntentStatus, Settlement
from tests.builders import NOW, SCHEDULE, a_paid_payment, a_payment, an_intent

S = IntentStatus
LATER = NOW + timedelta(minutes=1)


def apply(payment: Payment, snapshot: IntentSnapshot) -> Applied:
    """One snapshot, a minute later."""
    return apply_snapshot(payment, snapshot, SCHEDULE, LATER)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (S.REQUIRES_ACTION, PaymentStatus.REQUIRES_ACTION),
        (S.PROCESSING, PaymentStatus.PROCESSING),
        (S.REQUIRES_CAPTURE, PaymentStatus.AUTHORIZED),
        (S.SUCCEEDED, PaymentStatus.PAID),
        (S.REQUIRES_PAYMENT_METHOD, PaymentStatus.FAILED),
        (S.CANCELED, PaymentStatus.CANCELED),
    ],
)
def test_the_intents_status_is_the_payments(status: S, expected: PaymentStatus) -> None:
    """Each status of an intent gives the payment its own."""
    applied = apply(a_payment(), an_intent(status))

    assert applied.payment.status is expected
    assert not applied.superseded


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("abandoned", PaymentStatus.FAILED),
        ("automatic", PaymentStatus.EXPIRED),
        ("expired", PaymentStatus.EXPIRED),
        ("requested_by_customer", PaymentStatus.CANCELED),
        ("duplicate", PaymentStatus.CANCELED),
        (None, PaymentStatus.CANCELED),
    ],
)
def test_the_reason_tells_what_a_cancel_was(reason: str | None, expected: PaymentStatus) -> None:
    """An abandoned intent failed, one canceled by the gateway expired, the rest were canceled."""
    authorized = a_payment(status=PaymentStatus.AUTHORIZED, authorized=10_000)

    applied = apply(authorized, an_intent(S.CANCELED, cancellation_reason=reason))

    assert applied.payment.status is expected
    assert not applied.payment.is_live
    assert (applied.payment.expected_platform_fee, applied.payment.net) == (0, 0)


def test_a_decline_asks_for_its_intent_to_be_closed_once() -> None:
    """The snapshot that brings the decline asks for the close; the same again asks for nothing."""
    declined = an_intent(S.REQUIRES_PAYMENT_METHOD)

    first = apply(a_payment(), declined)
    second = apply(first.payment, declined)

    assert first.closes_intent
    assert first.payment.is_live
    assert first.payment.failure is not None
    assert first.payment.failure.decline_code == "insufficient_funds"
    assert not second.closes_intent
    assert second.payment == first.payment


@pytest.mark.parametrize("reason", ["abandoned", "requested_by_customer", "automatic", None])
def test_whoever_closes_a_failed_intent_frees_the_order(reason: str | None) -> None:
    """A failed payment whose intent was canceled, by whomever, stays FAILED and is closed."""
    failed = apply(a_payment(), an_intent(S.REQUIRES_PAYMENT_METHOD)).payment

    applied = apply(failed, an_intent(S.CANCELED, cancellation_reason=reason))

    assert applied.payment.status is PaymentStatus.FAILED
    assert not applied.payment.is_live
    assert applied.payment.failure == failed.failure


def test_a_failed_intent_that_pays_after_all_is_paid() -> None:
    """Until it is closed, an intent that failed can still bring the money."""
    failed = apply(a_payment(), an_intent(S.REQUIRES_PAYMENT_METHOD)).payment

    applied = apply(failed, an_intent(S.SUCCEEDED))

    assert applied.payment.status is PaymentStatus.PAID
    assert applied.payment.failure is None


def test_money_after_the_end_is_superseded() -> None:
    """A payment that failed for good is not paid by a late snapshot."""
    failed = fail_without_intent(a_payment(), None, NOW)

    assert apply(failed, an_intent(S.SUCCEEDED)) == Applied(failed, superseded=True)


def test_a_partial_capture_recomputes_the_fee() -> None:
    """The platform's fee and the estimate follow the captured amount under the frozen terms."""
    authorized = apply(a_payment(), an_intent(S.REQUIRES_CAPTURE)).payment

    paid = apply(authorized, an_intent(S.SUCCEEDED, amount_received=6_000)).payment

    assert (paid.authorized, paid.captured) == (10_000, 6_000)
    assert (paid.platform_fee, paid.gateway_fee) == (180, 204)
    assert paid.net == 6_000 - 180 - 204


def test_a_settlement_of_nothing_leaves_the_estimate() -> None:
    """So little that it converts to 0 has no rate: the gateway's fee stays an estimate."""
    nothing = Settlement("txn_1", 0, 0, "EUR", "0.00001")

    paid = apply(a_payment(), an_intent(S.SUCCEEDED, settlement=nothing)).payment

    assert paid.status is PaymentStatus.PAID
    assert (paid.gateway_fee, paid.gateway_fee_is_final) == (320, False)


@pytest.mark.parametrize(
    ("settlement", "fee"),
    [
        (Settlement("txn_1", 10_000, 350, "USD", None), 350),
        (Settlement("txn_1", 9_200, 290, "EUR", "0.92"), 315),
    ],
)
def test_the_balance_transaction_makes_the_fee_final(settlement: Settlement, fee: int) -> None:
    """The gateway's own figure replaces the estimate, and an older snapshot cannot undo it."""
    paid = apply(a_payment(), an_intent(S.SUCCEEDED)).payment
    assert (paid.gateway_fee, paid.gateway_fee_is_final) == (320, False)

    final = apply(paid, an_intent(S.SUCCEEDED, settlement=settlement)).payment
    again = apply(final, an_intent(S.SUCCEEDED)).payment

    assert (final.gateway_fee, final.gateway_fee_is_final) == (fee, True)
    assert again == final


def test_the_next_action_is_kept_only_while_it_is_due() -> None:
    """3-D Secure's next step is there while the payer must act and gone afterwards."""
    action = NextAction("redirect_to_url", "https://bank.example", "pi_secret")
    card = CardDetails("visa", "4242", 12, 2030)

    waiting = apply(a_payment(), an_intent(S.REQUIRES_ACTION, next_action=action)).payment
    paid = apply(waiting, an_intent(S.SUCCEEDED, card=card)).payment

    assert waiting.next_action == action
    assert paid.next_action is None
    assert (paid.method.brand, paid.method.last4) == ("visa", "4242")


@pytest.mark.parametrize(
    "lie",
    [
        {"gateway_payment_id": "pi_other"},
        {"amount": 9_999},
        {"currency": "EUR"},
        {"livemode": True},
        {"tollgate_payment_id": "pay_other"},
    ],
)
def test_another_object_is_refused(lie: dict[str, object]) -> None:
    """A snapshot of another intent, amount, currency, mode or payment changes nothing."""
    payment = a_payment(gateway_payment_id="pi_3abc")

    with pytest.raises(SnapshotMismatch):
        apply(payment, replace(an_intent(S.SUCCEEDED), **lie))  # type: ignore[arg-type]


STORY = (
    an_intent(S.REQUIRES_ACTION),
    an_intent(S.PROCESSING),
    an_intent(S.REQUIRES_CAPTURE),
    an_intent(S.SUCCEEDED, settlement=Settlement("txn_1", 10_000, 350, "USD", None)),
)


@pytest.mark.parametrize("order", list(permutations(STORY)))
def test_the_order_of_snapshots_does_not_matter(order: tuple[IntentSnapshot, ...]) -> None:
    """One payment's snapshots end in the same payment in each of their orders."""
    payment = a_payment()
    for snapshot in order:
        payment = apply(payment, snapshot).payment

    assert payment.status is PaymentStatus.PAID
    assert (payment.captured, payment.gateway_fee, payment.gateway_fee_is_final) == (
        10_000,
        350,
        True,
    )


snapshots = st.builds(
    lambda status, reason: an_intent(
        status, cancellation_reason=reason if status is S.CANCELED else None
    ),
    st.sampled_from(list(S)),
    st.sampled_from(["abandoned", "automatic", "requested_by_customer", None]),
)


@given(st.lists(snapshots, max_size=12))
def test_a_walk_keeps_to_the_table(walk: list[IntentSnapshot]) -> None:
    """Whatever the gateway reports, the payment moves along the table and ends stay ends."""
    payment = a_payment()
    for snapshot in walk:
        applied = apply(payment, snapshot)
        moved = applied.payment.status is not payment.status
        if moved:
            abandoned = snapshot.cancellation_reason == "abandoned"
            assert may_become(payment, applied.payment.status, abandoned=abandoned)
        assert applied.superseded is (applied.superseded and applied.payment == payment)
        assert apply(applied.payment, snapshot).payment == applied.payment
        payment = applied.payment


def test_a_refundable_amount_is_never_negative() -> None:
    """Lost disputes beyond the captured amount leave nothing to refund, not less."""
    assert a_paid_payment(dispute_lost=12_000).refundable == 0
    assert a_paid_payment(refunded=1_000, refund_pending=2_000).refundable == 7_000


def test_the_latest_decline_is_kept_with_its_moment() -> None:
    """A payer's second card, declined before the intent was closed, is what the failure tells of;
    the same decline again, or a picture without one, changes nothing."""
    first = apply(a_payment(), an_intent(S.REQUIRES_PAYMENT_METHOD)).payment
    expired = Decline("expired_card", None, "Expired.")
    second = apply_snapshot(
        first,
        an_intent(S.REQUIRES_PAYMENT_METHOD, decline=expired),
        SCHEDULE,
        LATER + timedelta(hours=1),
    )
    closed = apply(second.payment, an_intent(S.CANCELED, cancellation_reason="abandoned")).payment

    assert first.failure is not None
    assert first.failure.decline_code == "insufficient_funds"
    assert second.payment.failure is not None
    assert second.payment.failure.decline_code == "expired_card"
    assert second.payment.failure.user_message == "The card has expired."
    assert not second.closes_intent
    assert apply(second.payment, an_intent(S.REQUIRES_PAYMENT_METHOD, decline=expired)).payment == (
        second.payment
    )
    assert closed.failure == second.payment.failure
