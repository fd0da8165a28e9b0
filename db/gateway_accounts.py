"""Which gateway rows stand for an account at the gateway, each account once."""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_

from db.tables import gateways
from domain.tenant import GatewayMode

IS_ACCOUNT: ColumnElement[bool] = or_(
    gateways.c.tenant_id.is_(None), gateways.c.mode != GatewayMode.PLATFORM.value
)
"""A tenant that is paid through the platform's account has its events and its money at the
platform's own row."""
