"""Everything that is stored encrypted, and how it comes from older keys to the active one.

Re-encryption changes no plaintext, so that it need not keep anybody else from a row: a page is
swapped by one statement, blob for blob, which passes over rows that are locked or were written
since, and waits for nobody. What it passed over it finds in its next pass. Killed at any point, it
goes on from what is left when it is run again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Row,
    Select,
    Table,
    Text,
    Update,
    bindparam,
    case,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncEngine

from db.audit import SqlAuditStore
from db.cipher import AesGcmCipher
from db.engine import connected
from db.operations import REQUEST
from db.payment_rows import NEXT_ACTION
from db.sealed import Sealed, SealedColumn
from db.tables import metadata, tenants
from db.tenant_rows import SECRET_KEY, WEBHOOK_SECRET
from db.transactions import begun, commit, on_own_terms
from db.unreadable import alert_unreadable
from domain.audit import AuditEntry
from domain.caller import Actor, AuditActorType
from domain.ids import Prefix, new_id

Verb = Literal["rotation_started", "rotated"]
"""What the audit says of a rotation: credentials.rotation_started, credentials.rotated."""

SEALED: Sequence[SealedColumn] = (SECRET_KEY, WEBHOOK_SECRET, REQUEST, NEXT_ACTION)
"""Every column that is encrypted. A test holds the list against the tables."""

PAGE = 200
"""Blobs that are read, and swapped, at a time."""

PASSES_MAX = 5
PAUSE_SECONDS = 0.2
"""How often, and after which pause, rows are tried that were locked or written meanwhile."""

ALERTS_MAX = 20
"""Unreadable blobs of one tenant that get an alert of their own; all are counted."""

ROTATION = Actor(AuditActorType.SYSTEM, "keys rotate")
_TENANT_IDS = select(tenants.c.id).order_by(tenants.c.id)


@dataclass(slots=True)
class Rotated:
    """What was done for one tenant: blobs brought to the active key, and those that no key opens
    as what they are."""

    moved: int = 0
    unreadable: set[Sealed] = field(default_factory=set)


class Rotation:
    """Re-encrypts, tenant by tenant. `engine` has the role of the API, which sees and writes the
    rows of the transaction's tenant and of no other; `platform` lists the tenants."""

    def __init__(
        self, engine: AsyncEngine, platform: AsyncEngine, cipher: AesGcmCipher, *, page: int = PAGE
    ) -> None:
        self._engine = on_own_terms(engine)
        self._platform = platform
        self._cipher = cipher
        self._page = page

    async def tenant_ids(self) -> Sequence[str]:
        """Whose blobs there may be: every tenant's. Raises DatabaseUnavailable."""
        async with connected(self._platform) as connection:
            return list((await connection.execute(_TENANT_IDS)).scalars())

    async def counts(self, tenant_id: str) -> Counter[str]:
        """How many blobs each key has encrypted, by the id that they name. Raises
        DatabaseUnavailable."""
        counts: Counter[str] = Counter()
        async with begun(self._engine, tenant_id) as connection:
            for at in SEALED:
                found = await connection.execute(_count(at), {"of_tenant_id": tenant_id})
                for key_id, number in found:
                    counts[bytes(key_id).decode(errors="replace")] += number
        return counts

    async def stale(self, tenant_id: str) -> int:
        """How many blobs are not under the active key."""
        counts = await self.counts(tenant_id)
        return counts.total() - counts[self._cipher.active]

    async def rotate(self, tenant_id: str, done: Callable[[int], object]) -> Rotated:
        """Brings the tenant's blobs to the active key, with an audit entry before the first and
        after the last; `done` hears how many each page had. Raises DatabaseUnavailable."""
        rotated = Rotated()
        found = await self.counts(tenant_id)
        del found[self._cipher.active]
        if not found:
            return rotated
        await self._audit(tenant_id, "rotation_started", {"found": dict(found)})
        left = found.total()
        for number in range(PASSES_MAX):
            await self._pass(tenant_id, rotated, done if number == 0 else _nobody)
            left = await self.stale(tenant_id)
            if left <= len(rotated.unreadable):
                break
            await asyncio.sleep(PAUSE_SECONDS)
        told = sorted(rotated.unreadable, key=lambda sealed: sealed.context)[:ALERTS_MAX]
        await alert_unreadable(self._engine, told)
        result = {"moved": rotated.moved, "unreadable": len(rotated.unreadable), "left": left}
        await self._audit(tenant_id, "rotated", result)
        return rotated

    async def _pass(self, tenant_id: str, rotated: Rotated, done: Callable[[int], object]) -> None:
        """Every stale blob once, column by column, in the order of the ids."""
        for at in SEALED:
            after = ""
            while rows := await self._stale_rows(tenant_id, at, after):
                rotated.moved += await self._swap(tenant_id, at, rows, rotated.unreadable)
                after = rows[-1].id
                done(len(rows))

    async def _stale_rows(
        self, tenant_id: str, at: SealedColumn, after: str
    ) -> Sequence[Row[str, bytes, str]]:
        wanted = {
            "of_tenant_id": tenant_id,
            "after": after,
            "active": self._cipher.active_header,
            "at_most": self._page,
        }
        async with begun(self._engine, tenant_id) as connection:
            statement = _stale(at, len(self._cipher.active_header))
            found: Sequence[Row[str, bytes, str]] = (
                await connection.execute(statement, wanted)
            ).all()
        return found

    async def _swap(
        self,
        tenant_id: str,
        at: SealedColumn,
        rows: Sequence[Row[str, bytes, str]],
        unreadable: set[Sealed],
    ) -> int:
        fresh: list[tuple[str, bytes, bytes]] = []
        for row_id, blob, bound_id in rows:
            place = at.at(tenant_id, bound_id)
            try:
                plaintext = self._cipher.decrypt(blob, place.context)
            except ValueError:
                unreadable.add(place)
            else:
                fresh.append((row_id, blob, self._cipher.encrypt(plaintext, place.context)))
        if not fresh:
            return 0
        ids, olds, news = zip(*fresh, strict=True)
        wanted = {"of_tenant_id": tenant_id, "ids": ids, "olds": olds, "news": news}
        async with begun(self._engine, tenant_id) as connection:
            swapped = await connection.execute(_swap(at), wanted)
            await commit(connection)
        return swapped.rowcount

    async def _audit(self, tenant_id: str, verb: Verb, after: Mapping[str, object]) -> None:
        async with begun(self._engine, tenant_id) as connection:
            await SqlAuditStore(connection).append(
                AuditEntry(
                    id=new_id(Prefix.AUDIT_ENTRY),
                    tenant_id=tenant_id,
                    at=datetime.now(UTC),
                    actor=ROTATION,
                    action=f"credentials.{verb}",
                    subject_id=tenant_id,
                    before=None,
                    after={"active": self._cipher.active, **after},
                )
            )
            await commit(connection)


