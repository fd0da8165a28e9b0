"""Every call of every store with another tenant's objects, made from the methods' signatures.

A new store or method is called without a line being written. A parameter of a kind that is not
known here fails, and says so.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from itertools import product
from typing import Any

import db
from db.work import SqlWork
from domain.audit_reading import AuditFilter
from domain.differences import Difference, Label
from domain.fee_report import MetricsInterval, ReportRequest
from domain.gateway_profile import GatewaySecrets
from domain.ids import Prefix, new_id
from domain.inbox import WebhookEventStatus
from domain.inbox_reading import EventFilter
from domain.movement_sums import Span
from domain.payment import GatewayType
from domain.reconciliation import Reconciliation
from domain.reports import DisputeFilter, OrderFilter, PageRequest, PaymentFilter
from domain.webhook_cursors import WebhookCursor
from tests.integration.db.builders import NOW
from tests.integration.db.world import World

OF_NO_TENANT = frozenset(
    {
        "SqlAlertDatabase",
        "SqlAlertDesk",
        "SqlAlertDeskStore",
        "SqlAlertDeskWork",
        "SqlAlertFigures",
        "SqlAlertRoundStore",
        "SqlAlertWork",
        "SqlDatabase",
        "SqlDoctorReads",
        "SqlNoticeStore",
        "SqlRoutineReads",
        "SqlSigns",
        "SqlStateReads",
        "SqlIntake",
        "SqlWork",
        "SqlSealDatabase",
        "SqlSealWork",
        "SqlFigureFolding",
        "SqlLedgerCheckDatabase",
        "SqlLedgerCheckStore",
        "SqlLedgerCheckWork",
        "SqlPricedTenantStore",
        "SqlPricingDatabase",
        "SqlPricingWork",
        "SqlRevocations",
        "SqlTierStore",
        "SqlOverrideStore",
        "SqlPlatformInbox",
        "SqlPlatformReads",
        "SqlInboxHealthReads",
        "SqlReplayDatabase",
        "SqlReplayRuns",
        "SqlReplayWork",
        "SqlUnfinishedReads",
    }
)
"""Classes that are no store of a tenant: the transaction itself, its parts, deliveries before they
have a tenant, the revoked tokens, how far long replays are, what the platform reads and sets
across tenants, the check of the books, which goes from tenant to tenant, and the alerts, which
watch over all of them."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of one method, with the other tenant's objects in all places."""

    store: str
    method: str
    arguments: Mapping[str, object]

    @property
    def name(self) -> str:
        """Which method it is."""
        return f"{self.store}.{self.method}"


def sql_classes() -> frozenset[str]:
    """Every class of `db` that speaks SQL."""
    names = [f"db.{module.name}" for module in pkgutil.iter_modules(db.__path__)]
    modules = [importlib.import_module(name) for name in names]
    return frozenset(name for module in modules for name in vars(module) if name.startswith("Sql"))


def stores(work: SqlWork) -> Mapping[str, object]:
    """The stores of a transaction, by the attribute that has them."""
    return {name: store for name, store in vars(work).items() if not name.startswith("_")}


def calls(store: str, of: type, theirs: World, *, named: str) -> Iterator[Call]:
    """The calls of each public method, in the name of the tenant `named`."""
    for method, function in inspect.getmembers(of, inspect.iscoroutinefunction):
        if method.startswith("_"):
            continue
        parameters = list(inspect.signature(function).parameters.values())[1:]
        kinds = [_values(f"{store}.{method}", each, theirs, named) for each in parameters]
        for values in product(*kinds):
            given = zip((each.name for each in parameters), values, strict=True)
            yield Call(store, method, dict(given))


def _values(
    method: str, parameter: inspect.Parameter, theirs: World, named: str
) -> Sequence[object]:
    known = {**_by_type(theirs, named), **_by_name(theirs, named)}
    annotation = str(parameter.annotation)
    for key in (f"{parameter.name}: {annotation}", annotation):
        if key in known:
            return known[key]()
    if parameter.default is not inspect.Parameter.empty:
        return [parameter.default]
    raise AssertionError(
        f"{method} takes {parameter.name}: {annotation}. Say in foreign_calls.py what that is of"
        " another tenant."
    )


