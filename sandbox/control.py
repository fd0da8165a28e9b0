"""The control routes under /_sandbox: what no caller of Stripe could do."""

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from urllib.parse import parse_qs

from sandbox import authentication_page
from sandbox.cards import FRAUD_DISPUTE, GENERIC, INQUIRY, DisputeKind
from sandbox.errors import ApiError, invalid, missing
from sandbox.events import emit, emit_object
from sandbox.faults import SECONDS_DEFAULT, Fault, Faults, Kind
from sandbox.flows import disputes, payments, refunds, release
from sandbox.ledger import ledger
from sandbox.models import Account, Charge, Dispute, PaymentIntent, Refund
from sandbox.objects.rendering import render
from sandbox.orders import Order, record_of
from sandbox.wire import Request, Response, Wire, answer
from sandbox.world import World


class Control:
    """Carries out control orders. Bodies and answers are JSON."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world = world
        self._faults = faults
        routes: list[tuple[str, str, Callable[[Order], object]]] = [
            ("GET", "health", lambda _: {"status": "ok"}),
            ("POST", "reset", self._reset),
            ("POST", "clock", self._clock),
            ("GET", "ledger", self._ledger),
            ("GET", "deliveries", self._deliveries),
            ("GET", "faults", self._list_faults),
            ("POST", "faults", self._order_fault),
            ("DELETE", "faults", self._withdraw_faults),
            ("DELETE", "faults/([^/]+)", self._withdraw_faults),
            ("POST", "payment_intents/([^/]+)/authenticate", self._authenticate),
            ("POST", "payment_intents/([^/]+)/expire", self._expire),
            ("POST", "payment_intents/([^/]+)/process", self._process),
            ("POST", "charges/([^/]+)/dispute", self._dispute),
            ("POST", "disputes/([^/]+)", self._decide),
            ("POST", "refunds/([^/]+)", self._settle_refund),
            ("POST", "accounts/([^/]+)", self._account),
        ]
        self._routes = [
            (method, re.compile(f"/_sandbox/{path}"), carry_out)
            for method, path, carry_out in routes
        ]

    def handle(self, request: Request) -> Response:
        """Answers a control request; a wrong one with Stripe's error body."""
        try:
            if request.path.startswith("/_sandbox/authenticate/"):
                return authentication_page.handle(self._world, request)
            return answer(self._carry_out(request))
        except ApiError as error:
            return error.response(None, "req_sandbox")

    def _carry_out(self, request: Request) -> object:
        for method, pattern, carry_out in self._routes:
            matched = pattern.fullmatch(request.path)
            if matched and method == request.method:
                return carry_out(Order(matched.groups(), _body(request), _query(request)))
        raise ApiError(404, f"No control route {request.method} {request.path[:200]}")

    def _reset(self, _: Order) -> Wire:
        self._world.forget()
        self._faults.withdraw()
        return {"status": "reset"}

    def _clock(self, order: Order) -> Wire:
        self._world.offset += order.number("advance", 0.0)
        self._world.run_due()
        return {"now": self._world.now()}

    def _ledger(self, order: Order) -> Wire:
        account = order.query.get("account")
        books = self._world.books
        if account is None:
            return ledger(books.values())
        return ledger([books[account]] if account in books else [])

    def _deliveries(self, _: Order) -> object:
        return {"deliveries": [asdict(tried) for tried in self._world.tried]}

    def _list_faults(self, _: Order) -> object:
        return [fault.render() for fault in self._faults.all()]

    def _order_fault(self, order: Order) -> Wire:
        kind = Kind(order.choice("kind", list(Kind)))
        fault = Fault(
            id=self._world.new_id("fault_", 10),
            kind=kind,
            method=order.text("method"),
            path=order.pattern("path"),
            type=order.pattern("type"),
            account=order.text("account"),
            times=order.count("times", 1),
            seconds=order.number("seconds", SECONDS_DEFAULT.get(kind, 0.0)),
            probability=order.number("probability", 1.0),
        )
        self._faults.order(fault)
        return fault.render()

    def _withdraw_faults(self, order: Order) -> Wire:
        id_ = order.ids[0] if order.ids else None
        if not self._faults.withdraw(id_):
            raise missing("fault", id_ or "", "id")
        return {"deleted": True}

    def _authenticate(self, order: Order) -> Wire:
        intent, book = record_of(self._world, order.ids[0], PaymentIntent)
        succeeded = order.choice("outcome", ["succeed", "fail"]) == "succeed"
        _check(intent.status == "requires_action", f"{intent.id} is {intent.status}")
        payments.authenticate(self._world, book, intent, succeeded=succeeded)
        return render(intent, book.account.application)

    def _expire(self, order: Order) -> Wire:
        intent, book = record_of(self._world, order.ids[0], PaymentIntent)
        _check(intent.status == "requires_capture", f"{intent.id} is {intent.status}")
        release.expire(self._world, book, intent)
        return render(intent, book.account.application)

    def _process(self, order: Order) -> Wire:
        intent, book = record_of(self._world, order.ids[0], PaymentIntent)
        outcome = order.choice("outcome", ["succeed", "fail"])
        _check(intent.status == "processing", f"{intent.id} is {intent.status}")
        charge = book.charges[intent.latest_charge or ""]
        if outcome == "succeed":
            payments.take(self._world, book, intent, charge)
        else:
            payments.fail(self._world, book, intent, charge, GENERIC)
        return render(intent, book.account.application)

    def _dispute(self, order: Order) -> Wire:
        charge, book = record_of(self._world, order.ids[0], Charge)
        status = order.choice("status", disputes.FIRST, "needs_response")
        kind = INQUIRY if status == "warning_needs_response" else FRAUD_DISPUTE
        reason = order.text("reason") or kind.reason
        kind = DisputeKind(reason, status, kind.case_type, kind.network_reason_code)
        _check(charge.captured, f"{charge.id} is not captured")
        amount = order.count("amount", disputes.disputable(charge))
        _check(bool(amount and amount > 0), f"{charge.id} has nothing left to dispute")
        return render(disputes.open_dispute(self._world, book, charge, kind, amount))

    def _decide(self, order: Order) -> Wire:
        dispute, book = record_of(self._world, order.ids[0], Dispute)
        status = order.choice("status", list(disputes.NEXT))
        return_fee = order.flag("return_fee") or False
        disputes.move(self._world, book, dispute, status, return_fee=return_fee)
        return render(dispute)

    def _settle_refund(self, order: Order) -> Wire:
        refund, book = record_of(self._world, order.ids[0], Refund)
        status = order.choice("status", list(refunds.NEXT))
        refunds.move(self._world, book, refund, status, order.text("failure_reason"))
        return render(refund)

    def _account(self, order: Order) -> Wire:
        account, book = record_of(self._world, order.ids[0], Account)
        if order.flag("deauthorized"):
            _check(account.platform is not None, f"{account.id} is not connected to a platform")
            application: Wire = {
                "id": account.application,
                "name": "Sandbox platform",
                "object": "application",
            }
            emit_object(self._world, book, "account.application.deauthorized", application)
            account.connected = False
            return render(account)
        enabled = order.flag("charges_enabled")
        account.charges_enabled = account.charges_enabled if enabled is None else enabled
        emit(self._world, book, "account.updated", account)
        return render(account)


def _check(holds: bool, message: str) -> None:  # noqa: FBT001 - reads as an assertion
    if not holds:
        raise invalid(message)


def _query(request: Request) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(request.query).items()}


def _body(request: Request) -> dict[str, object]:
    if not request.body:
        return {}
    try:
        body = json.loads(request.body)
    except ValueError as error:
        raise invalid("The body is not JSON.") from error
    if not isinstance(body, dict):
        raise invalid("The body is not a JSON object.")
    return body
