"""Money facts of the sandbox that the library's contract test does not reach."""

import json
import re
from pathlib import Path

import pytest

from sandbox.cards import CARDS, by_token
from sandbox.flows import disputes, refunds
from sandbox.wire import Request
from tests.unit.sandbox.client import CONFIRMED, KEY, Caller

ROOT = Path(__file__).parents[3]


def _transactions(caller: Caller, **headers: str) -> list[tuple[str, int, int, int]]:
    listed = caller.get("balance_transactions", {"limit": "100"}, **headers)["data"]
    return [(each["type"], each["amount"], each["fee"], each["net"]) for each in reversed(listed)]


def test_charge_in_another_currency_is_settled_at_the_fixed_rate() -> None:
    """100.00 EUR settle as 108.00 USD; the fee is taken of that."""
    caller = Caller()
    intent = caller.paid(amount="10000", currency="eur")
    charge = caller.get(f"charges/{intent['latest_charge']}", {"expand[]": "balance_transaction"})
    transaction = charge["balance_transaction"]

    assert (transaction["amount"], transaction["currency"]) == (10800, "usd")
    assert (transaction["fee"], transaction["exchange_rate"]) == (343, 1.08)


def test_dispute_takes_and_winning_gives_back() -> None:
    """A dispute withdraws its amount and a fee of 15.00; winning returns the amount."""
    caller = Caller()
    intent = caller.paid("pm_card_createDispute")
    [dispute] = caller.get("disputes", {"payment_intent": intent["id"]})["data"]
    caller.order(f"disputes/{dispute['id']}", status="won")

    assert _transactions(caller) == [
        ("charge", 2000, 88, 1912),
        ("adjustment", -2000, 1500, -3500),
        ("adjustment", 2000, 0, 2000),
    ]
    assert caller.look("ledger")["balance"] == {"usd": 1912 - 1500}


def test_dispute_of_a_part() -> None:
    """A dispute may be of less than the charge."""
    caller = Caller()
    intent = caller.paid()
    dispute = caller.order(f"charges/{intent['latest_charge']}/dispute", amount=700)

    assert dispute["amount"] == 700
    assert _transactions(caller)[-1] == ("adjustment", -700, 1500, -2200)


@pytest.mark.parametrize("machine", [disputes.NEXT, refunds.NEXT], ids=["disputes", "refunds"])
def test_state_tables_are_closed(machine: dict[str, frozenset[str]]) -> None:
    """No table leads to a status that it does not list, or from one to itself."""
    assert set().union(*machine.values()) <= set(machine)
    assert all(status not in following for status, following in machine.items())


def test_wrong_moves_are_refused() -> None:
    """A control route cannot move a dispute or a refund where the table does not lead."""
    caller = Caller()
    intent = caller.paid()
    charge = intent["latest_charge"]
    refund = caller.post("refunds", {"charge": charge})
    caller.order(f"refunds/{refund['id']}", status="failed")
    again = caller.control("POST", f"refunds/{refund['id']}", status="succeeded")
    inquiry = caller.order(f"charges/{charge}/dispute", status="warning_needs_response")
    won = caller.control("POST", f"disputes/{inquiry['id']}", status="won")

    assert (again.status, won.status) == (400, 400)


def test_released_remainder_moves_no_money() -> None:
    """The rest of a partial capture shows as a refund without a balance transaction."""
    caller = Caller()
    intent = caller.post("payment_intents", {**CONFIRMED, "capture_method": "manual"})
    caller.post(f"payment_intents/{intent['id']}/capture", {"amount_to_capture": "1500"})
    [released] = caller.get("refunds", {"payment_intent": intent["id"]})["data"]

    failed = caller.control("POST", f"refunds/{released['id']}", status="failed")

    assert failed.status == 400
    assert (released["amount"], released["balance_transaction"]) == (500, None)
    assert _transactions(caller) == [("charge", 1500, 74, 1426)]
    assert caller.look("ledger")["refunds"] == []


def test_connected_balance_gets_the_application_fee_back() -> None:
    """A fee refund leaves the platform's balance and comes to the account's."""
    caller = Caller()
    account = caller.post("accounts", {"type": "standard", "country": "US"})["id"]
    form = {**CONFIRMED, "capture_method": "automatic", "application_fee_amount": "200"}
    intent = caller.post("payment_intents", form, stripe_account=account)
    caller.post(
        "refunds",
        {"payment_intent": intent["id"], "refund_application_fee": "true"},
        stripe_account=account,
    )

    assert _transactions(caller) == [
        ("application_fee", 200, 0, 200),
        ("application_fee_refund", -200, 0, -200),
    ]
    ledger = caller.look("ledger")
    assert ledger["balance"] == {"usd": -88}


