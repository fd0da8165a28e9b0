"""Ciphertexts that could not be read: noticed where they are opened, told by an alert."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.alerts import SqlAlertStore
from db.sealed import Sealed
from db.transactions import begun, commit
from domain.alert import Alert
from domain.alert_rules import RULES, AlertRule
from domain.ids import Prefix, new_id
from domain.ports import Cipher, DatabaseUnavailable

RULE = AlertRule.CIPHER_UNREADABLE

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class NotingCipher:
    """Implements `domain.ports.Cipher` over another one, and notes what that could not open."""

    cipher: Cipher
    unreadable: set[Sealed] = field(default_factory=set)

    def encrypt(self, plaintext: bytes, context: str) -> bytes:
        """As the other one does."""
        return self.cipher.encrypt(plaintext, context)

    def decrypt(self, ciphertext: bytes, context: str) -> bytes:
        """As the other one does. Raises ValueError."""
        try:
            return self.cipher.decrypt(ciphertext, context)
        except ValueError:
            self.unreadable.add(Sealed.of(context))
            raise


async def alert_unreadable(engine: AsyncEngine, unreadable: Iterable[Sealed]) -> None:
    """Opens an alert for each, in transactions of their own: whatever the reader's came to, the
    alert stays. A database that is away is only logged: the next reader tells it again."""
    for sealed in unreadable:
        _log.error("%s of %s cannot be decrypted", sealed.name, sealed.row_id)
        try:
            async with begun(engine, sealed.tenant_id) as connection:
                await open_alert(connection, sealed)
                await commit(connection)
        except DatabaseUnavailable as away:
            _log.warning("no alert for %s: %s", sealed.row_id, away)


async def open_alert(connection: AsyncConnection, sealed: Sealed) -> None:
    """Opens the alert unless it is open: somebody altered or moved a ciphertext, or its key is
    gone."""
    await SqlAlertStore(connection).open(
        Alert(
            id=new_id(Prefix.ALERT),
            rule=RULE,
            severity=RULES[RULE].severity,
            subject_id=sealed.row_id,
            message=f"{sealed.name} was altered or moved, or its key is missing.",
            tenant_id=sealed.tenant_id,
            opened_at=datetime.now(UTC),
        )
    )
