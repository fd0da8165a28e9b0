"""The parts that every table is made of.

Ids are text in the "C" collation, so that they compare byte by byte and sort by time. Columns
named `_cents` hold minor units of the row's currency, whatever its exponent. A closed set is text
with a CHECK made from the domain's enum, which a migration can change without a rewrite.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, MetaData, Text
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(constraint_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
    }
)


def text_id(name: str, *, nullable: bool = False, primary_key: bool = False) -> Column[str]:
    """An id, ours or the gateway's."""
    return Column(name, Text(collation="C"), nullable=nullable, primary_key=primary_key)


def text(name: str, *, nullable: bool = False) -> Column[str]:
    """Free text, or a word of a closed set that `one_of` checks."""
    return Column(name, Text, nullable=nullable)


def cents(name: str, *, nullable: bool = False) -> Column[int]:
    """An amount in minor units."""
    return Column(name, BigInteger, nullable=nullable)


def moment(name: str, *, nullable: bool = False) -> Column[object]:
    """A point in time, in UTC."""
    return Column(name, DateTime(timezone=True), nullable=nullable)


def json(name: str, *, nullable: bool = False) -> Column[object]:
    """A JSON document; None is SQL's null, never JSON's."""
    return Column(name, JSONB(none_as_null=True), nullable=nullable)


def check(name: str, condition: str) -> CheckConstraint:
    """A rule that the table itself holds."""
    return CheckConstraint(condition, name=name)


def one_of(column: str, words: type[StrEnum]) -> CheckConstraint:
    """The column holds a member of the enum and nothing else."""
    return check(column, f"{column} IN ({quoted(words)})")


def currency(column: str) -> CheckConstraint:
    """The column holds an alphabetic code in the form of ISO 4217."""
    return check(column, f"{column} ~ '^[A-Z]{{3}}$'")


def quoted(words: type[StrEnum] | frozenset[StrEnum]) -> str:
    """The words as a list of SQL literals, in a stable order."""
    return ", ".join(f"'{word.value}'" for word in sorted(words))
