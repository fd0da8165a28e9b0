"""The attempts: every question, every place for a text, each of the other tenant's texts.

The answer must be the one to a text of the same shape that names nothing, byte for byte.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import text

from domain.caller import Role
from tests.integration.db.world import TENANT_TABLES, tenant_column
from tests.integration.tenants.asking import Question, Slot, put, questions
from tests.integration.tenants.people import Api, Tenant, twin
from tests.integration.tenants.wire import Wire
from tests.unit.app.asgi import Answer

TOO_MANY_REQUESTS = 429
LETTERS = str.maketrans("0123456789", "ghijklmnop")
NOBODYS = "_00000000000000000000000000"
MADE = re.compile(
    rb"[a-z]+_[0-9a-hjkmnp-tv-z]{26}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z|eyJ[\w.-]+"
)
"""What differs between two objects that were made alike: ids, times and tokens."""

_OF_THE_MOMENT = re.compile(r"date|retry-after|(x-)?ratelimit.*")


_STATE = text(
    " UNION ALL ".join(
        f"SELECT {column.name}, '{table.name}', count(*),"  # noqa: S608 - of the metadata
        f" md5(string_agg(row::text, '|' ORDER BY row::text)) FROM {table.name} AS row"
        f" WHERE {column.name} IN (:ours, :theirs) GROUP BY {column.name}"
        for table in TENANT_TABLES
        if (column := tenant_column(table)) is not None
    )
)
"""Whose rows, of which table, how many, and a digest of them."""


@dataclass(frozen=True, slots=True)
class Group:
    """One place for a text in one question by one role."""

    question: Question
    role: Role
    slot: Slot

    @property
    def name(self) -> str:
        """Which one it is."""
        through = f"{self.question.through}." if self.question.through else ""
        return f"{self.role}: {through}{self.question.name}({'.'.join(self.slot.path)})"


@dataclass(frozen=True, slots=True)
class State:
    """What both tenants have, and what was said to the gateway."""

    ours: Mapping[str, str]
    theirs: Mapping[str, str]
    counts: Mapping[str, int]
    said: int


@dataclass
class Matrix:
    """The API, our tenant who tries, the other one, and what was found."""

    api: Api
    wire: Wire
    ours: Tenant
    theirs: Tenant
    attempts: int = 0
    refused: int = 0
    differing: int = 0
    faults: list[str] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    """Texts of the other's that an attempt has made ours as well, as the reference of an order."""

    async def attack(self, group: Group, values: Sequence[str]) -> None:
        """Tries each of the other tenant's texts, after a twin of each."""
        if not group.slot.is_id:
            values = [value for value in values if value not in self.taken]
        twins = [twin(value) for value in values]
        start = await self.state()
        controls = [await self.asked(group, value) for value in twins]
        between = await self.state()
        answers = [await self.asked(group, value) for value in values]
        end = await self.state()
        moved = self._moved(group, start, between, end)
        writes = _difference(start, between).keys() - {"audit_log"}
        if writes:
            self.taken.update(values)
        pairs = zip(values, twins, answers, controls, strict=True)
        for value, other, answer, control in pairs:
            self.attempts += 1
            one, two = plain(answer, value), plain(control, other)
            if writes:
                one, two = _made_alike(one), _made_alike(two)
            if one == two:
                self.refused += not moved
            else:
                self.differing += abs(len(one[2]) - len(two[2])) or 1
                self.faults.append(f"{group.name} with {value}: {one} instead of {two}")

    async def asked(self, group: Group, value: str) -> Answer:
        """The answer with this text in the slot; a limit on the rate is waited out."""
        question = group.question
        # Letters: a long run of digits may be taken for a card number.
        key = f"attempt-{secrets.token_hex(8).translate(LETTERS)}"
        variables = put(
            question.variables(partial(_texts, key=key, spent=self.ours.spent)), group.slot, value
        )
        document = question.document(group.role, frozenset(variables))
        if question.through is not None:
            variables["through"] = self.ours.full[question.through]
        headers = self.ours.headers[group.role]
        while True:
            answer = await self.api.ask(headers, document, variables)
            if answer.status != TOO_MANY_REQUESTS:
                return _without(answer, key)
            await asyncio.sleep(float(answer.headers.get("retry-after", "1")))

    async def state(self) -> State:
        """What there is now."""
        held: dict[str, dict[str, str]] = {self.ours.id: {}, self.theirs.id: {}}
        counts: dict[str, int] = {}
        async with self.api.engine.connect() as connection:
            asked = {"ours": self.ours.id, "theirs": self.theirs.id}
            for tenant_id, table, count, digest in await connection.execute(_STATE, asked):
                held[tenant_id][table] = digest
                if tenant_id == self.ours.id:
                    counts[table] = count
        return State(held[self.ours.id], held[self.theirs.id], counts, self.wire.sent)

    def _moved(self, group: Group, start: State, between: State, end: State) -> bool:
        """Whether the other tenant's rows changed, or ours otherwise than by the twins, or more was
        said to the gateway."""
        found = []
        if not start.theirs == between.theirs == end.theirs:
            found.append("the other tenant's rows changed")
        expected = _difference(start, between)
        if _difference(between, end) != expected:
            found.append("rows were added that the twins did not add")
        if any(
            between.ours.get(table) != end.ours[table]
            for table in end.ours
            if expected.get(table, 0) == 0
        ):
            found.append("our own rows changed")
        if start.said != between.said or between.said != end.said:
            found.append("the gateway was called")
        self.faults += [f"{group.name}: {fault}" for fault in found]
        return bool(found)


