"""A history drawn from a seed: everything goes wrong for a while, then nothing does any more."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from domain.event_ends import Try
from domain.gaps import GapWalker
from sandbox.faults import Fault, Kind
from sandbox.world import Delivery
from tests.simulation.clients import Shop, opened_order
from tests.simulation.invariants import Eyes
from tests.simulation.turns import Turns, luck
from tests.simulation.world import Servers, World, opened
from webhooks.envelope import delivery_of, read_envelope
from webhooks.trying import work_off

OPERATIONS_MAX = 12
ORDERS_MAX = 3
_STEPS_MAX = 6_000
_WORKERS_MAX = 2
_HEALING_ROUNDS = 60


class Violation(AssertionError):
    """What a history has shown, with the line that shows it again."""


@dataclass
class History:
    """One run of one seed."""

    world: World
    chance: random.Random
    eyes: Eyes
    shops: list[Shop] = field(default_factory=list)
    operations: int = 0

    @property
    def turns(self) -> Turns:
        """Who moves."""
        return self.world.turns

    async def open(self) -> None:
        """One to three orders, of one or two tenants."""
        for _ in range(self.chance.randint(1, ORDERS_MAX)):
            tenant = self.chance.choice(self.world.tenants)
            shop = await opened_order(self.world, tenant, luck(self.chance.random()))
            self.shops.append(shop)

    async def suffer(self) -> None:
        """Safety: clients, workers, deliveries and the clock, in an order that the seed draws."""
        planned = self.chance.randint(5, OPERATIONS_MAX)
        moves: list[Callable[[], None]] = [self._work, self._deliver, self._tick, self._meddle]
        for _ in range(_STEPS_MAX):
            if self.operations >= planned and not self.turns.live:
                return
            drawn = self.chance.random()
            waiting = self.turns.waiting
            if drawn < 0.05 and self.operations < planned and len(self.turns.live) < 5:
                self._act()
            elif drawn < 0.12 or not waiting:
                if self.operations < planned and not waiting:
                    self._act()
                self.chance.choice(moves)()
            else:
                await self.turns.give(self.chance.choice(waiting))
                # No two things happen at one time: what is ordered by it has one order.
                self.world.clock.advance(0.001)
                await self.eyes.look()

    async def heal(self) -> None:
        """Liveness: nothing goes wrong any more, and all of it must come to its end."""
        self.turns.kill_chance = self.world.luck.fault_chance = 0.0
        self.world.api_database.fault_chance = self.world.worker_database.fault_chance = 0.0
        self.world.sandbox.faults.withdraw()
        walker = self.world.walker()
        last_arrive_in = self.chance.choice((0, 3))
        for number in range(_HEALING_ROUNDS):
            while number >= last_arrive_in and self.world.http.late:
                self.world.http.arrive_late()
            await self._round(walker)
            if number > 3 and await self.eyes.at_rest():
                return
            self._pass((6.0, 31.0, 61.0, 305.0, 605.0)[number % 5])

    async def _round(self, walker: GapWalker) -> None:
        self._deliver(100)
        self._work(both=True)
        while waiting := self.turns.waiting:
            await self.turns.give(waiting[0])
            self.world.clock.advance(0.001)
        await self.eyes.look()
        await walker.add_cursors()
        while (walk := await walker.claim(due_until=self.world.ours.now())) is not None:
            while not walk.is_over:
                walk = await walker.step(walk)

    def _act(self) -> None:
        """Mostly where nobody acts already; whoever acts beside another is refused, mostly."""
        live = {each.name for each in self.turns.live}
        free = [each for each in self.shops if not each.acting & live]
        shop = self.chance.choice(self.shops if self.chance.random() < 0.25 else free or self.shops)
        self.operations += 1
        shop.acting.add(self.turns.start("client", shop.act()).name)

    def _work(self, *, both: bool = False) -> None:
        busy = sum("worker" in each.name for each in self.turns.live)
        if busy >= _WORKERS_MAX and not both:
            return
        if both or self.chance.random() < 0.5:
            self.turns.start("worker settles", self._settle())
        if both or self.chance.random() < 0.5:
            self.turns.start("worker sweeps", self._sweep(100 if both else 1))

    async def _settle(self) -> None:
        settler = self.world.settler()
        if self.world.wake.operations:
            await settler.settle(self.world.wake.operations.pop(0))
        await settler.settle_due(1)

    async def _sweep(self, limit: int) -> None:
        events = self.world.events()
        tried: Try
        for _ in range(limit):
            claimed = await events.claim_due(1)
            if not claimed:
                return
            for tried in claimed:
                await work_off(events, tried)

    def _deliver(self, limit: int = 3) -> None:
        self.world.sandbox.run_due()
        if limit <= 3 and self.chance.random() < 0.3:
            kinds = (Kind.WEBHOOK_DOUBLE, Kind.WEBHOOK_SHUFFLE, Kind.WEBHOOK_LOSE)
            kind = self.chance.choice(kinds)
            self.world.sandbox.faults.order(Fault("delivery", kind, times=1, seconds=60.0))
        for delivery in self.world.sandbox.take_deliveries():
            self.turns.start("delivery", self._hear(delivery))

    async def _hear(self, delivery: Delivery) -> None:
        status: int | str = "reset"
        receiving = self.world.receiving()
        try:
            envelope = read_envelope(self.world.sandbox.webhook_request(delivery).body)
            heard = delivery_of(envelope, self.world.platform_gateway_id, self.world.ours.now())
            refused = await receiving.receive([heard])
            status = 200 if refused == [None] else 500
        finally:
            self.world.sandbox.finish_delivery(delivery, status)
            await receiving.drain()

    def _tick(self) -> None:
        self._pass(self.chance.choice((0.3, 1.0, 1.0, 6.0, 6.0, 6.0, 31.0, 61.0, 310.0)))
        self.world.sandbox.run_due()

    def _pass(self, seconds: float) -> None:
        self.world.http.arrive_before(self.world.clock.seconds + seconds)
        self.world.clock.advance(seconds)

    def _meddle(self) -> None:
        """What happens at the gateway by itself: a payer, a dashboard, a late request."""
        if self.world.http.late and self.chance.random() < 0.25:
            self.world.http.arrive_late()
            return
        book = self.eyes.book
        intents = list(book.intents.values())
        if not intents:
            return
        intent = self.chance.choice(intents)
        outcome = self.chance.choice(("succeed", "fail"))
        if intent.status == "requires_action":
            self._control(f"payment_intents/{intent.id}/authenticate", outcome)
        elif intent.status == "processing":
            self._control(f"payment_intents/{intent.id}/process", outcome)
        elif intent.status == "requires_capture" and self.chance.random() < 0.2:
            self._control(f"payment_intents/{intent.id}/expire", outcome)
        elif intent.status == "succeeded" and self.chance.random() < 0.2:
            amount = self.chance.choice(("1000", "2500"))
            self.world.dashboard("/v1/refunds", payment_intent=intent.id, amount=amount)
            self.eyes.dashboard_refunds = True

    def _control(self, path: str, outcome: str) -> None:
        self.eyes.order(path, outcome)


async def run(at: Servers, seed: int) -> str:
    """The history of this seed. Raises Violation; returns what it held, in a line."""
    chance = luck(seed)
    async with opened(at, seed, chance) as world:
        history = History(world, chance, Eyes(world))
        try:
            await history.open()
            await history.suffer()
            await history.heal()
            await history.eyes.judge(history.shops)
        except AssertionError as broken:
            raise Violation(f"seed {seed}: {broken}") from broken
        finally:
            await at.turns.abandon()
        statuses = await world.rows(
            "select payment_status, count(*) from payments group by 1 order by 1"
        )
        return f"{history.operations} operations, {dict(statuses)}"
