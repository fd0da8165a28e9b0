"""Which events a command is about: the options that `list` and `replay` have in common, and what
`replay` was asked for."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from app.admission import REASON_LENGTH_MAX
from app.moments import EXPECTED, NoMoment, read_moment
from app.revoking import may_be_kept
from db.platform_inbox import Owners
from db.platform_reads import SqlPlatformReads
from domain.ids import Prefix, is_id
from domain.inbox import WebhookEventStatus
from domain.inbox_reading import EventFilter
from domain.replaying import REPLAYABLE

StatusOption = Annotated[
    list[str] | None,
    typer.Option("--status", help="In this status: dead, retry, …; may be repeated."),
]
TypeOption = Annotated[
    list[str] | None,
    typer.Option("--type", help="Of this type, such as charge.refunded; may be repeated."),
]
SinceOption = Annotated[str | None, typer.Option(help=f"Received from then on: {EXPECTED}.")]
TenantOption = Annotated[str | None, typer.Option(help="One tenant's id or slug.")]
UnroutedOption = Annotated[
    bool, typer.Option("--unrouted", help="Only events that are routed to no tenant.")
]

_DEAD = WebhookEventStatus.DEAD


def statuses_named(names: Sequence[str] | None) -> list[WebhookEventStatus] | None:
    """The statuses, named in upper or lower case; None when none is."""
    known = {status.value: status for status in WebhookEventStatus}
    for name in names or ():
        if name.upper() not in known:
            listed = ", ".join(status.lower() for status in known)
            raise typer.BadParameter(f"--status: {name!r} is none of {listed}")
    return [known[name.upper()] for name in names or ()] or None


def types_named(names: Sequence[str] | None) -> list[str] | None:
    """The types; None when none is named."""
    for name in names or ():
        if not name.isprintable():
            raise typer.BadParameter(f"--type: {name!r} is no type")
    return list(names or ()) or None


def moment_named(option: str, text: str | None, now: datetime) -> datetime | None:
    """The point in time; None when none is named."""
    try:
        return None if text is None else read_moment(text, now)
    except NoMoment as fault:
        raise typer.BadParameter(f"{option}: {fault}") from fault


async def owners_named(engine: AsyncEngine, tenant: str | None, *, is_unrouted: bool) -> Owners:
    """Whose events are meant; None for everybody's."""
    if tenant is None:
        return {None} if is_unrouted else None
    if is_unrouted:
        raise typer.BadParameter("an unrouted event has no tenant: give --tenant or --unrouted")
    found = await SqlPlatformReads(engine).tenant_named(tenant) if tenant.isprintable() else None
    if found is None:
        raise typer.BadParameter(f"no tenant has the id or slug {tenant!r}")
    return {found.id}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayWish:
    """What `replay` was asked for, in the words that it was asked in."""

    ids: tuple[str, ...]
    statuses: tuple[str, ...]
    types: tuple[str, ...]
    since: str | None
    until: str | None
    tenant: str | None
    is_unrouted: bool
    by: str
    reason: str | None
    is_anew: bool

    def check(self, now: datetime) -> None:
        """Raises BadParameter for what cannot be meant, or must not be done by mistake."""
        self._check_ids()
        statuses = set(self.where.status_in or ())
        if statuses - REPLAYABLE:
            known = ", ".join(sorted(status.lower() for status in REPLAYABLE))
            raise typer.BadParameter(f"--status: only these can be replayed: {known}")
        if not self.ids and statuses != {_DEAD} and self.since is None:
            raise typer.BadParameter("of events that were worked off, say since when: --since")
        since, until = self.span(now)
        if since is not None and since >= (until or now):
            raise typer.BadParameter("--since is not before the end of the span")
        for option, text in (("--reason", self.reason), ("--by", self.by)):
            if text is not None and not may_be_kept(text):
                raise typer.BadParameter(
                    f"{option} is a text of at most {REASON_LENGTH_MAX} characters, without secrets"
                )

    def _check_ids(self) -> None:
        narrows = self.statuses or self.types or self.since or self.until
        if self.ids and (narrows or self.tenant or self.is_unrouted):
            raise typer.BadParameter("give events by their ids, or by options, not both")
        for event_id in self.ids:
            if not is_id(event_id, Prefix.WEBHOOK_EVENT):
                raise typer.BadParameter(f"{event_id!r} is no id of an event, we_…")

    @property
    def where(self) -> EventFilter:
        """The filter, without the span of time."""
        if self.ids:
            return EventFilter(ids=self.ids, status_in=sorted(REPLAYABLE))
        return EventFilter(
            status_in=statuses_named(self.statuses) or [_DEAD],
            event_type_in=types_named(self.types),
        )

    def span(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        """The span of time that the words mean now."""
        return moment_named("--since", self.since, now), moment_named("--until", self.until, now)

    def digest(self, owners: Owners) -> str:
        """A name for what was asked for, the same for the same words in any order."""
        whose = None if owners is None else sorted(str(owner) for owner in owners)
        where = self.where
        asked = [
            *(sorted(self.ids), sorted(where.status_in or ()), sorted(set(self.types))),
            *(self.since, self.until, whose),
        ]
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()

    @property
    def words(self) -> str:
        """The command, as a shell takes it."""
        options = [
            *(("--status", each) for each in self.statuses),
            *(("--type", each) for each in self.types),
            *(("--since", self.since), ("--until", self.until), ("--tenant", self.tenant)),
            *(("--by", self.by), ("--reason", self.reason)),
        ]
        given = [word for name, value in options if value is not None for word in (name, value)]
        unrouted = ["--unrouted"] if self.is_unrouted else []
        return shlex.join(["tollgate", "webhooks", "replay", *given, *unrouted, *self.ids])