@pytest.mark.parametrize(
    ("currency", "amount", "fee", "less"),
    [("kwd", "5000", "155", "150"), ("isk", "500000", "15050", "15000")],
)
def test_an_application_fee_is_a_sum_of_its_currency(
    currency: str, amount: str, fee: str, less: str
) -> None:
    """Its last digits are held to the rules of an amount, at the creation and at the capture."""
    caller = Caller()
    account = caller.post("accounts", {"type": "standard"})["id"]
    form = {**CONFIRMED, "amount": amount, "currency": currency, "capture_method": "manual"}
    at_once = caller.refusal(
        "payment_intents", {**form, "application_fee_amount": fee}, stripe_account=account
    )
    intent = caller.post(
        "payment_intents", {**form, "application_fee_amount": less}, stripe_account=account
    )
    capture = f"payment_intents/{intent['id']}/capture"
    later = caller.refusal(capture, {"application_fee_amount": fee}, stripe_account=account)
    taken = caller.post(capture, {"application_fee_amount": less}, stripe_account=account)

    assert [at_once["param"], later["param"]] == ["application_fee_amount"] * 2
    assert taken["status"] == "succeeded"


def test_every_card_is_in_the_documentation() -> None:
    """The table in docs/sandbox.md is the table in the code."""
    text = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(pm_card_\w+)` \| (\w+) (\d{4}) \| (.+?) \|$", text, re.MULTILINE)

    assert rows == [(card.name, card.brand, card.last4, card.outcome) for card in CARDS.values()]


def test_tokens_are_the_cards_by_another_name() -> None:
    """tok_visa is pm_card_visa; an unknown token is nothing."""
    card = by_token("tok_visa")

    assert card is CARDS["pm_card_visa"]
    assert by_token("tok_nothing") is None
    assert by_token("pm_card_visa") is None


def test_expand_is_checked_before_anything_happens() -> None:
    """A wrong path to expand is refused without an effect."""
    caller = Caller()
    for path in ("nothing", "latest_charge.nothing", "data.latest_charge", "a.b.c.d.e"):
        caller.refusal("payment_intents", {**CONFIRMED, "expand[]": path})

    assert caller.get("payment_intents")["data"] == []


def test_three_d_secure_page_ends_it_and_returns() -> None:
    """The page of next_action finishes 3-D Secure and sends the shopper back."""
    caller = Caller()
    form = {
        **CONFIRMED,
        "payment_method": "pm_card_threeDSecure2Required",
        "return_url": "https://shop.example/back?cart=1",
    }
    intent = caller.post("payment_intents", form, host="127.0.0.1:1")
    url = intent["next_action"]["redirect_to_url"]["url"]
    path = url.removeprefix("http://127.0.0.1:1")
    page = caller.sandbox.handle(Request("GET", path))
    done = caller.sandbox.handle(Request("POST", path, "", {}, b"outcome=succeed"))

    assert b"Complete" in page.body
    assert done.status == 303
    assert done.headers["location"].startswith("https://shop.example/back?cart=1&payment_intent=")
    assert caller.get(f"payment_intents/{intent['id']}")["status"] == "succeeded"


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f"Bearer {KEY}", 200),
        ("Basic c2tfdGVzdF91bml0MDAwMTo=", 200),
        ("Bearer sk_live_unit0001", 401),
        ("Bearer sk_test_short", 401),
        ("Basic ???", 401),
        ("", 401),
    ],
)
def test_keys(header: str, status: int) -> None:
    """Test keys are valid as bearer or basic credentials; all else is 401."""
    response = Caller().send("GET", "/v1/events", authorization=header)

    assert response.status == status
    assert ("error" in json.loads(response.body)) is (status == 401)


def test_disabled_and_deauthorized_accounts() -> None:
    """An account that may not charge is refused; one that left is out of reach, and it is told."""
    caller = Caller()
    account = caller.post("accounts", {"type": "standard"})["id"]
    caller.order(f"accounts/{account}", charges_enabled=False)
    caller.refusal("payment_intents", CONFIRMED, stripe_account=account)
    caller.order(f"accounts/{account}", deauthorized=True)

    gone = caller.refusal("payment_intents", CONFIRMED, 403, stripe_account=account)
    assert gone["code"] == "account_invalid"
