"""All state in one place: the books of every account, the clock, ids and what is still due."""

import hashlib
import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from sandbox.models import (
    Account,
    ApplicationFee,
    BalanceTransaction,
    Charge,
    Customer,
    Dispute,
    Event,
    FeeRefund,
    PaymentIntent,
    PaymentMethod,
    Record,
    Refund,
    WebhookEndpoint,
)
from sandbox.settings import SandboxSettings

Kept = TypeVar("Kept", bound=Record)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What the first request under an idempotency key was, and what it was answered."""

    path: str
    parameters: bytes
    status: int
    body: bytes
    request_id: str
    stored_at: float
    busy_until: float


@dataclass(slots=True)
class Calls:
    """How often a key came, and how often something was carried out for it."""

    path: str
    count: int = 0
    effects: int = 0


@dataclass(slots=True)
class Book:
    """Everything that belongs to one account, in the order in which it was made."""

    account: Account
    intents: dict[str, PaymentIntent] = field(default_factory=dict)
    charges: dict[str, Charge] = field(default_factory=dict)
    refunds: dict[str, Refund] = field(default_factory=dict)
    disputes: dict[str, Dispute] = field(default_factory=dict)
    balance_transactions: dict[str, BalanceTransaction] = field(default_factory=dict)
    payment_methods: dict[str, PaymentMethod] = field(default_factory=dict)
    customers: dict[str, Customer] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)
    endpoints: dict[str, WebhookEndpoint] = field(default_factory=dict)
    application_fees: dict[str, ApplicationFee] = field(default_factory=dict)
    fee_refunds: dict[str, FeeRefund] = field(default_factory=dict)
    balances: dict[str, int] = field(default_factory=dict)
    answers: dict[str, StoredAnswer] = field(default_factory=dict)
    calls: dict[str, Calls] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cause:
    """The request that something happens for; both None for what happens by itself."""

    request_id: str | None = None
    idempotency_key: str | None = None
    base_url: str = "http://127.0.0.1"


BY_ITSELF = Cause()


@dataclass(frozen=True, slots=True)
class Delivery:
    """One try to deliver an event to an endpoint."""

    event: Event
    endpoint: WebhookEndpoint
    attempt: int
    due_at: float
    struck: bool = False
    """Whether a fault has put it off already."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a delivery: an HTTP status, or why there is none."""

    event: str
    type: str
    account: str
    endpoint: str
    url: str
    attempt: int
    status: int | str
    at: float


class World:
    """The state of the sandbox. Nothing in it sleeps or does I/O: time is read from the clock."""

    def __init__(self, settings: SandboxSettings) -> None:
        self.settings = settings
        self.forget()

    def forget(self) -> None:
        """Empties all books, drops what was due, and sets the clock back."""
        self.offset = 0.0
        self.random = random.Random(self.settings.seed)
        self.books: dict[str, Book] = {}
        self.records: dict[str, Record] = {}
        self.cause = BY_ITSELF
        self.deliveries: list[tuple[float, int, Delivery]] = []
        self.tried: list[Tried] = []
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._sequence = 0

    def now(self) -> float:
        """Seconds since the Unix epoch, on the sandbox's clock."""
        return self.settings.clock.now() + self.offset

    def timestamp(self) -> int:
        """The time as Stripe's objects carry it."""
        return int(self.now())

    def new_id(self, prefix: str, length: int = 24) -> str:
        """A fresh id such as ``pi_`` + 24 letters and digits."""
        return prefix + "".join(self.random.choices(ALPHABET, k=length))

    def platform(self, api_key: str) -> Book:
        """The account of an API key: every key has one of its own, derived from it."""
        digest = hashlib.sha256(api_key.encode()).digest()
        id_ = "acct_" + "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:16])
        book = self.books.get(id_)
        return book or self.open(Account(id=id_, account=id_, created=self.timestamp()))

    def open(self, account: Account) -> Book:
        """Opens the books of a new account."""
        book = Book(account)
        self.books[account.id] = book
        self.records[account.id] = account
        return book

    def add(self, shelf: dict[str, Kept], record: Kept) -> Kept:
        """Puts a new record on its shelf, and where expansion finds it."""
        shelf[record.id] = record
        self.records[record.id] = record
        return record

    def knows(self, event: Event) -> bool:
        """Whether the event is of this world, and not of one that was forgotten meanwhile."""
        book = self.books.get(event.account)
        return book is not None and event.id in book.events

    def sequence(self) -> int:
        """A number that grows, so that what is due at the same moment keeps its order."""
        self._sequence += 1
        return self._sequence

    def at(self, due_at: float, effect: Callable[..., None], *arguments: object) -> None:
        """Lets ``effect`` happen once the clock reaches ``due_at``."""
        call: Callable[[], None] = partial(effect, *arguments)
        heapq.heappush(self._due, (due_at, self.sequence(), call))

    def after(self, seconds: float, effect: Callable[..., None], *arguments: object) -> None:
        """Lets ``effect`` happen ``seconds`` from now."""
        self.at(self.now() + seconds, effect, *arguments)

    def run_due(self) -> None:
        """Carries out all that is due by now, oldest first."""
        cause, self.cause = self.cause, BY_ITSELF
        while self._due and self._due[0][0] <= self.now():
            heapq.heappop(self._due)[2]()
        self.cause = cause

    def next_due(self) -> float | None:
        """When the next effect or delivery is due, or None."""
        times = [heap[0][0] for heap in (self._due, self.deliveries) if heap]
        return min(times, default=None)
