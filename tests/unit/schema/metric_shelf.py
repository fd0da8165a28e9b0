"""Figures in memory behind the schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from domain.fee_report import ReportRequest
from domain.metrics import EventFigures, EventLatency, FiguresOfRange, PaymentFigures


@dataclass
class MetricShelf:
    """Implements the reads of metrics, and notes what it is asked."""

    by_start: dict[datetime, PaymentFigures] = field(default_factory=dict)
    by_code: dict[str, PaymentFigures] = field(default_factory=dict)
    by_type: dict[str, EventFigures] = field(default_factory=dict)
    asked: list[ReportRequest] = field(default_factory=list)

    async def payment_figures(self, tenant_id: str, asked: ReportRequest) -> FiguresOfRange:
        self.asked.append(asked)
        within = {at: of for at, of in self.by_start.items() if asked.start <= at < asked.end}
        return FiguresOfRange(within, self.by_code if within else {})

    async def event_figures(
        self, tenant_id: str, asked: ReportRequest
    ) -> Mapping[str, EventFigures]:
        return self.by_type

    async def event_latency(self, tenant_id: str, asked: ReportRequest) -> EventLatency:
        return EventLatency(0.25, 1.5, None)
