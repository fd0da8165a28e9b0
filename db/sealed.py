"""Columns that are encrypted: JSON in, one blob out, bound to its own row and column."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from domain.ports import Cipher


@dataclass(frozen=True, slots=True)
class Sealed:
    """One blob's place, which is bound to it as its context."""

    tenant_id: str | None
    table: str
    column: str
    row_id: str

    @property
    def context(self) -> str:
        """The place as the associated data of the encryption."""
        return f"{self.tenant_id or ''}|{self.table}|{self.column}|{self.row_id}"

    @property
    def name(self) -> str:
        """The column's full name."""
        return f"{self.table}.{self.column}"

    @classmethod
    def of(cls, context: str) -> Sealed:
        """The place that a context names. Raises ValueError for any other text."""
        tenant_id, table, column, row_id = context.split("|")
        return cls(tenant_id or None, table, column, row_id)


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A blob copied to another tenant, table, column or row cannot be read there.

    `table` and `column` are where it is bound to, and `row` the column with the id of the row that
    it is bound to. `kept_in` is where it lies, in its own table and column unless it was moved.
    """

    table: str
    column: str
    row: str = "id"
    kept_in: tuple[str, str] | None = None

    @property
    def place(self) -> tuple[str, str]:
        """The table and the column that hold the blobs."""
        return self.kept_in or (self.table, self.column)

    def seal(
        self, cipher: Cipher, tenant_id: str | None, row_id: str, value: Mapping[str, object]
    ) -> bytes:
        """The value as it is stored."""
        plaintext = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        return cipher.encrypt(plaintext.encode(), self.at(tenant_id, row_id).context)

    def open(
        self, cipher: Cipher, tenant_id: str | None, row_id: str, blob: bytes
    ) -> dict[str, object]:
        """The value as it was. Raises ValueError for a blob that is not this row's own."""
        value = json.loads(cipher.decrypt(blob, self.at(tenant_id, row_id).context))
        if not isinstance(value, dict):
            raise ValueError(f"{self.table}.{self.column} does not hold an object")
        return value

    def read(
        self, cipher: Cipher, tenant_id: str | None, row_id: str, blob: bytes
    ) -> dict[str, object] | None:
        """The value as it was, None for a blob that is not this row's own: one secret that cannot
        be read must not keep anybody from the rest of the row."""
        try:
            return self.open(cipher, tenant_id, row_id, blob)
        except ValueError:
            return None

    def at(self, tenant_id: str | None, row_id: str) -> Sealed:
        """The place of this column's blob in that row."""
        return Sealed(tenant_id, self.table, self.column, row_id)
