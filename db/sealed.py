"""Columns that are encrypted: JSON in, one blob out, bound to its own row and column."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from domain.ports import Cipher


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A blob copied to another tenant, table, column or row cannot be read there."""

    table: str
    column: str

    def seal(
        self, cipher: Cipher, tenant_id: str | None, row_id: str, value: Mapping[str, object]
    ) -> bytes:
        """The value as it is stored."""
        plaintext = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        return cipher.encrypt(plaintext.encode(), self._context(tenant_id, row_id))

    def open(
        self, cipher: Cipher, tenant_id: str | None, row_id: str, blob: bytes
    ) -> dict[str, object]:
        """The value as it was. Raises ValueError for a blob that is not this row's own."""
        value = json.loads(cipher.decrypt(blob, self._context(tenant_id, row_id)))
        if not isinstance(value, dict):
            raise ValueError(f"{self.table}.{self.column} does not hold an object")
        return value

    def _context(self, tenant_id: str | None, row_id: str) -> str:
        return f"{tenant_id or ''}|{self.table}|{self.column}|{row_id}"
