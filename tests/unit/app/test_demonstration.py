"""The demonstration's own judgement: that it sees what is wrong."""

import json
from dataclasses import replace

import pytest
from graphql import build_schema, parse, validate

from app.demonstration.api import OPERATIONS, Money, Payment, document
from app.demonstration.figures import Figures, Row, dollars, wrong_figures
from app.demonstration.inbox import Count, Heard, Webhooks
from app.demonstration.judge import Facts, books_of
from app.demonstration.reckoning import differences
from schema.schema import print_sdl

FIGURES = Figures(
    status="PAID", total=8000, platform_fee=150, gateway_fee=262, is_final=True, net=4588
)
PAYMENT = Payment.model_construct(
    id="pay_1",
    status="PAID",
    gateway_payment_id="pi_1",
    total_amount=Money.model_construct(amount_cents=8000),
    captured_amount=Money.model_construct(amount_cents=8000),
    refunded_amount=Money.model_construct(amount_cents=3000),
    platform_fee=Money.model_construct(amount_cents=240),
    platform_fee_refunded=Money.model_construct(amount_cents=90),
    gateway_fee=Money.model_construct(amount_cents=262),
    gateway_fee_is_final=True,
    net_amount=Money.model_construct(amount_cents=4588),
    next_action=None,
)
EMPTY = books_of('{"charges": [], "refunds": [], "balance": {}, "balance_transactions": []}')


def ledger(*, charges: int = 1, refunded: int = 3000, fee: int = 262) -> str:
    """The sandbox's ledger with so many charges of 80.00 on one intent, the first refunded."""
    ids = [f"ch_{number}" for number in range(charges)]
    return json.dumps(
        {
            "charges": [
                {
                    "id": id_,
                    "payment_intent": "pi_1",
                    "amount_captured": 8000,
                    "status": "succeeded",
                    "captured": True,
                }
                for id_ in ids
            ],
            "refunds": [{"charge": "ch_0", "amount": refunded, "status": "succeeded"}],
            "balance": {"usd": charges * (8000 - fee) - refunded},
            "balance_transactions": [{"source": id_, "fee": fee} for id_ in ids],
        }
    )


@pytest.mark.parametrize("path", sorted(OPERATIONS.iterdir()), ids=lambda path: path.stem)
def test_a_document_fits_the_schema(path: object) -> None:
    """Every checked-in document is valid against the schema."""
    assert isinstance(path, type(OPERATIONS))
    if path.stem != "payment_figures":
        assert validate(build_schema(print_sdl()), parse(document(path.stem))) == []


@pytest.mark.parametrize(
    ("cents", "shown"), [(0, "0.00"), (5, "0.05"), (9380, "93.80"), (-262, "-2.62")]
)
def test_cents_are_shown_as_dollars(cents: int, shown: str) -> None:
    """Cents become dollars exactly, below zero too."""
    assert dollars(cents) == shown


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (replace(FIGURES, net=4587), "charge, Starter: net is 45.87, not 45.88"),
        (replace(FIGURES, status="FAILED"), "charge, Starter: status is FAILED, not PAID"),
        (replace(FIGURES, is_final=False), "charge, Starter: is final is False, not True"),
    ],
)
def test_a_wrong_figure_is_named(found: Figures, sentence: str) -> None:
    """A figure that differs is told with both values; the others are not mentioned."""
    row = Row(what="charge", tier="Starter", expected=FIGURES, found=found)
    assert list(wrong_figures([row])) == [sentence]


def test_right_figures_are_not_mentioned() -> None:
    """Where all figures are right there is nothing to say."""
    row = Row(what="charge", tier="Starter", expected=FIGURES, found=FIGURES)
    assert list(wrong_figures([row])) == []


def test_an_equal_ledger_is_accepted() -> None:
    """Amounts that agree in the ledger and here bring no difference."""
    books = books_of(ledger())
    assert books.total == Facts(8000, 3000, 262)
    assert list(differences(EMPTY, books, [PAYMENT])) == []


@pytest.mark.parametrize(
    "told",
    [ledger(charges=2), ledger(refunded=3001), ledger(fee=261)],
    ids=["charged twice", "a refund of a cent more", "a fee of a cent less"],
)
def test_a_ledger_that_differs_is_noticed(told: str) -> None:
    """A second charge, or one cent, is told for the payment, the sum and the balance."""
    sentences = list(differences(EMPTY, books_of(told), [PAYMENT]))
    assert [sentence.split(":")[0] for sentence in sentences] == [
        "ledger, pay_1",
        "ledger, all together",
        "ledger, balance",
    ]


def test_money_of_no_payment_is_noticed() -> None:
    """A charge that no payment of the run knows shows in the sum and the balance."""
    sentences = list(differences(EMPTY, books_of(ledger()), []))
    assert len(sentences) == 2
    assert "captured 80.00" in sentences[0]


def test_webhooks_are_complete_when_each_was_worked_off() -> None:
    """An event that was not delivered, not received or not worked off is missing."""
    ids = frozenset({"evt_1", "evt_2"})
    done, open_ = (
        Heard("evt_1", "pi_1", is_processed=True),
        Heard("evt_2", "pi_2", is_processed=False),
    )
    assert Webhooks(ids, ids, (done, replace(open_, is_processed=True))).is_complete
    assert Webhooks(ids, ids, (done, open_)).missing() == ["evt_2"]
    assert Webhooks(ids, ids, (done,)).missing() == ["evt_2"]
    assert Webhooks(ids, frozenset({"evt_2"}), (done, open_)).missing() == ["evt_1", "evt_2"]
    assert not Webhooks(frozenset(), frozenset(), ()).is_complete
    assert Webhooks(ids, ids, (done, open_)).count() == Count(2, 1)
    assert Webhooks(ids, ids, (done, open_)).count("pi_2") == Count(1, 0)
