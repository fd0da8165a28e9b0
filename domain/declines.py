"""What a payer may be told about a decline.

Stripe asks not to reveal that a card is reported lost, stolen or suspected of fraud
(docs.stripe.com/declines/codes): those, and every code not named here, read as a plain decline.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from domain.payment import PaymentFailure
from domain.snapshot import Decline

_MESSAGES = {
    "authentication_required": "Your bank asks you to confirm this payment.",
    "card_not_supported": "This card does not support this kind of purchase.",
    "currency_not_supported": "This card does not support the currency.",
    "expired_card": "The card has expired.",
    "incorrect_cvc": "The card's security code is incorrect.",
    "incorrect_number": "The card number is incorrect.",
    "insufficient_funds": "The card has insufficient funds.",
    "payment_intent_authentication_failure": "The payment could not be confirmed with your bank.",
    "processing_error": "The card could not be processed. Please try again in a little while.",
}
_PLAIN = "The card was declined."
_UNFINISHED = "The payment was not completed."


def failure_from(decline: Decline | None, at: datetime) -> PaymentFailure:
    """The failure to keep on the payment; without a decline the payment was just not finished."""
    if decline is None:
        return PaymentFailure(None, None, _UNFINISHED, at)
    code = decline.decline_code or decline.code
    return PaymentFailure(code, decline.message, _MESSAGES.get(code or "", _PLAIN), at)


def latest_failure(
    failure: PaymentFailure | None, decline: Decline | None, at: datetime
) -> PaymentFailure:
    """The failure to keep when the gateway tells of `decline`, which is always its latest one: a
    payer may have tried another card before the intent was closed. One told of again keeps its
    moment."""
    told = failure_from(decline, at)
    if failure is None:
        return told
    if decline is None or replace(told, at=failure.at) == failure:
        return failure
    return told
