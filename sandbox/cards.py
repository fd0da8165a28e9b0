"""The test cards: one table of what each ``pm_card_*`` name does.

Names and answers are Stripe's (docs.stripe.com/testing), but for those with ``sandbox`` in them.
"""

from dataclasses import dataclass
from enum import StrEnum


class Behaviour(StrEnum):
    """What happens when a payment with the card is confirmed, and later."""

    SUCCEED = "succeeds"
    DECLINE = "is declined"
    AUTHENTICATE = "asks for 3-D Secure, then succeeds"
    AUTHENTICATE_DECLINE = "asks for 3-D Secure, then is declined"
    PROCESS = "stays in processing until a control route ends it"
    DISPUTE = "succeeds, then a dispute opens"
    REFUND_PENDING = "succeeds; a refund stays pending, then succeeds"
    REFUND_FAIL = "succeeds; a refund succeeds, then fails"


@dataclass(frozen=True, slots=True)
class Decline:
    """Why a card is declined (docs.stripe.com/declines/codes)."""

    code: str
    decline_code: str | None
    message: str
    param: str | None = None
    advice_code: str = "try_again_later"


@dataclass(frozen=True, slots=True)
class DisputeKind:
    """The dispute that a card raises on its own charges."""

    reason: str
    status: str
    case_type: str
    network_reason_code: str


@dataclass(frozen=True, slots=True)
class Card:
    """One test card; no number of it is ever held."""

    name: str
    brand: str = "visa"
    last4: str = "4242"
    behaviour: Behaviour = Behaviour.SUCCEED
    decline: Decline | None = None
    dispute: DisputeKind | None = None
    funding: str = "credit"
    risk_level: str = "normal"
    country: str = "US"

    @property
    def outcome(self) -> str:
        """The behaviour in words, as the documentation's table says it."""
        if self.decline:
            code = self.decline.decline_code
            return f"{self.behaviour}: {self.decline.code}{f'/{code}' if code else ''}"
        if self.dispute:
            return f"{self.behaviour}: {self.dispute.reason}, {self.dispute.status}"
        return str(self.behaviour)


EXP_MONTH = 12
EXP_YEAR = 2034

DECLINED = "Your card was declined."
GENERIC = Decline("card_declined", "generic_decline", DECLINED)
INSUFFICIENT = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
LOST = Decline("card_declined", "lost_card", DECLINED, advice_code="do_not_try_again")
STOLEN = Decline("card_declined", "stolen_card", DECLINED, advice_code="do_not_try_again")
FRAUDULENT = Decline("card_declined", "fraudulent", DECLINED, advice_code="do_not_try_again")
VELOCITY = Decline("card_declined", "card_velocity_exceeded", DECLINED)
EXPIRED = Decline("expired_card", None, "Your card has expired.", "exp_month", "do_not_try_again")
INCORRECT_CVC = Decline(
    "incorrect_cvc",
    None,
    "Your card's security code is incorrect.",
    "cvc",
    "confirm_card_data",
)
PROCESSING_ERROR = Decline(
    "processing_error",
    None,
    "An error occurred while processing your card. Try again in a little bit.",
)
AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)

FRAUD_DISPUTE = DisputeKind("fraudulent", "needs_response", "chargeback", "10.4")
NOT_RECEIVED = DisputeKind("product_not_received", "needs_response", "chargeback", "13.1")
INQUIRY = DisputeKind("fraudulent", "warning_needs_response", "inquiry", "10.4")


def _declines(name: str, last4: str, decline: Decline) -> Card:
    return Card(name, last4=last4, behaviour=Behaviour.DECLINE, decline=decline)


def _blocked(name: str) -> Card:
    return Card(
        name,
        last4="0019",
        behaviour=Behaviour.DECLINE,
        decline=FRAUDULENT,
        risk_level="highest",
    )


def _authenticates(name: str, last4: str) -> Card:
    return Card(name, last4=last4, behaviour=Behaviour.AUTHENTICATE)


def _authenticates_declines(name: str, last4: str, decline: Decline) -> Card:
    return Card(name, last4=last4, behaviour=Behaviour.AUTHENTICATE_DECLINE, decline=decline)


