"""Idempotency keys of a shopper's page: its order's own, apart from everybody else's."""

from __future__ import annotations

from tests.e2e.graphql.merchant import Merchant
from tests.e2e.graphql.shopper import Shopper


def test_a_guessed_key_shows_nothing_of_another_order(merchant: Merchant) -> None:
    """A page that guesses a key that the merchant used pays its own order, as if the key were
    new."""
    key = merchant.key()
    theirs = merchant.pay("chargePayment", merchant.order(), idempotencyKey=key)
    page = Shopper.of(merchant)
    done = page.charge(idempotencyKey=key)

    assert (done["__typename"], done["replayed"]) == ("PaymentSuccess", False)
    assert done["payment"]["order"]["id"] == page.order_id
    assert done["payment"]["id"] != theirs["payment"]["id"]


def test_a_guessed_key_is_not_told_from_a_new_one(merchant: Merchant) -> None:
    """Neither does a call that is refused tell whether the merchant used the key."""
    used = merchant.key()
    merchant.pay("chargePayment", merchant.order(), idempotencyKey=used)
    page = Shopper.of(merchant)
    page.charge()

    assert page.charge(idempotencyKey=used) == page.charge(idempotencyKey=merchant.key())


def test_a_page_cannot_take_a_key_from_the_merchant(merchant: Merchant) -> None:
    """A key that a page used first is still the merchant's to use, on any order."""
    key = merchant.key()
    page = Shopper.of(merchant)
    page.charge(idempotencyKey=key)
    done = merchant.pay("chargePayment", merchant.order(), idempotencyKey=key)

    assert (done["__typename"], done["replayed"]) == ("PaymentSuccess", False)


def test_the_same_call_of_both_pays_once(merchant: Merchant) -> None:
    """Page and merchant may use one key for one order: the second finds it paid."""
    page, key = Shopper.of(merchant), merchant.key()
    first = merchant.pay("chargePayment", page.order_id, idempotencyKey=key)
    calls = merchant.calls()
    second = page.charge(idempotencyKey=key)

    assert first["__typename"] == "PaymentSuccess"
    assert (second["__typename"], second["detailCode"]) == ("InvalidStateError", "ORDER_PAID")
    assert merchant.calls() == calls


def test_two_pages_with_one_key_pay_two_orders(merchant: Merchant) -> None:
    """Keys of pages do not meet, not even within one merchant."""
    pages = [Shopper.of(merchant) for _ in range(2)]
    paid = [page.charge(idempotencyKey="1") for page in pages]

    assert [done["replayed"] for done in paid] == [False, False]
    assert [done["payment"]["order"]["id"] for done in paid] == [page.order_id for page in pages]


def test_a_page_repeats_its_call_with_a_new_token(merchant: Merchant) -> None:
    """A page that is loaded again, with another token for its order, is answered with the first
    payment."""
    page, key = Shopper.of(merchant), merchant.key()
    first = page.charge(idempotencyKey=key)
    calls = merchant.calls()
    again = Shopper.of(merchant, page.order_id).charge(idempotencyKey=key)

    assert (first["replayed"], again["replayed"]) == (False, True)
    assert again["payment"]["id"] == first["payment"]["id"]
    assert merchant.calls() == calls


def test_a_key_comes_back_as_it_was_sent(merchant: Merchant) -> None:
    """A key used with another input is named as the page wrote it."""
    page = Shopper.of(merchant)
    page.charge(idempotencyKey="mine")
    reused = page.charge("pm_card_mastercard", idempotencyKey="mine")

    assert (reused["__typename"], reused["idempotencyKey"]) == ("IdempotencyError", "mine")
    assert reused["code"] == "IDEMPOTENCY_KEY_REUSED"


def test_nobody_writes_a_pages_key(merchant: Merchant) -> None:
    """The form under which a page's keys are kept is no key that a caller can send."""
    page = Shopper.of(merchant)
    page.charge(idempotencyKey="mine")
    refused = merchant.pay(
        "chargePayment", merchant.order(), idempotencyKey=f"checkout {page.order_id} mine"
    )

    assert refused["__typename"] == "ValidationError"
    assert refused["issues"] == [
        {"path": ["input", "idempotencyKey"], "rule": "INVALID_IDEMPOTENCY_KEY"}
    ]
