"""An error of the database, logged with its trace, tells nothing of the row that it is about."""

from __future__ import annotations

import logging
import sys

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from app.logging import LineFormatter
from tests.integration.db.conftest import Merchant

_INSERT = text(
    "insert into orders (id, tenant_id, reference, currency, total_amount_cents,"
    " remaining_amount_cents, order_status, customer_email, metadata, created_at, updated_at)"
    " values (:id, :tenant, 'Hidden reference', 'USD', :total, :total, 'OPEN',"
    " 'hidden', jsonb_build_object('a', 'Hidden note'), now(), now())"
)


@pytest.mark.parametrize(("total", "times"), [(100, 2), (-1, 1)], ids=["unique", "check"])
async def test_an_error_does_not_quote_the_row(
    engine: AsyncEngine, merchant: Merchant, total: int, times: int
) -> None:
    """PostgreSQL quotes the key of a double and the whole of a row that breaks a CHECK, and the
    library the parameters: neither reaches a line."""
    line = ""
    async with engine.connect() as connection:
        try:
            for number in range(times):
                given = {"id": f"ord_hidden_{number}", "tenant": merchant.id, "total": total}
                await connection.execute(_INSERT, given)
        except IntegrityError:
            record = logging.LogRecord("app", logging.ERROR, "", 1, "failed", (), sys.exc_info())
            line = LineFormatter().format(record)

    assert "IntegrityError" in line
    assert "DETAIL: [redacted]" in line
    assert merchant.id not in line
    assert "ord_hidden_" not in line
