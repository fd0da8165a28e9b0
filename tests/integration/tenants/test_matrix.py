"""One tenant with the other's ids, at every place of the schema where one can be said.

The suite tries a part of it; `scripts/prove tenants` all texts by all roles.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from domain.caller import Role
from domain.ids import Prefix, new_id
from tests.integration.tenants.asking import WHOLE
from tests.integration.tenants.matrix import Group, Matrix, groups, plain
from tests.integration.tenants.people import texts_of, twin

_EMAILS = frozenset({"customerEmail", "search"})

ATTEMPTS_LEAST = 2_000 if WHOLE else 200


async def test_the_others_things_are_nothing(matrix: Matrix) -> None:
    """Every text of the other tenant is answered as one that names nothing: the same bytes, status
    and headers, no row changed, no word to the gateway."""
    texts = await texts_of(matrix.api.engine, matrix.theirs.id, matrix.ours.id)
    tried = list(groups(list(Role)))
    for number, group in enumerate(tried, 1):
        if values := chosen(number, group, texts):
            await matrix.attack(group, values)
        if WHOLE:
            show(f"\r{number} of {len(tried)} places, {matrix.attempts} attempts")
    if WHOLE:
        show(
            f"\n{matrix.attempts} attempts, {matrix.refused} refused,"
            f" {matrix.differing} bytes different\n"
        )

    assert matrix.faults == [], "\n".join(x[:1400] for x in matrix.faults)
    assert matrix.refused == matrix.attempts >= ATTEMPTS_LEAST


def chosen(number: int, group: Group, texts: Mapping[str, str]) -> Sequence[str]:
    """The texts that are tried. An e-mail address only where one is asked for: elsewhere we would
    ourselves store it, where the search for secrets finds it."""
    values = _chosen(number, group, texts)
    return [value for value in values if "@" not in value or group.slot.name in _EMAILS]


def _chosen(number: int, group: Group, texts: Mapping[str, str]) -> Sequence[str]:
    """The whole: every id where an id is expected and the role may ask, a text of each column
    elsewhere. The suite: a few, others at each place."""
    ids = [value for value, column in texts.items() if column.endswith("id")]
    rest = [value for value in texts if value not in ids]
    answers, is_id = group.question.answers(group.role), group.slot.is_id
    if WHOLE and answers and is_id:
        return ids
    if WHOLE and group.role is Role.ADMIN:
        return list({column: value for value, column in texts.items()}.values())
    if group.role is Role.ADMIN:
        return [*_turn(number, ids, 3), *_turn(number, rest, 2)]
    if WHOLE and answers:
        return [*_turn(number, ids, 4), *_turn(number, rest, 4)]
    return _turn(number, ids, 1) if WHOLE or is_id else []


def _turn(number: int, values: Sequence[str], count: int) -> Sequence[str]:
    return [values[(number * count + step) % len(values)] for step in range(count)]


def show(words: str) -> None:
    """Progress, for who runs the proof."""
    sys.stderr.write(words)
    sys.stderr.flush()


async def test_own_things_are_something(matrix: Matrix) -> None:
    """What makes the above worth anything: at each place where the role may ask, one of our own
    texts is answered otherwise than its twin."""
    own = await texts_of(matrix.api.engine, matrix.ours.id, "ten_nobody")
    blind = [
        group.name
        for group in groups([Role.ADMIN])
        if group.question.answers(group.role)
        and (group.slot.is_id or not group.question.is_mutation)
        and not await tells(matrix, group, _own(matrix, group, own))
    ]

    assert blind == []


def _own(matrix: Matrix, group: Group, own: Mapping[str, str]) -> Sequence[str]:
    """Our own texts, those first that most places are about; for a mutation only what nothing can
    be done with any more."""
    spent, full = matrix.ours.spent.values(), matrix.ours.full.values()
    return [*spent] if group.question.is_mutation else [*spent, *full, *own]


async def tells(matrix: Matrix, group: Group, values: Sequence[str]) -> bool:
    """Whether one of the texts is answered otherwise than its twin; as a cursor, otherwise than one
    made now, since a twin stands beside it, on either side."""
    for value in values:
        is_cursor = group.slot.name in ("after", "before")
        now = new_id(Prefix.ORDER).partition("_")[2]
        other = f"{value.partition('_')[0]}_{now}" if is_cursor else twin(value)
        answer = plain(await matrix.asked(group, value), value)
        if answer != plain(await matrix.asked(group, other), other):
            return True
    return False