def _disputed(name: str, last4: str, dispute: DisputeKind) -> Card:
    return Card(name, last4=last4, behaviour=Behaviour.DISPUTE, dispute=dispute)


CARDS: dict[str, Card] = {
    card.name: card
    for card in (
        Card("pm_card_visa"),
        Card("pm_card_visa_debit", last4="5556", funding="debit"),
        Card("pm_card_mastercard", "mastercard", "4444"),
        Card("pm_card_mastercard_debit", "mastercard", "8210", funding="debit"),
        Card("pm_card_mastercard_prepaid", "mastercard", "5100", funding="prepaid"),
        Card("pm_card_amex", "amex", "0005"),
        Card("pm_card_discover", "discover", "1117"),
        Card("pm_card_diners", "diners", "0004"),
        Card("pm_card_jcb", "jcb", "0505"),
        Card("pm_card_unionpay", "unionpay", "0005"),
        Card("pm_card_bypassPending", last4="0077"),
        Card("pm_card_riskLevelElevated", last4="9235", risk_level="elevated"),
        Card("pm_card_threeDSecureOptional", last4="3055"),
        _declines("pm_card_visa_chargeDeclined", "0002", GENERIC),
        _declines("pm_card_chargeDeclined", "0002", GENERIC),
        _declines("pm_card_chargeCustomerFail", "0341", GENERIC),
        _declines("pm_card_visa_chargeDeclinedInsufficientFunds", "9995", INSUFFICIENT),
        _declines("pm_card_chargeDeclinedInsufficientFunds", "9995", INSUFFICIENT),
        _declines("pm_card_visa_chargeDeclinedLostCard", "9987", LOST),
        _declines("pm_card_chargeDeclinedLostCard", "9987", LOST),
        _declines("pm_card_visa_chargeDeclinedStolenCard", "9979", STOLEN),
        _declines("pm_card_chargeDeclinedStolenCard", "9979", STOLEN),
        _declines("pm_card_visa_chargeDeclinedVelocityLimitExceeded", "6975", VELOCITY),
        _declines("pm_card_visa_chargeDeclinedExpiredCard", "0069", EXPIRED),
        _declines("pm_card_chargeDeclinedExpiredCard", "0069", EXPIRED),
        _declines("pm_card_visa_chargeDeclinedIncorrectCvc", "0127", INCORRECT_CVC),
        _declines("pm_card_chargeDeclinedIncorrectCvc", "0127", INCORRECT_CVC),
        _declines("pm_card_visa_chargeDeclinedProcessingError", "0119", PROCESSING_ERROR),
        _declines("pm_card_chargeDeclinedProcessingError", "0119", PROCESSING_ERROR),
        _blocked("pm_card_visa_chargeDeclinedFraudulent"),
        _blocked("pm_card_chargeDeclinedFraudulent"),
        _blocked("pm_card_radarBlock"),
        _authenticates("pm_card_authenticationRequired", "3184"),
        _authenticates("pm_card_authenticationRequiredOnSetup", "3155"),
        _authenticates("pm_card_threeDSecure2Required", "3220"),
        _authenticates("pm_card_threeDSecureRequired", "3063"),
        _authenticates_declines("pm_card_threeDSecureRequiredChargeDeclined", "1629", GENERIC),
        _authenticates_declines(
            "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", "3178", INSUFFICIENT
        ),
        _disputed("pm_card_createDispute", "0259", FRAUD_DISPUTE),
        _disputed("pm_card_createDisputeProductNotReceived", "2685", NOT_RECEIVED),
        _disputed("pm_card_createDisputeInquiry", "1976", INQUIRY),
        Card("pm_card_pendingRefund", last4="7726", behaviour=Behaviour.REFUND_PENDING),
        Card("pm_card_refundFail", last4="5126", behaviour=Behaviour.REFUND_FAIL),
        Card("pm_card_sandbox_processing", last4="1000", behaviour=Behaviour.PROCESS),
    )
}


def by_token(token: str) -> Card | None:
    """The card of a test token: ``tok_visa`` is ``pm_card_visa``, and so on."""
    if not token.startswith("tok_"):
        return None
    return CARDS.get(f"pm_card_{token.removeprefix('tok_')}")
