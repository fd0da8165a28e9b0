"""/v1/disputes."""

from sandbox.api.call import Call, found
from sandbox.api.lists import page
from sandbox.events import emit
from sandbox.flows import disputes
from sandbox.models import Dispute
from sandbox.objects.disputes import INQUIRY_STATUSES
from sandbox.params import merged_metadata
from sandbox.wire import Wire


def retrieve(call: Call) -> Wire:
    """GET /v1/disputes/{dispute}."""
    return call.render(_dispute(call))


def list_(call: Call) -> Wire:
    """GET /v1/disputes."""
    charge = call.params.text("charge")
    intent = call.params.text("payment_intent")

    def matches(dispute: Dispute) -> bool:
        return (charge is None or dispute.charge == charge) and (
            intent is None or dispute.payment_intent == intent
        )

    return page(call, call.book.disputes, "/v1/disputes", "dispute", matches)


def update(call: Call) -> Wire:
    """POST /v1/disputes/{dispute}: evidence goes to the bank unless submit=false."""
    dispute = _dispute(call)
    disputes.check_open(dispute)
    dispute.metadata = merged_metadata(dispute.metadata, call.params)
    evidence = call.params.mapping("evidence")
    dispute.evidence = {**dispute.evidence, **evidence}
    if (evidence and call.params.flag("submit") is not False) or call.params.flag("submit"):
        disputes.respond(call.world, call.book, dispute)
    else:
        emit(call.world, call.book, "charge.dispute.updated", dispute)
    return call.render(dispute)


def close(call: Call) -> Wire:
    """POST /v1/disputes/{dispute}/close: accepts the loss."""
    dispute = _dispute(call)
    disputes.check_open(dispute)
    inquiry = dispute.status in INQUIRY_STATUSES
    disputes.move(call.world, call.book, dispute, "warning_closed" if inquiry else "lost")
    return call.render(dispute)


def _dispute(call: Call) -> Dispute:
    return found(call.book.disputes, call.ids[0], "dispute", "dispute")
