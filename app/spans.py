"""Spans by OpenTelemetry, sent by OTLP. Loaded only where the settings ask for traces."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, set_span_in_context

from app.gateway_metrics import OUTCOMES
from app.logging import redacted
from app.settings import Settings
from app.tracing import NONE, Attributes
from app.version import VERSION
from domain.bound import facts
from domain.errors import GatewayDeclined, GatewayProblem
from domain.ids import Prefix, bits_of, is_id

EXPORT_SECONDS = 5.0
"""How long one sending may take; at the end of a process as well."""

_TRACE_BITS = (1 << 128) - 1
_SUBJECT: ContextVar[str | None] = ContextVar("subject", default=None)


def trace_id_of(payment_id: str) -> int:
    """The trace of everything about a payment: its UUIDv7 (RFC 9562), which is as long as a trace
    id is and ends in as many random bits as W3C Trace Context asks for."""
    return bits_of(payment_id) & _TRACE_BITS


class _Ids(RandomIdGenerator):
    def generate_trace_id(self) -> int:
        subject = _SUBJECT.get()
        return trace_id_of(subject) if subject else super().generate_trace_id()


class _Activity:
    """Its spans are begun when it becomes known which payments it is about, and dated back."""

    def __init__(self, tracer: Tracer, kind: SpanKind) -> None:
        self._tracer = tracer
        self._kind = kind
        self._began = time.time_ns()
        self._spans: dict[str | None, Span] = {}
        self._told: tuple[str, bool, Attributes] = ("cut off", True, NONE)
        self.is_over = False

    def told(self, name: str, *, failed: bool, attributes: Attributes = NONE) -> None:
        """Implements `app.tracing.Activity`."""
        self._told = name, failed, attributes

    def of(self, payment_id: str | None) -> Span:
        """Its span in the trace of that payment; of none, in a trace of its own."""
        if payment_id not in self._spans:
            self._spans[payment_id] = _begun(
                self._tracer, "under way", self._kind, payment_id, start=self._began
            )
        return self._spans[payment_id]

    def end(self) -> None:
        """Ends every span of it, under the name it has by now."""
        subject = _payment()
        if subject is not None or not self._spans:
            self.of(subject)
        self.is_over = True
        name, failed, attributes = self._told
        for span in self._spans.values():
            span.update_name(name)
            span.set_attributes({**_attributes(), **attributes})
            if failed:
                span.set_status(StatusCode.ERROR)
            span.end()


_UNDER_WAY: ContextVar[_Activity | None] = ContextVar("under_way", default=None)


class Spans:
    """Implements `app.tracing.Tracing`."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("tollgate", VERSION)

    @contextmanager
    def _activity(self, kind: SpanKind) -> Iterator[_Activity]:
        activity = _Activity(self._tracer, kind)
        token = _UNDER_WAY.set(activity)
        try:
            yield activity
        finally:
            _UNDER_WAY.reset(token)
            activity.end()

    def request(self) -> AbstractContextManager[_Activity]:
        """A span as a server has it."""
        return self._activity(SpanKind.SERVER)

    def job(self) -> AbstractContextManager[_Activity]:
        """A span as a consumer of messages has it."""
        return self._activity(SpanKind.CONSUMER)

    @asynccontextmanager
    async def call(self, call: str) -> AsyncIterator[None]:
        """A span as a client has it, below the request or job that makes the call. What goes on
        after its request was given up stands in the payment's trace by itself."""
        payment_id, activity = _payment(), _UNDER_WAY.get()
        parent = None if activity is None or activity.is_over else activity.of(payment_id)
        span = _begun(self._tracer, f"stripe {call}", SpanKind.CLIENT, payment_id, parent=parent)
        outcome, failed = "canceled", True
        try:
            yield
            outcome, failed = "ok", False
        except GatewayProblem as problem:
            outcome, failed = OUTCOMES[type(problem)], not isinstance(problem, GatewayDeclined)
            raise
        finally:
            span.set_attribute("tollgate.outcome", outcome)
            if failed:
                span.set_status(StatusCode.ERROR)
            span.end()

    def close(self) -> None:
        """Sends what waits, for EXPORT_SECONDS at most."""
        self._provider.force_flush(round(EXPORT_SECONDS * 1000))
        self._provider.shutdown()


def tracing_of(settings: Settings, service: str) -> Spans:
    """Sends to the address of the settings, in a thread of its own. `service` is what the process
    is named in the trace."""
    key = settings.new_relic_license_key
    exporter = OTLPSpanExporter(
        settings.traces_go_to,
        headers={} if key is None else {"api-key": key.get_secret_value()},
        timeout=EXPORT_SECONDS,
    )
    provider = TracerProvider(
        ParentBased(TraceIdRatioBased(settings.traces_ratio)),
        Resource(
            {
                "service.name": service,
                "service.version": VERSION,
                "deployment.environment.name": settings.environment,
            }
        ),
        shutdown_on_exit=False,
        id_generator=_Ids(),
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Spans(provider)


def _payment() -> str | None:
    """What is at hand is about this payment; of a delivery it is the one that its body names."""
    bound = facts()
    named = bound.get("payment_id") or bound.get("named_payment_id")
    return named if named is not None and is_id(named, Prefix.PAYMENT) else None


def _attributes() -> Attributes:
    return {f"tollgate.{name}": redacted(fact) for name, fact in facts().items()}


def _begun(
    tracer: Tracer,
    name: str,
    kind: SpanKind,
    payment_id: str | None,
    *,
    parent: Span | None = None,
    start: int | None = None,
) -> Span:
    context = Context() if parent is None else set_span_in_context(parent, Context())
    token = _SUBJECT.set(payment_id)
    try:
        return tracer.start_span(
            name,
            context,
            kind,
            _attributes(),
            start_time=start,
            record_exception=False,
            set_status_on_exception=False,
        )
    finally:
        _SUBJECT.reset(token)
