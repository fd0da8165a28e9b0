"""Disputes of the sandbox that the library's contract test does not reach."""

import pytest

from tests.unit.sandbox.client import Caller

FEE = 1500


def moves(caller: Caller) -> list[tuple[int, int]]:
    """Amount and fee of everything that disputes moved, oldest first."""
    listed = caller.get("balance_transactions", {"limit": "100", "type": "adjustment"})["data"]
    return [(each["amount"], each["fee"]) for each in reversed(listed)]


def types(caller: Caller) -> list[str]:
    """The types of the events about disputes, oldest first, without what they have alike."""
    return [name.removeprefix("charge.dispute.") for name in caller.types() if ".dispute." in name]


@pytest.mark.parametrize(
    ("status", "taken", "told"),
    [
        ("needs_response", [(-2000, FEE)], ["created", "funds_withdrawn"]),
        ("under_review", [(-2000, FEE)], ["created", "funds_withdrawn"]),
        ("lost", [(-2000, FEE)], ["created", "funds_withdrawn", "closed"]),
        ("warning_needs_response", [], ["created"]),
        ("prevented", [], ["created", "closed"]),
    ],
)
def test_a_dispute_opens_in_a_status(
    status: str, taken: list[tuple[int, int]], told: list[str]
) -> None:
    """Its money and its events are those of the status."""
    caller = Caller()
    charge = caller.paid()["latest_charge"]
    dispute = caller.order(f"charges/{charge}/dispute", status=status)

    assert dispute["status"] == status
    assert dispute["is_charge_refundable"] is (taken == [])
    assert (moves(caller), types(caller)) == (taken, told)


def test_a_dispute_does_not_open_as_won() -> None:
    """What was won was open before."""
    caller = Caller()
    charge = caller.paid()["latest_charge"]

    assert caller.control("POST", f"charges/{charge}/dispute", status="won").status == 400


def test_several_disputes_share_a_charge() -> None:
    """One without an amount takes what is left; after that there is nothing."""
    caller = Caller()
    charge = caller.paid()["latest_charge"]
    part = caller.order(f"charges/{charge}/dispute", amount=500)
    rest = caller.order(f"charges/{charge}/dispute")

    assert (part["amount"], rest["amount"]) == (500, 1500)
    assert caller.control("POST", f"charges/{charge}/dispute").status == 400
    assert moves(caller) == [(-500, FEE), (-1500, FEE)]


def test_a_dispute_goes_to_and_fro() -> None:
    """Won, opened again, lost, won: the money follows each time, and the fee is taken once."""
    caller = Caller()
    charge = caller.paid()["latest_charge"]
    dispute = caller.order(f"charges/{charge}/dispute")
    for status in ("won", "needs_response", "lost", "won"):
        caller.order(f"disputes/{dispute['id']}", status=status)

    assert moves(caller) == [(-2000, FEE), (2000, 0), (-2000, 0), (2000, 0)]
    assert caller.get(f"disputes/{dispute['id']}", {})["is_charge_refundable"] is True


def test_a_win_brings_the_fee_back_on_demand() -> None:
    """In the balance transaction that reinstates the money."""
    caller = Caller()
    charge = caller.paid()["latest_charge"]
    dispute = caller.order(f"charges/{charge}/dispute")
    caller.order(f"disputes/{dispute['id']}", status="won", return_fee=True)

    assert moves(caller) == [(-2000, FEE), (2000, -FEE)]
    assert caller.look("ledger")["balance"] == {"usd": 1912}
