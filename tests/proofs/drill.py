"""The payments of the restore drill: what the backup knows of them, and what happened after it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from domain.caller import Role
from domain.verifying import Noted
from tests.e2e.graphql.merchant import Merchant, a_token, eventually
from tests.proofs.shop import all_events_processed, sandbox, status
from tests.proofs.site import Site, rows
from tests.proofs.state import Rows, catalog, contents, sealed

REFUNDED = 3_000
ORPHAN_ORDER: dict[str, Any] = {"reference": "orphan", "totalAmountCents": 5_000, "currency": "USD"}
APART_SECONDS = 1.5
OPEN_STATES = "SELECT tenant_id, id FROM gateway_operations WHERE state IN ('SENDING', 'UNKNOWN')"
PENDING = "SELECT id, order_id FROM payments WHERE payment_status = 'PENDING' ORDER BY id"


@dataclass
class Drill:
    """What was done, and the state of the database at the backup and at the end."""

    shop: Merchant
    paid: str = ""
    held: str = ""
    lost: list[tuple[str, str]] = field(default_factory=list)
    """Payments, with their orders, whose answers were lost when the backup was made."""
    orphan: str = ""
    noted: dict[str, Noted] = field(default_factory=dict)
    at_backup: Rows = field(default_factory=list)
    at_end: Rows = field(default_factory=list)
    catalog: Rows = field(default_factory=list)
    backup_at: int = 0
    restore_to: datetime | None = None

    def again(self, site: Site) -> None:
        """The same merchant at the processes that run now."""
        settings = site.settings()
        token = a_token(settings, self.shop.tenant_id, Role.ADMIN)
        self.shop = Merchant(settings, self.shop.tenant_id, token, self.shop.numbers)

    def becomes(self, payment_id: str, wanted: tuple[str, int], *, seconds: float = 45) -> None:
        """Waits until the payment has this status and this much of it was refunded."""
        eventually(lambda: status(self.shop, payment_id) == wanted, seconds=seconds)

    def refund(self) -> None:
        """A part of the first payment goes back, under a key of its own."""
        done = self.shop.do(
            "refundPayment",
            paymentId=self.paid,
            amountCents=REFUNDED,
            reason="REQUESTED_BY_CUSTOMER",
            idempotencyKey="a-refund",
        )
        assert done["__typename"] == "RefundSuccess", done

    def charge_orphan(self) -> tuple[str, str]:
        """An order and its charge, by keys of their own; the ids of the payment and the order."""
        made = self.shop.do("createOrder", idempotencyKey="an-order", **ORPHAN_ORDER)
        assert made["__typename"] == "OrderSuccess", made
        order_id = str(made["order"]["id"])
        done = self.shop.pay("chargePayment", order_id, idempotencyKey="a-charge")
        assert done["__typename"] == "PaymentSuccess", done
        return str(done["payment"]["id"]), order_id


def before_the_backup(site: Site, drill: Drill) -> None:
    """A payment, an authorization, and two charges whose answers are lost, one of which reached
    the gateway."""
    drill.paid = drill.shop.paid("chargePayment")
    drill.held = drill.shop.paid("authorizePayment")
    all_events_processed(site, count=4)
    site.stop_process("worker")
    for kind in ("drop_before", "drop_after"):
        fault = {"kind": kind, "method": "POST", "path": "/v1/payment_intents"}
        assert sandbox(site, "POST", "/_sandbox/faults", fault).status < 300
        answer = drill.shop.pay("chargePayment", drill.shop.order())
        assert answer["code"] == "OUTCOME_UNKNOWN", answer
    drill.lost = [(str(found[0]), str(found[1])) for found in rows(site.url("superuser"), PENDING)]
    assert len(drill.lost) == 2
    drill.noted = asyncio.run(sealed(site.url("owner"), site.settings()))
    drill.catalog = catalog(site.url("superuser"))
    time.sleep(APART_SECONDS)
    drill.at_backup = contents(site.url("superuser"))
    drill.backup_at = int(time.time())


def after_the_backup(site: Site, drill: Drill) -> None:
    """The lost answers are settled, a capture, a refund, and then a payment that no backup has."""
    site.start_worker()
    for payment_id, _ in drill.lost:
        drill.becomes(payment_id, ("PAID", 0), seconds=90)
    captured = drill.shop.do("capturePayment", paymentId=drill.held)
    assert captured["__typename"] == "PaymentSuccess", captured
    drill.refund()
    time.sleep(APART_SECONDS)
    drill.restore_to = datetime.now(UTC)
    time.sleep(APART_SECONDS)
    drill.orphan, _ = drill.charge_orphan()
    all_events_processed(site, count=10)
    site.stop_processes()
    drill.at_end = contents(site.url("superuser"))
