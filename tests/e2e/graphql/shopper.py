"""A shopper's page: it holds a checkout token, and what the token lets it do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.e2e.graphql.merchant import Answer, Json, Merchant

PAY = """mutation ($input: ChargePaymentInput!) {
    chargePayment(input: $input) {
        __typename
        ... on Error { code detailCode message }
        ... on ValidationError { issues { path rule } }
        ... on NotFoundError { id }
        ... on InvalidStateError { attempted order { id } }
        ... on IdempotencyError { idempotencyKey }
        ... on PaymentDeclinedError {
            declineCode
            declined: payment { failure { declineCode gatewayMessage userMessage } }
        }
        ... on PaymentSuccess {
            replayed
            payment {
                id status order { id } nextAction { type redirectUrl clientSecret }
                capturedAmount { decimal } paymentMethod { brand last4 }
            }
        }
    }
}"""
"""What a page asks for as it pays: all that it may know of the payment."""

AUTHORIZE = PAY.replace("ChargePaymentInput", "AuthorizePaymentInput").replace(
    "chargePayment(", "authorizePayment("
)


@dataclass(frozen=True, slots=True)
class Shopper:
    """One page for one order."""

    merchant: Merchant
    order_id: str
    token: str

    @classmethod
    def of(cls, merchant: Merchant, order_id: str | None = None) -> Shopper:
        """A shopper of this order, or of a new one."""
        order_id = order_id or merchant.order()
        return cls(merchant, order_id, merchant.checkout_token(order_id))

    def ask(self, document: str, **variables: Any) -> Answer:
        """The answer to a document."""
        return self.merchant.ask(document, token=self.token, **variables)

    def read(self, document: str, **variables: Any) -> Json:
        """The data of a query that succeeds."""
        return self.merchant.query(document, token=self.token, **variables)

    def input(self, card: str = "pm_card_visa", **given: Any) -> Json:
        """The input of a payment of this order, with a fresh key unless one is given."""
        method = {"type": "CARD", "token": card}
        key = {"idempotencyKey": self.merchant.key()}
        return {"orderId": self.order_id, "paymentMethod": method} | key | given

    def charge(self, card: str = "pm_card_visa", **given: Any) -> Json:
        """What chargePayment came to."""
        return self._paid("chargePayment", PAY, self.input(card, **given))

    def authorize(self, card: str = "pm_card_visa", **given: Any) -> Json:
        """What authorizePayment came to."""
        return self._paid("authorizePayment", AUTHORIZE, self.input(card, **given))

    def _paid(self, name: str, document: str, given: Json) -> Json:
        member = self.read(document, input=given)[name]
        assert isinstance(member, dict)
        return member
