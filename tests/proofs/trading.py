"""Shoppers who pay, and a dashboard that refunds, while parts come and go."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlencode

from tests.e2e.graphql.merchant import Merchant, send
from tests.proofs.faulty import FaultyStack
from tests.proofs.side_by_side import again_and_again

SHOPPERS = 3


@dataclass
class Trade:
    """Shoppers at work; each rests `pause` seconds between two rounds, so that what is shown is a
    fault, not a machine that is too small."""

    site: FaultyStack
    merchant: Merchant
    pause: float = 1.5
    refused: int = 0
    is_open: bool = True
    """False while shoppers stay away, so that no backlog grows that says nothing of the fault."""

    def round(self) -> None:
        """A charge, and a refund of a part of it on the dashboard, which Tollgate only hears of."""
        try:
            payment_id = self.merchant.paid("chargePayment")
        except (AssertionError, KeyError, OSError, ValueError):
            self.refused += 1  # a part is away; the shopper comes again as another one
            time.sleep(0.3)
            return
        asked = "query ($id: ID!) { payment(id: $id) { gatewayPaymentId } }"
        try:
            found = self.merchant.query(asked, id=payment_id)["payment"]
        except (AssertionError, KeyError, OSError, ValueError):
            return
        self.refund(str(found["gatewayPaymentId"]))

    def refund(self, intent_id: str) -> None:
        """2.50 go back from the dashboard."""
        form = urlencode({"payment_intent": intent_id, "amount": "250"}).encode()
        headers = [
            ("Authorization", f"Bearer {self.site.stack.stripe_secret_key}"),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ]
        answer = send(self.site.stack.stripe_api_base, "POST", "/v1/refunds", form, headers)
        assert answer.status == 200, answer

    def refund_all(self, intent_ids: Sequence[str]) -> None:
        """The same for each of them."""
        for intent_id in intent_ids:
            self.refund(intent_id)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Shoppers in the background until the end of the block."""

        def shop() -> None:
            if self.is_open:
                self.round()

        with again_and_again(SHOPPERS, shop, pause=self.pause):
            yield