def _by_name(theirs: World, named: str) -> Mapping[str, Callable[[], Sequence[object]]]:
    """Parameters whose type does not tell what they are."""
    payment, refund = theirs.payment, theirs.refund
    texts = {
        "tenant_id": named,
        "order_id": theirs.order.id,
        "payment_id": payment.id,
        "refund_id": refund.id,
        "operation_id": theirs.operation.id,
        "record_id": theirs.record.id,
        "gateway_id": theirs.merchant.gateway.id,
        "webhook_event_id": theirs.event.id,
        "gateway_refund_id": refund.gateway_refund_id,
        "gateway_dispute_id": theirs.dispute.gateway_dispute_id,
        "gateway_payment_id": payment.gateway_payment_id,
        "gateway_charge_id": payment.gateway_charge_id,
        "account_id": f"acct_{theirs.merchant.tenant.slug}",
        "reference": theirs.order.reference,
        "email": str(theirs.order.customer_email),
        "job": "retention",
        "rule": theirs.alert.rule,
        "subject_id": theirs.alert.subject_id,
        "by": "ann",
    }
    moments = {
        "now": NOW + timedelta(hours=1),
        "at": NOW,
        "received_until": NOW + timedelta(hours=1),
        "lease_until": NOW + timedelta(hours=2),
        "due_after": NOW - timedelta(hours=2),
        "sending_before": NOW + timedelta(hours=1),
        "before": NOW + timedelta(hours=1),
        "due_until": NOW + timedelta(hours=1),
        "oldest": NOW - timedelta(days=30),
    }
    optional = {f"{name}: str | None": value for name, value in texts.items()}
    plain = {f"{name}: str": value for name, value in texts.items()}
    given = {
        **optional,
        **plain,
        **{f"{name}: datetime": moment for name, moment in moments.items()},
        "ids: Sequence[str]": theirs.texts,
        "event_ids: Sequence[str]": theirs.texts,
        "fact_keys: Collection[str]": [*theirs.texts, theirs.booked.fact_key],
        "subject_ids: Collection[str]": theirs.texts,
        "payment_ids: Sequence[str]": theirs.texts,
        "lease: datetime | None": NOW + timedelta(hours=2),
        "limit: int": 100,
        "after: int": 0,
        "after: str": "",
        "after: str | None": None,
        "has_payload: bool": True,
        "livemode: bool": False,
        "include_archived: bool": True,
    }
    return {key: partial(_only, value) for key, value in given.items()}


def _only(value: object) -> Sequence[object]:
    return [value]


def _filters(theirs: World) -> Mapping[str, Callable[[], Sequence[object]]]:
    """Filters of each kind: of everything, and by what names the other tenant's rows."""
    return {
        "AuditFilter": lambda: [
            AuditFilter(),
            *(AuditFilter(subject_id=name) for name in theirs.texts),
        ],
        "PaymentFilter": lambda: [
            PaymentFilter(),
            PaymentFilter(order_id=theirs.order.id),
            *(PaymentFilter(search=name) for name in (*theirs.texts, "4242")),
        ],
        "DisputeFilter": lambda: [
            DisputeFilter(),
            DisputeFilter(payment_id=theirs.payment.id),
        ],
        "EventFilter": lambda: [
            EventFilter(),
            EventFilter(ids=[theirs.event.id]),
            EventFilter(payment_id=theirs.payment.id),
            EventFilter(status_in=list(WebhookEventStatus), replayed_before=NOW),
        ],
        "OrderFilter": lambda: [
            OrderFilter(),
            *(
                OrderFilter(search=name)
                for name in (*theirs.texts, str(theirs.order.customer_email))
            ),
        ],
    }


def _by_type(theirs: World, named: str) -> Mapping[str, Callable[[], Sequence[object]]]:
    """Parameters of the domain's types; what belongs to a tenant is said to be of `named`."""

    def owned(thing: Any) -> Callable[[], Sequence[object]]:
        return lambda: [replace(thing, tenant_id=named)]

    return {
        "Order": owned(theirs.order),
        "Payment": owned(theirs.payment),
        "Refund": owned(theirs.refund),
        "Dispute": owned(theirs.dispute),
        "Sequence[LedgerTransaction]": lambda: [[replace(theirs.booked, tenant_id=named)]],
        "Operation": owned(theirs.operation),
        "IdempotencyRecord": owned(theirs.record),
        "AuditEntry": owned(theirs.entry),
        "Sequence[AuditEntry]": lambda: [[replace(theirs.entry, tenant_id=named)]],
        "Alert": owned(theirs.alert),
        "WebhookEvent": owned(theirs.event),
        "WebhookAttempt": lambda: [replace(theirs.attempt, number=2)],
        "WebhookCursor": lambda: [
            WebhookCursor(
                gateway_id=theirs.merchant.gateway.id,
                listed_from=NOW,
                listed_until=NOW + timedelta(hours=3),
                resume_at=NOW,
                due_at=NOW,
            )
        ],
        "Reconciliation": lambda: [
            Reconciliation(gateway_id=theirs.merchant.gateway.id, reconciled_until=NOW, due_at=NOW)
        ],
        "Span": lambda: [Span(NOW - timedelta(days=9), NOW + timedelta(days=9))],
        "Sequence[Difference]": lambda: [
            [Difference(Label.STATUS, theirs.payment.id, named, "PAID", "FAILED")]
        ],
        "ReportRequest": lambda: [
            ReportRequest(
                NOW - timedelta(days=9), NOW + timedelta(days=9), MetricsInterval.DAY, "USD", named
            )
        ],
        "GatewayAccount": owned(theirs.merchant.gateway),
        "GatewayProfile": owned(theirs.profile),
        "GatewaySecrets": lambda: [GatewaySecrets(webhook_secret="whsec_of_another")],
        "GatewayType": lambda: list(GatewayType),
        "Sequence[Seal]": lambda: [[replace(theirs.seal, tenant_id=named)]],
        "PageRequest": lambda: [
            PageRequest(limit=100),
            PageRequest(limit=100, before=new_id(Prefix.ORDER)[:4], backwards=True),
        ],
        **_filters(theirs),
    }
