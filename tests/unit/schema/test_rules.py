"""Rules of the inputs that need no database."""

from __future__ import annotations

import pytest

from domain.card_numbers import without_card_numbers
from domain.errors import ValidationFailed
from domain.payment import GatewayType, PaymentMethodType
from schema.inputs import (
    CapturePaymentInput,
    ChargePaymentInput,
    CreateOrderInput,
    PaymentMethodInput,
)
from schema.rules import (
    check_email,
    check_idempotency_key,
    check_payment_method_token,
    check_reference,
    check_return_url,
)
from schema.scalars import Cents, Currency, Json, SafeText


@pytest.mark.parametrize("key", ["k", "a" * 255, "6f1c-4", "!~"])
def test_a_visible_key_is_taken(key: str) -> None:
    """1 to 255 visible ASCII characters make a key."""
    assert list(check_idempotency_key(key)) == []


@pytest.mark.parametrize("key", ["", " ", "a b", "a" * 256, "é", "k\n"])
def test_other_keys_are_refused(key: str) -> None:
    """Blank, long and non-ASCII keys break the rule."""
    assert [issue.rule for issue in check_idempotency_key(key)] == ["INVALID_IDEMPOTENCY_KEY"]


@pytest.mark.parametrize(
    "token", ["pm_card_visa", "tok_1abc", "card_1Abc", "pm_1", "pm_4242424242424241"]
)
def test_a_gateway_token_is_taken(token: str) -> None:
    """The gateway's prefixes make a token."""
    assert list(check_payment_method_token(token)) == []


@pytest.mark.parametrize(
    "token",
    [
        "4242424242424242",
        "4242 4242 4242 4242",
        "378282246310005",
        "6011-1111-1111-1117",
        "pm_4242424242424242",
        "tok_card4242424242424242x",
    ],
)
def test_a_card_number_is_refused_and_not_repeated(token: str) -> None:
    """A card number has its own rule, and its digits stand in no message."""
    (issue,) = check_payment_method_token(token)

    assert issue.rule == "CARD_DATA_FORBIDDEN"
    assert not any(character.isdigit() for character in issue.message)


@pytest.mark.parametrize(
    "token", ["", "pm_", "pm-1", "src_1", "pm_1/../x", "pm_é", "4242424242424241", "pm_a b", "pi_1"]
)
def test_other_tokens_are_refused(token: str) -> None:
    """What is neither a token nor a card number is an invalid token."""
    assert [issue.rule for issue in check_payment_method_token(token)] == ["INVALID_TOKEN"]


@pytest.mark.parametrize(
    "url",
    [
        None,
        "https://shop.example/return?order=1",
        "http://localhost:3000/return",
        "http://127.0.0.1/",
    ],
)
def test_an_https_address_is_taken(url: str | None) -> None:
    """https anywhere, http to this machine, or no address at all."""
    assert list(check_return_url(url)) == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://shop.example/",
        "javascript:alert(1)",
        "https://",
        "https:///path",
        "//shop.example",
        "https://user:secret@shop.example/",
        "http://localhost.evil.example/",
        "https://[::1",
        "https://shop.example:99999/",
        "https://shop.example/a b",
    ],
)
def test_other_addresses_are_refused(url: str) -> None:
    """Other schemes, credentials and what is no address break the rule."""
    assert [issue.rule for issue in check_return_url(url)] == ["INVALID_RETURN_URL"]


@pytest.mark.parametrize(("email", "rules"), [(None, []), ("a@b.example", [])])
def test_an_address_is_taken(email: str | None, rules: list[str]) -> None:
    """An e-mail address, or none, is fine."""
    assert [issue.rule for issue in check_email(email)] == rules


@pytest.mark.parametrize("email", ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@" + "b" * 300])
def test_no_address_is_refused(email: str) -> None:
    """What is no e-mail address breaks the rule."""
    assert [issue.rule for issue in check_email(email)] == ["INVALID_EMAIL"]


def test_a_reference_is_not_blank() -> None:
    """A reference of blanks alone says nothing."""
    assert [issue.rule for issue in check_reference("  ")] == ["REFERENCE_BLANK"]
    assert list(check_reference("A-1")) == []


def test_every_broken_rule_is_named_at_once() -> None:
    """A command that breaks four rules is refused with four issues, each with its path."""
    given = CreateOrderInput(
        reference=SafeText(" "),
        total_amount_cents=Cents(1),
        currency=Currency("USD"),
        customer_email=SafeText("nobody"),
        metadata=Json({"tollgate_x": "1"}),
        idempotency_key=SafeText(""),
    )
    with pytest.raises(ValidationFailed) as refused:
        given.to_command()

    assert [(issue.path[-1], issue.rule) for issue in refused.value.issues] == [
        ("reference", "REFERENCE_BLANK"),
        ("customerEmail", "INVALID_EMAIL"),
        ("metadata", "METADATA_KEY_RESERVED"),
        ("idempotencyKey", "INVALID_IDEMPOTENCY_KEY"),
    ]


def test_a_charge_becomes_its_command() -> None:
    """Every field of the input reaches the command."""
    command = ChargePaymentInput(
        order_id="ord_1",  # type: ignore[arg-type]  # strawberry.ID is a str
        payment_method=PaymentMethodInput(
            type=PaymentMethodType.WALLET, token=SafeText("pm_card_visa")
        ),
        gateway_type=GatewayType.STRIPE,
        return_url=SafeText("https://shop.example/"),
        metadata=Json({"cart": "7"}),
        idempotency_key=SafeText("k"),
    ).to_command()

    assert command.order_id == "ord_1"
    assert command.payment_method_type is PaymentMethodType.WALLET
    assert command.payment_method_ref == "pm_card_visa"
    assert command.return_url == "https://shop.example/"
    assert command.metadata == {"cart": "7"}
    assert command.idempotency_key == "k"


def test_a_capture_without_amount_asks_for_all() -> None:
    """An amount left out stays open for the domain to fill."""
    command = CapturePaymentInput(
        payment_id="pay_1",  # type: ignore[arg-type]  # strawberry.ID is a str
        idempotency_key=SafeText("k"),
    ).to_command()

    assert command.amount is None


def test_messages_lose_long_runs_of_digits() -> None:
    """Runs of 13 to 19 digits are blacked out, others stay."""
    assert "4242" not in without_card_numbers("a 4242424242424242 b")
    assert "4242" not in without_card_numbers("a 4242-4242 4242-4242 b")
    assert without_card_numbers("at most 9999999") == "at most 9999999"
