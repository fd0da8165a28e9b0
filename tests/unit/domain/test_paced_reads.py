"""Reads shared by those that wait for the same, and paced by account."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace

import pytest

from domain.errors import GatewayUnknown, GatewayUnreached
from domain.fees import GatewayFeeSchedule
from domain.gateways.stripe_gateway import StripeGateway
from domain.paced_reads import Pace, SharedReads
from domain.payment import GatewayType
from domain.tenant import GatewayAccount, GatewayMode

ACCOUNT = GatewayAccount(
    id="gw_1",
    tenant_id="ten_1",
    gateway_type=GatewayType.STRIPE,
    mode=GatewayMode.PLATFORM,
    livemode=False,
    is_enabled=True,
    fee_schedule=GatewayFeeSchedule(290, 30),
)


@dataclass
class Hand:
    """A clock that is moved by hand."""

    at: float = 100.0

    def __call__(self) -> float:
        return self.at


@dataclass
class Question:
    """A read that is answered when the test says so; each asking is counted."""

    asked: int = 0
    answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self) -> int:
        """The number of this asking, once it is answered."""
        self.asked += 1
        number = self.asked
        await self.answer.wait()
        return number


def shared(pace: Pace | None = None) -> SharedReads:
    """Reads of a gateway that is not asked here."""
    return SharedReads(
        StripeGateway(secret_key="sk_test_none", api_base="http://127.0.0.1:1"), pace
    )


async def turns() -> None:
    """Lets every task come as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_no_second_has_more_than_sixty_turns() -> None:
    """In no second are there more than sixty turns, whoever asks how fast."""
    hand = Hand()
    pace = Pace(60, clock=hand)
    starts = [hand.at + pace.seconds_to_wait("acct_1") for _ in range(240)]

    assert starts == sorted(starts)
    assert all(
        sum(start <= other < start + 0.999_999 for other in starts) <= 60 for start in starts
    )
    assert starts[-1] - starts[0] < 4


def test_an_account_waits_for_itself_alone() -> None:
    """A busy account takes no turn of another; one that was idle saves none up."""
    hand = Hand()
    pace = Pace(10, clock=hand)
    waits = [pace.seconds_to_wait("acct_busy") for _ in range(3)]
    first = pace.seconds_to_wait("acct_quiet")
    hand.at += 60
    later = [pace.seconds_to_wait("acct_busy") for _ in range(3)]

    assert waits == pytest.approx([0, 0.1, 0.2])
    assert first == 0
    assert later == pytest.approx([0, 0.1, 0.2])


def test_a_wait_is_bounded() -> None:
    """Beyond the bound nobody queues, and who is turned away takes no turn."""
    hand = Hand()
    pace = Pace(10, wait_seconds_max=0.5, clock=hand)
    for _ in range(6):
        pace.seconds_to_wait("acct_1")
    for _ in range(3):
        with pytest.raises(GatewayUnreached):
            pace.seconds_to_wait("acct_1")
    hand.at += 0.1

    assert pace.seconds_to_wait("acct_1") == pytest.approx(0.5)


def test_many_accounts_are_not_remembered() -> None:
    """What waits for nobody is forgotten."""
    hand = Hand()
    pace = Pace(10, clock=hand)
    for number in range(5_000):
        hand.at += 1
        pace.seconds_to_wait(f"acct_{number}")

    assert len(pace._free_at) <= 1_001


async def test_those_who_wait_for_the_same_share_one_read() -> None:
    """Fifty who were there before the read began have one answer from one read."""
    reads, question = shared(), Question()
    since = time.monotonic()
    waiting = [
        asyncio.create_task(reads.once(ACCOUNT, "intent pi_1", question, since)) for _ in range(50)
    ]
    await turns()
    question.answer.set()

    assert set(await asyncio.gather(*waiting)) == {1}
    assert question.asked == 1


async def test_a_read_that_began_before_is_not_shared() -> None:
    """Who came after the read began needs a later one, which begins when that has ended; all who
    come meanwhile share it, whenever they came."""
    reads, question = shared(), Question()
    early = asyncio.create_task(reads.once(ACCOUNT, "intent pi_1", question, time.monotonic()))
    await turns()
    late = []
    for _ in range(3):
        since = time.monotonic()
        late.append(asyncio.create_task(reads.once(ACCOUNT, "intent pi_1", question, since)))
        await turns()
    asked_meanwhile = question.asked
    question.answer.set()

    assert asked_meanwhile == 1
    assert await early == 1
    assert await asyncio.gather(*late) == [2, 2, 2]


async def test_what_was_answered_is_not_kept() -> None:
    """A finished read serves nobody any more, however soon the next one comes."""
    reads, question = shared(), Question()
    question.answer.set()
    answers = [await reads.once(ACCOUNT, "intent pi_1", question, 0.0) for _ in range(3)]

    assert answers == [1, 2, 3]


async def test_another_object_row_or_account_is_another_read() -> None:
    """Reads are shared by row, account and object; the platform's own account is not the row's."""
    reads, question = shared(), Question()
    question.answer.set()
    connected = replace(ACCOUNT, mode=GatewayMode.CONNECT)
    other_row = replace(ACCOUNT, id="gw_2")
    asked = [(ACCOUNT, "a"), (ACCOUNT, "b"), (connected, "a"), (other_row, "a")]
    answers = await asyncio.gather(
        *(reads.once(account, name, question, 0.0) for account, name in asked)
    )

    assert sorted(answers) == [1, 2, 3, 4]


async def test_a_read_that_fails_fails_for_all_who_share_it() -> None:
    """And the next one is asked anew."""
    reads = shared()
    asked = 0

    async def fails() -> int:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        raise GatewayUnknown("lost")

    since = time.monotonic()
    ended = await asyncio.gather(
        *(reads.once(ACCOUNT, "intent pi_1", fails, since) for _ in range(3)),
        return_exceptions=True,
    )

    assert [type(end) for end in ended] == [GatewayUnknown] * 3
    assert asked == 1
    with pytest.raises(GatewayUnknown):
        await reads.once(ACCOUNT, "intent pi_1", fails, since)


async def test_who_gives_up_leaves_the_read_to_the_others() -> None:
    """A job that is cancelled cancels no read that others wait for."""
    reads, question = shared(), Question()
    since = time.monotonic()
    first, second = (
        asyncio.create_task(reads.once(ACCOUNT, "intent pi_1", question, since)) for _ in range(2)
    )
    await turns()
    first.cancel()
    await turns()
    question.answer.set()

    assert await second == 1
    assert first.cancelled()


async def test_whoever_waits_for_a_turn_is_joined() -> None:
    """A read that waits for its turn has not begun: it serves those who come meanwhile."""
    reads, question = shared(Pace(20)), Question()
    question.answer.set()
    await reads.once(ACCOUNT, "intent pi_0", question, 0.0)
    first = asyncio.create_task(reads.once(ACCOUNT, "intent pi_1", question, time.monotonic()))
    await turns()
    second = asyncio.create_task(reads.once(ACCOUNT, "intent pi_1", question, time.monotonic()))

    assert [await first, await second] == [2, 2]


async def test_a_read_for_another_version_of_the_payment_is_not_shared() -> None:
    """Whoever found the payment moved since the read was begun has a read of its own."""
    reads, question = shared(), Question()
    since = time.monotonic()
    waiting = [
        asyncio.create_task(reads.once(ACCOUNT, "dispute du_1", question, since, version))
        for version in (1, 1, 2, 2)
    ]
    await turns()
    question.answer.set()

    assert await asyncio.gather(*waiting) == [1, 1, 2, 2]