def _texts(name: str, key: str, spent: Mapping[str, str]) -> str:
    known = {
        "idempotencyKey": key,
        "token": "pm_card_visa",
        "reference": f"reference of {key}",
        "orderId": spent["ord"],
        "paymentId": spent["pay"],
    }
    if name in known:
        return known[name]
    # An id of another kind is nobody's: with one of ours the attempts would do something.
    return f"{name[:3].lower()}{NOBODYS}" if name.endswith("Id") else name


def groups(roles: Sequence[Role]) -> Iterator[Group]:
    """Every place for a text, by each role. A field of PLATFORM_ADMIN alone is the platform's own
    business with any tenant: only the others try it."""
    for question in questions():
        for role in roles:
            if role is Role.PLATFORM_ADMIN and _is_platforms(question):
                continue
            for slot in question.slots:
                yield Group(question, role, slot)


def _is_platforms(question: Question) -> bool:
    return all(not question.answers(role) for role in Role if role is not Role.PLATFORM_ADMIN)


def plain(answer: Answer, value: str) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
    """Status, headers and body, with the text that was tried blacked out."""
    headers = tuple(
        sorted(item for item in answer.headers.items() if not _OF_THE_MOMENT.fullmatch(item[0]))
    )
    said = json.dumps(value)[1:-1].encode()
    return answer.status, headers, _without_cost(answer.body).replace(said, b"<tried>")


def _without_cost(body: bytes) -> bytes:
    """The body less what is left of a budget, which goes down with every request."""
    if b'"cost"' not in body:
        return body
    told = json.loads(body)
    told.get("extensions", {}).pop("cost", None)
    return json.dumps(told).encode()


def _without(answer: Answer, key: str) -> Answer:
    return Answer(answer.status, answer.headers, answer.body.replace(key.encode(), b"<key>"))


def _made_alike(
    shown: tuple[int, tuple[tuple[str, str], ...], bytes],
) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
    status, headers, body = shown
    return status, headers, MADE.sub(b"<made>", body)


def _difference(one: State, two: State) -> dict[str, int]:
    return {
        table: count - one.counts.get(table, 0)
        for table, count in two.counts.items()
        if count != one.counts.get(table, 0)
    }
