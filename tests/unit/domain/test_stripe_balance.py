"""Stripe's balance transactions as movements."""

from __future__ import annotations

from typing import Any

import pytest

from domain.gateway_balance import Movement, MovementKind
from domain.gateways.stripe_balance import movement_of

MOVED = {"id": "txn_1", "amount": 10_000, "fee": 320, "currency": "usd"}


def read(source: Any, **changes: Any) -> Movement:
    """The movement with that source."""
    return movement_of({**MOVED, **changes, "source": source})


def test_a_charge_tells_all() -> None:
    """Its own id, the intent's, and our payment's by its metadata; net is less the fee."""
    source = {
        "id": "ch_1",
        "payment_intent": "pi_1",
        "metadata": {"tollgate_payment_id": "pay_1"},
    }
    assert read(source) == Movement(
        source_id="ch_1",
        kind=MovementKind.CHARGE,
        net=9_680,
        fee=320,
        currency="USD",
        gateway_payment_id="pi_1",
        gateway_charge_id="ch_1",
        tollgate_payment_id="pay_1",
    )


@pytest.mark.parametrize(
    ("source_id", "kind"),
    [
        ("py_1", MovementKind.CHARGE),
        ("re_1", MovementKind.REFUND),
        ("pyr_1", MovementKind.REFUND),
        ("dp_1", MovementKind.DISPUTE),
        ("du_1", MovementKind.DISPUTE),
        ("fr_1", MovementKind.FEE_REFUND),
        ("po_1", MovementKind.OTHER),
        ("fee_1", MovementKind.OTHER),
    ],
)
def test_the_id_says_what_moved(source_id: str, kind: MovementKind) -> None:
    """Expanded or not: where the account may not see its source, the id is all there is."""
    expanded, plain = read({"id": source_id, "charge": "ch_1"}), read(source_id)

    assert (expanded.kind, plain.kind) == (kind, kind)
    assert plain.source_id == expanded.source_id == source_id
    assert plain.gateway_payment_id is None


def test_a_refund_names_its_charge() -> None:
    """Where its intent is null; expanded objects are known by their ids. Its metadata are not its
    payment's."""
    refund = read(
        {
            "id": "re_1",
            "payment_intent": None,
            "charge": {"id": "ch_1"},
            "metadata": {"tollgate_payment_id": "pay_1"},
        },
        amount=-500,
        fee=0,
    )
    assert (refund.net, refund.gateway_payment_id, refund.gateway_charge_id) == (-500, None, "ch_1")
    assert refund.tollgate_payment_id is None


def test_money_without_a_source() -> None:
    """Stripe's own: it is told by its own id, and is nobody's."""
    moved = read(None, amount=0, fee=200)
    assert (moved.source_id, moved.kind, moved.net) == ("txn_1", MovementKind.OTHER, -200)


@pytest.mark.parametrize("lacking", ["amount", "fee", "currency"])
def test_what_cannot_be_read(lacking: str) -> None:
    """A movement without its money is no movement."""
    moved = {name: value for name, value in MOVED.items() if name != lacking}
    with pytest.raises(KeyError):
        movement_of({**moved, "source": "ch_1"})