def _nobody(_count: int) -> None:
    """Hears nothing."""


def _column(at: SealedColumn) -> ColumnElement[bytes]:
    table, column = at.place
    return metadata.tables[table].c[column]


def _of_tenant(at: SealedColumn) -> ColumnElement[bool]:
    return _table(at).c.tenant_id == bindparam("of_tenant_id")


def _table(at: SealedColumn) -> Table:
    return metadata.tables[at.place[0]]


def _count(at: SealedColumn) -> Select[Any]:
    blob = _column(at)
    named = func.substr(blob, 2, func.get_byte(blob, 0), type_=LargeBinary)
    key_id = case((func.length(blob) > 0, named), else_=func.substr(blob, 1, type_=LargeBinary))
    return (
        select(key_id.label("key_id"), func.count())
        .where(_of_tenant(at), blob.is_not(None))
        .group_by("key_id")
    )


def _stale(at: SealedColumn, header_length: int) -> Select[Any]:
    blob, row_id, bound_id = _column(at), _table(at).c.id, _table(at).c[at.row]
    header = func.substr(blob, 1, header_length, type_=LargeBinary)
    return (
        select(row_id, blob, bound_id.label("bound_id"))
        .where(_of_tenant(at), header != bindparam("active", type_=LargeBinary))
        .where(row_id > bindparam("after"))
        .order_by(row_id)
        .limit(bindparam("at_most"))
    )


def _swap(at: SealedColumn) -> Update:
    table, blob = _table(at), _column(at)
    fresh = (
        func.unnest(
            bindparam("ids", type_=ARRAY(Text)),
            bindparam("olds", type_=ARRAY(LargeBinary)),
            bindparam("news", type_=ARRAY(LargeBinary)),
        )
        .table_valued("id", "old", "new", name="fresh")
        .render_derived()
    )
    is_same = (table.c.id == fresh.c.id) & (blob == fresh.c.old) & _of_tenant(at)
    # Not FOR UPDATE: a payment is locked for its key alone while an operation on it is written.
    free = (
        select(table.c.id)
        .where(is_same)
        .with_for_update(of=table, key_share=True, skip_locked=True)
        .cte("free")
    )
    return (
        update(table).where(is_same, table.c.id.in_(select(free.c.id))).values({blob: fresh.c.new})
    )
