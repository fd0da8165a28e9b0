"""The statements that most stores have alike. They are built once and run with parameters."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    Update,
    bindparam,
    func,
    literal,
    select,
    update,
)

TENANT = "of_tenant_id"
ID = "of_id"
"""Parameters of a row's key. They are not called like the columns, which an UPDATE sets."""

TENANT_SETTING = "tollgate.tenant_id"
"""The setting by which row-level security knows whose rows may be seen (migration 0006)."""


def find_by_id(table: Table) -> Select[Any]:
    """One row of a tenant, by its key."""
    return select(table).where(table.c.tenant_id == bindparam(TENANT), table.c.id == bindparam(ID))


def save_by_id(table: Table) -> Update:
    """Sets the columns named in the parameters on one row of a tenant."""
    return update(table).where(table.c.tenant_id == bindparam(TENANT), table.c.id == bindparam(ID))


def enter_tenant(tenant_id: ColumnElement[str]) -> Select[Any]:
    """Sets the tenant for the rest of the transaction, unless one is set; null sets none."""
    entered = func.set_config(TENANT_SETTING, tenant_id, literal(True))  # noqa: FBT003
    return select(entered).where(func.coalesce(current_tenant(), "") == "")


def current_tenant() -> ColumnElement[str]:
    """The tenant that the transaction was begun for or has entered; null or empty for none."""
    return func.current_setting(TENANT_SETTING, literal(True))  # noqa: FBT003


def of_key(tenant_id: str, row_id: str) -> dict[str, object]:
    """The parameters of a row's key."""
    return {TENANT: tenant_id, ID: row_id}
