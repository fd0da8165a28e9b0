"""What the sandbox remembers: one mutable record for each of Stripe's objects."""

from dataclasses import dataclass, field

from sandbox.cards import Card
from sandbox.wire import Wire


@dataclass(slots=True, kw_only=True)
class Record:
    """What every object has; ``account`` is the account that it belongs to."""

    id: str
    account: str
    created: int


@dataclass(slots=True, kw_only=True)
class Account(Record):
    """A platform (derived from its key) or an account connected to one."""

    platform: str | None = None
    country: str = "US"
    currency: str = "usd"
    email: str | None = None
    type: str = "standard"
    business_type: str | None = None
    business_profile: Wire | None = None
    charges_enabled: bool = True
    connected: bool = True
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def application(self) -> str | None:
        """The platform's application, on whose behalf a connected account is used."""
        return f"ca_{self.platform.removeprefix('acct_')}" if self.platform else None


@dataclass(slots=True, kw_only=True)
class PaymentMethod(Record):
    """A tokenised test card."""

    card: Card
    customer: str | None = None
    billing: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Customer(Record):
    """A customer, no more than a name to hang payments on."""

    email: str | None = None
    name: str | None = None
    phone: str | None = None
    description: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class PaymentIntent(Record):
    """An intent; amounts are minor units of ``currency``."""

    amount: int
    currency: str
    client_secret: str
    capture_method: str = "automatic_async"
    confirmation_method: str = "automatic"
    automatic: bool = True
    allow_redirects: str = "always"
    payment_method_types: list[str] = field(default_factory=lambda: ["card"])
    payment_method: str | None = None
    status: str = "requires_payment_method"
    amount_capturable: int = 0
    amount_received: int = 0
    application_fee_amount: int | None = None
    latest_charge: str | None = None
    next_action: Wire | None = None
    last_payment_error: Wire | None = None
    return_url: str | None = None
    canceled_at: int | None = None
    cancellation_reason: str | None = None
    customer: str | None = None
    description: str | None = None
    receipt_email: str | None = None
    setup_future_usage: str | None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None
    transfer_group: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Charge(Record):
    """One attempt to take an intent's money."""

    amount: int
    currency: str
    card: Card
    payment_method: str
    payment_intent: str
    status: str
    captured: bool
    amount_captured: int = 0
    amount_refunded: int = 0
    disputed: bool = False
    authenticated: bool = False
    capture_before: int | None = None
    application_fee_amount: int | None = None
    application_fee: str | None = None
    balance_transaction: str | None = None
    customer: str | None = None
    description: str | None = None
    receipt_email: str | None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None
    transfer_group: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    refunds: list["Refund"] = field(default_factory=list)
    disputes: list["Dispute"] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Refund(Record):
    """Money sent back; ``released`` marks an authorization let go, which moves no money."""

    amount: int
    currency: str
    charge: str
    payment_intent: str
    status: str
    reason: str | None = None
    failure_reason: str | None = None
    balance_transaction: str | None = None
    failure_balance_transaction: str | None = None
    released: bool = False
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Dispute(Record):
    """A chargeback or an inquiry; ``withdrawn`` says that its money has left the account."""

    amount: int
    currency: str
    charge: str
    payment_intent: str
    reason: str
    status: str
    case_type: str
    network_reason_code: str
    brand: str
    withdrawn: bool = False
    evidence: dict[str, str] = field(default_factory=dict)
    submission_count: int = 0
    balance_transactions: list["BalanceTransaction"] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeeDetail:
    """One part of a balance transaction's fee, in its currency."""

    amount: int
    type: str
    description: str
    application: str | None = None


@dataclass(slots=True, kw_only=True)
class BalanceTransaction(Record):
    """Money in or out of an account's balance, in its settlement currency."""

    amount: int
    currency: str
    type: str
    reporting_category: str
    source: str
    description: str | None
    exchange_rate: float | None = None
    fee_details: tuple[FeeDetail, ...] = ()

    @property
    def fee(self) -> int:
        """All parts of the fee together."""
        return sum(detail.amount for detail in self.fee_details)

    @property
    def net(self) -> int:
        """What the balance changes by."""
        return self.amount - self.fee


@dataclass(slots=True, kw_only=True)
class ApplicationFee(Record):
    """A platform's fee on a connected account's charge; it belongs to the platform."""

    amount: int
    currency: str
    payer: str
    charge: str
    application: str
    amount_refunded: int = 0
    balance_transaction: str | None = None
    refunds: list["FeeRefund"] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class FeeRefund(Record):
    """A part of an application fee given back."""

    amount: int
    currency: str
    fee: str
    balance_transaction: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class WebhookEndpoint(Record):
    """Where events go."""

    url: str
    secret: str
    enabled_events: list[str]
    connect: bool = False
    disabled: bool = False
    api_version: str | None = None
    description: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Event(Record):
    """Something that happened; the object is kept as JSON, as it was at that moment."""

    type: str
    object_json: str
    connected: bool
    previous: Wire | None
    request_id: str | None
    idempotency_key: str | None
    pending: int = 0
    undelivered: int = 0
