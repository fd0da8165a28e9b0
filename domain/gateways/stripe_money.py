"""Stripe's balance transactions: what a charge, a refund or a dispute moved in the account."""

from __future__ import annotations

from collections.abc import Mapping

from domain.currency import from_gateway
from domain.gateways.stripe_fields import Json, maybe_object, number_of, reference, text_of
from domain.payment import ApplicationFee
from domain.refund import RefundSettlement
from domain.snapshot import BalanceTransaction, Settlement


def settlement_of(charge: Json | None) -> Settlement | None:
    """What the gateway settled for a charge, where its balance transaction is expanded."""
    settled = maybe_object(charge, "balance_transaction") if charge else None
    if charge is None or settled is None:
        return None
    currency = text_of(settled, "currency").upper()
    rate = settled.get("exchange_rate")
    return Settlement(
        gateway_balance_transaction_id=text_of(settled, "id"),
        amount=from_gateway(number_of(settled, "amount"), currency),
        fee=from_gateway(_gateway_fee(settled), currency),
        currency=currency,
        exchange_rate=None if rate is None else str(rate),
        application_fee=_application_fee(charge, settled),
    )


def refund_settlement_of(refund: Json) -> RefundSettlement | None:
    """What a refund took, where its balance transaction is expanded."""
    taken = refund.get("balance_transaction")
    if not isinstance(taken, Mapping):
        return None
    moved, back = balance_transaction_of(taken), refund.get("failure_balance_transaction")
    returned = balance_transaction_of(back) if isinstance(back, Mapping) else None
    return RefundSettlement(
        amount=-moved.amount,
        returned=returned.amount if returned else None,
        currency=moved.currency,
    )


def refund_fee_of(refund: Json) -> int:
    """What a refund cost, less what was returned of that, as far as it is expanded."""
    moved = (refund.get("balance_transaction"), refund.get("failure_balance_transaction"))
    return sum(balance_transaction_of(each).fee for each in moved if isinstance(each, Mapping))


def _application_fee(charge: Json, settled: Json) -> ApplicationFee | None:
    fee_id, taken = reference(charge, "application_fee"), _fees(settled, of_application=True)
    if fee_id is None:
        return None
    currency, own = text_of(charge, "currency").upper(), text_of(settled, "currency").upper()
    amount = from_gateway(number_of(charge, "application_fee_amount"), currency)
    return ApplicationFee(fee_id, amount, from_gateway(taken, own))


def _gateway_fee(settled: Json) -> int:
    # On a connected account the total also holds the platform's own application fee.
    if not isinstance(settled.get("fee_details"), list):
        return number_of(settled, "fee")
    return _fees(settled, of_application=False)


def _fees(settled: Json, *, of_application: bool) -> int:
    details = settled.get("fee_details")
    return sum(
        number_of(detail, "amount")
        for detail in (details if isinstance(details, list) else ())
        if isinstance(detail, Mapping)
        and (detail.get("type") == "application_fee") is of_application
    )


def balance_transaction_of(moved: Json) -> BalanceTransaction:
    """A balance transaction, in minor units of its currency. Its `net` is reckoned of the other
    two, so that the three agree where the gateway counts parts of a unit."""
    currency = text_of(moved, "currency").upper()
    amount = from_gateway(number_of(moved, "amount"), currency)
    fee = from_gateway(number_of(moved, "fee"), currency)
    return BalanceTransaction(
        gateway_balance_transaction_id=text_of(moved, "id"),
        amount=amount,
        fee=fee,
        net=amount - fee,
        currency=currency,
    )
