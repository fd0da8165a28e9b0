"""Readers' conditions as SQL. Every value is a bound parameter and every match is an equality, so
nothing in a value is ever read as a pattern."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    Select,
    Text,
    any_,
    func,
    literal,
    literal_column,
    or_,
    select,
)

from db.tables import disputes, orders, payments
from db.tables.payments import OPEN_DISPUTE
from domain.reports import DisputeFilter, OrderFilter, PaymentFilter, TimeRange

_LAST4 = re.compile(r"[0-9]{4}")


def payments_where(tenant_id: str, where: PaymentFilter) -> Select[Any]:
    """The tenant's payments that meet all conditions."""
    column = payments.c
    conditions = [column.tenant_id == tenant_id]
    if where.status_in is not None:
        conditions.append(among(column.payment_status, where.status_in))
    if where.order_id is not None:
        conditions.append(column.order_id == where.order_id)
    if where.currency is not None:
        conditions.append(column.currency == where.currency)
    if where.is_disputed is not None:
        disputed: ColumnElement[bool] = literal_column(f"({OPEN_DISPUTE})", Boolean)
        conditions.append(disputed if where.is_disputed else ~disputed)
    if where.search is not None:
        conditions.append(_payment_matches(tenant_id, where.search))
    conditions += within(column.created_at, where.created_at)
    return select(payments).where(*conditions)


def orders_where(tenant_id: str, where: OrderFilter) -> Select[Any]:
    """The tenant's orders that meet all conditions."""
    column = orders.c
    conditions = [column.tenant_id == tenant_id]
    if where.status_in is not None:
        conditions.append(among(column.order_status, where.status_in))
    if where.search is not None:
        conditions.append(_order_matches(where.search))
    conditions += within(column.created_at, where.created_at)
    return select(orders).where(*conditions)


def disputes_where(tenant_id: str, where: DisputeFilter) -> Select[Any]:
    """The tenant's disputes that meet all conditions."""
    column = disputes.c
    conditions = [column.tenant_id == tenant_id]
    if where.payment_id is not None:
        conditions.append(column.payment_id == where.payment_id)
    if where.status_in is not None:
        conditions.append(among(column.dispute_status, where.status_in))
    conditions += within(column.evidence_due_at, where.evidence_due_at)
    return select(disputes).where(*conditions)


def among(column: ColumnElement[str], values: Sequence[str] | Sequence[StrEnum]) -> Any:
    """The column is one of the values; one statement for any number of them."""
    return column == any_(literal([str(value) for value in values], ARRAY(Text)))


def _payment_matches(tenant_id: str, search: str) -> ColumnElement[bool]:
    column = payments.c
    order_id = (
        select(orders.c.id)
        .where(orders.c.tenant_id == tenant_id, orders.c.reference == search)
        .scalar_subquery()
    )
    matches = [
        column.id == search,
        column.gateway_payment_id == search,
        column.gateway_charge_id == search,
        column.order_id == order_id,
    ]
    if _LAST4.fullmatch(search):
        matches.append(column.card_last4 == search)
    return or_(*matches)


def _order_matches(search: str) -> ColumnElement[bool]:
    column = orders.c
    return or_(
        column.id == search,
        column.reference == search,
        column.customer_email_folded == func.lower(search),
    )


def within(column: Any, span: TimeRange | None) -> list[ColumnElement[bool]]:
    """The column lies in the span; no span is no condition."""
    if span is None:
        return []
    conditions = []
    if span.gte is not None:
        conditions.append(column >= span.gte)
    if span.lt is not None:
        conditions.append(column < span.lt)
    return conditions
