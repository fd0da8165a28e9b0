"""Which tables of a statement are held to a tenant by the statement itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Alias, Column, ColumnElement, Delete, Executable, Join, Select, Table, Update
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BinaryExpression, BooleanClauseList, Grouping
from sqlalchemy.sql.selectable import FromClause, Lateral, Subquery
from sqlalchemy.sql.visitors import ExternallyTraversible

from tests.integration.db.world import TENANT_TABLES, tenant_column

_NAMES = {table.name for table in TENANT_TABLES}


def unheld(statement: Executable) -> list[str]:
    """The tenant tables, by name, that some SELECT, UPDATE or DELETE within the statement reads
    without an equation for their tenant among its own conditions. An INSERT names its tenant in
    its values, which row-level security checks."""
    assert isinstance(statement, ExternallyTraversible)
    return sorted(_walk(statement, ()))


def _walk(
    part: ExternallyTraversible, outer: Sequence[FromClause], *, is_lateral: bool = False
) -> Iterator[str]:
    tables, conditions = _read_by(part)
    tables = [table for table in tables if table not in outer]
    yield from _unheld_among(tables, conditions)
    if isinstance(part, Select | Update | Delete):
        # What a subquery has in common with the SELECT around it, SQLAlchemy takes from there.
        outer = tables
    elif isinstance(part, Subquery) and not is_lateral:
        outer = ()
    for child in part.get_children():
        if isinstance(child, ExternallyTraversible):
            # Only LATERAL lets a SELECT in FROM look at what stands beside it.
            yield from _walk(child, outer, is_lateral=isinstance(part, Lateral))


def _unheld_among(
    tables: Sequence[FromClause], conditions: Sequence[ColumnElement[bool]]
) -> Iterator[str]:
    left = [table for table in tables if _name(table) in _NAMES]
    # One that is equated with a held one is held itself: in rounds, until none is added.
    while more := [table for table in left if _is_held(table, conditions, left)]:
        left = [table for table in left if table not in more]
    for table in left:
        yield str(_name(table))


def _read_by(part: ExternallyTraversible) -> tuple[list[FromClause], list[ColumnElement[bool]]]:
    tables: list[FromClause] = []
    if isinstance(part, Select):
        conditions = list(part._where_criteria)
        outer = part._correlate or ()
        for source in part.get_final_froms():
            _flatten(source, tables, conditions)
        return [table for table in tables if table not in outer], conditions
    if isinstance(part, Update | Delete):
        assert isinstance(part.table, FromClause)
        return [part.table], list(part._where_criteria)
    return [], []


def _flatten(
    source: FromClause, tables: list[FromClause], conditions: list[ColumnElement[bool]]
) -> None:
    if isinstance(source, Join):
        _flatten(source.left, tables, conditions)
        _flatten(source.right, tables, conditions)
        if isinstance(source.onclause, ColumnElement):
            conditions.append(source.onclause)
    elif not isinstance(source, Subquery):
        tables.append(source)


def _name(table: FromClause) -> str | None:
    element = table.element if isinstance(table, Alias) else table
    return element.name if isinstance(element, Table) else None


def _is_held(
    table: FromClause, conditions: Sequence[ColumnElement[bool]], left: list[FromClause]
) -> bool:
    element = table.element if isinstance(table, Alias) else table
    assert isinstance(element, Table)
    of_tenant = tenant_column(element)
    assert of_tenant is not None
    wanted = table.c[of_tenant.name]
    return any(_holds(condition, wanted, left) for condition in conditions)


def _holds(condition: object, wanted: ColumnElement[str], left: list[FromClause]) -> bool:
    """Whether the condition can only be met by rows of one tenant, or of none."""
    if isinstance(condition, Grouping):
        return _holds(condition.element, wanted, left)
    if isinstance(condition, BooleanClauseList):
        held = [_holds(part, wanted, left) for part in condition.clauses]
        return any(held) if condition.operator is operators.and_ else all(held)
    if isinstance(condition, BinaryExpression):
        if condition.operator not in (operators.eq, operators.is_):
            return False
        one, other = condition.left, condition.right
        return (one is wanted and _is_known(other, left)) or (
            other is wanted and _is_known(one, left)
        )
    return False


def _is_known(value: object, left: list[FromClause]) -> bool:
    """Whether it is a parameter, or a column of a row that is held already."""
    return not isinstance(value, Column) or value.table not in left
