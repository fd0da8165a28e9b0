"""Bugs that somebody might write, each a small change of the product, planted while a history runs.
A simulator that does not find them is blind."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

import domain.asking
import domain.changing
import domain.events
import domain.operation_reads
import domain.operations
import domain.recording
import domain.settling
from db.audit import SqlAuditStore
from db.noting import NotingAuditStore
from db.operations import SqlOperationStore
from db.orders import SqlOrderStore
from db.payments import SqlPaymentStore
from domain.answers import Answer, intent_answer, problem_answer
from domain.applying import apply_snapshot
from domain.audit import AuditEntry
from domain.errors import GatewayUnknown, NotFound
from domain.operation import Operation, OperationState
from domain.operation_reads import IntentListings, find_effect, sent_between
from domain.performing import Call, Decide, Performer
from domain.settling import Settler
from domain.tenant import GatewayAccount

Plant = Callable[[pytest.MonkeyPatch], None]


def _no_locks(patch: pytest.MonkeyPatch) -> None:
    """Rows are read without being locked."""

    async def lock(store: Any, tenant_id: str, row_id: str) -> Any:
        found = await store.find(tenant_id, row_id)
        if found is None:
            raise NotFound(row_id)
        return found

    for store in (SqlOrderStore, SqlPaymentStore, SqlOperationStore):
        patch.setattr(store, "lock", lock)


def _key_not_stored(patch: pytest.MonkeyPatch) -> None:
    """The caller's key is not what is remembered."""
    claim = Performer._claim

    async def forgetful(performer: Performer, call: Call, decide: Decide) -> Any:
        command = replace(call.command, idempotency_key=secrets.token_hex(8))
        return await claim(performer, replace(call, command=command), decide)

    patch.setattr(Performer, "_claim", forgetful)


def _call_before_commit(patch: pytest.MonkeyPatch) -> None:
    """The gateway is called before what is asked of it is written down for good."""
    claim = Performer._claim

    async def hasty(performer: Performer, call: Call, decide: Decide) -> Any:
        async def decide_and_call(at: Any) -> tuple[Operation, GatewayAccount]:
            operation, account = await decide(at)
            await performer._runner.ask(operation, account, timeout_seconds=15.0)
            return operation, account

        return await claim(performer, call, decide_and_call)

    patch.setattr(Performer, "_claim", hasty)


def _event_never_ends(patch: pytest.MonkeyPatch) -> None:
    """An event's effect is kept, and that it was worked off is not."""

    async def pretend(*_: Any) -> bool:
        return True

    patch.setattr(domain.events, "end_try", pretend)


def _refund_without_reserve(patch: pytest.MonkeyPatch) -> None:
    """A refund is asked for without setting its amount aside."""
    patch.setattr(domain.changing, "count_refunds", lambda payment, _: payment)


def _unknown_is_failed(patch: pytest.MonkeyPatch) -> None:
    """An answer that did not come is taken for a refusal."""

    def hasty(problem: Any) -> Answer:
        answer = problem_answer(problem)
        if isinstance(problem, GatewayUnknown):
            return replace(answer, state=OperationState.REJECTED)
        return answer

    patch.setattr(domain.asking, "problem_answer", hasty)


def _fresh_key_on_resend(patch: pytest.MonkeyPatch) -> None:
    """What is sent again is sent under another key."""
    send = Settler._send

    async def resend(
        settler: Settler, operation: Operation, account: GatewayAccount, *, key: str | None = None
    ) -> None:
        await send(settler, operation, account, key=key or f"{operation.id}-{operation.attempts}")

    patch.setattr(Settler, "_send", resend)


def _send_without_reading(patch: pytest.MonkeyPatch) -> None:
    """The settler sends again without having looked whether it happened."""

    async def blind(*_: Any) -> None:
        return None

    patch.setattr(domain.settling, "find_effect", blind)


def _absent_at_once(patch: pytest.MonkeyPatch) -> None:
    """One listing that does not show it counts as proof."""

    async def resolve(
        settler: Settler,
        operation: Operation,
        payment: Any,
        account: GatewayAccount,
        listings: IntentListings,
    ) -> None:
        answer = await find_effect(settler._gateway, listings, operation, payment, account)
        if answer is None:
            await settler._give_up(operation)
        else:
            await settler._adopt(operation, answer)

    patch.setattr(Settler, "_resolve", resolve)


def _key_not_finished(patch: pytest.MonkeyPatch) -> None:
    """The operation ends and its key does not hear of it."""

    async def nothing(*_: Any) -> None:
        return None

    patch.setattr(domain.operations, "_finish_key", nothing)


def _close_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A declined payment's intent is left open."""

    def forgetful(*given: Any) -> Any:
        return replace(apply_snapshot(*given), closes_intent=False)

    patch.setattr(domain.recording, "apply_snapshot", forgetful)


def _not_booked(patch: pytest.MonkeyPatch) -> None:
    """A payment moves and the books do not."""

    async def nothing(*_: Any) -> None:
        return None

    patch.setattr(domain.recording, "post_payment", nothing)


def _not_audited(patch: pytest.MonkeyPatch) -> None:
    """What the settler and events do leaves no line."""

    async def append(store: SqlAuditStore, entry: AuditEntry) -> None:
        if entry.actor.type == "USER":
            await SqlAuditStore.append(store, entry)

    patch.setattr(NotingAuditStore, "append", append)


def _abandoned_sending(patch: pytest.MonkeyPatch) -> None:
    """A call whose process died is waited for for ever."""
    patch.setattr(domain.settling, "SENDING_MAX", timedelta(days=3_650))


def _any_intent_will_do(patch: pytest.MonkeyPatch) -> None:
    """The first intent of a listing is taken for the one that is looked for."""

    async def careless(
        listings: IntentListings, operation: Operation, _: Any, account: GatewayAccount
    ) -> Answer | None:
        intents = await listings.around(account, *sent_between(operation))
        return intent_answer(operation.kind, intents[0]) if intents else None

    patch.setattr(domain.operation_reads, "_find_intent", careless)


BUGS: Mapping[str, tuple[Plant, int]] = {
    plant.__name__.removeprefix("_"): (plant, seed)
    for plant, seed in (
        (_no_locks, 1),
        (_key_not_stored, 52),
        (_call_before_commit, 5),
        (_event_never_ends, 0),
        (_refund_without_reserve, 2),
        (_unknown_is_failed, 0),
        (_fresh_key_on_resend, 85),
        (_send_without_reading, 17),
        (_absent_at_once, 48),
        (_key_not_finished, 0),
        (_close_forgotten, 8),
        (_not_booked, 1),
        (_not_audited, 0),
        (_abandoned_sending, 6),
        (_any_intent_will_do, 0),
    )
}
"""Each with a seed that finds it."""


@contextmanager
def planted(name: str) -> Iterator[None]:
    """The product with this bug."""
    with pytest.MonkeyPatch.context() as patch:
        BUGS[name][0](patch)
        yield


async def seeds_until_found(
    name: str, attempt: Callable[[int], Awaitable[object]], seeds: range
) -> tuple[int, str] | None:
    """The first of the seeds whose history breaks with the bug, and what broke; None if none."""
    for seed in seeds:
        try:
            with planted(name):
                await attempt(seed)
        except AssertionError as found:
            return seed, str(found)
    return None
