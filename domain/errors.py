"""What can go wrong, as one tree.

DomainError                    an expected failure, shown to the caller with a stable code
├── ValidationFailed           the input breaks a rule; nothing was written
├── NotFound                   no such object for this tenant, whether missing or another's
├── InvalidState               the object's state does not allow the action now
├── PaymentDeclined            the issuer refused; the payment is stored as FAILED
├── GatewayFailed              the gateway did not do it, or we do not know yet
│   ├── GatewayUnavailable     nothing reached the gateway; the same call may be repeated
│   ├── GatewayRejected        the gateway refused the request as such
│   └── OutcomeUnknown         the request may have taken effect; it will be settled
└── IdempotencyConflict
    ├── IdempotencyKeyReused   the key was used with another input
    └── IdempotencyInProgress  the first call with this key is still running
Unauthenticated                no valid token
Forbidden                      a valid token without the role
GatewayProblem                 what an adapter raises: five kinds, no more
├── GatewayDeclined            the issuer refused (402)
├── GatewayRefused             the gateway refused the request (4xx)
├── GatewayUnreached           nothing took effect: connection refused, 429, lock time-out
├── GatewayUnauthorized        our credentials were refused (401, 403); nothing took effect
└── GatewayUnknown             time-out, reset, 5xx, unreadable: the effect is not known
SnapshotMismatch               the gateway's object is not the one recorded
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from domain.order import Order
    from domain.payment import Payment
    from domain.snapshot import IntentSnapshot


class ErrorCode(StrEnum):
    """The closed list of codes a caller can branch on; `detail_code` is the open, finer one."""

    VALIDATION_FAILED = "VALIDATION_FAILED"
    NOT_FOUND = "NOT_FOUND"
    INVALID_STATE = "INVALID_STATE"
    PAYMENT_DECLINED = "PAYMENT_DECLINED"
    GATEWAY_UNAVAILABLE = "GATEWAY_UNAVAILABLE"
    GATEWAY_REJECTED = "GATEWAY_REJECTED"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    IDEMPOTENCY_IN_PROGRESS = "IDEMPOTENCY_IN_PROGRESS"


class AttemptedOperation(StrEnum):
    """What the caller tried when the state refused it."""

    AUTHORIZE = "AUTHORIZE"
    CHARGE = "CHARGE"
    CAPTURE = "CAPTURE"
    REFUND = "REFUND"
    CANCEL = "CANCEL"
    CANCEL_ORDER = "CANCEL_ORDER"
    CREATE_CHECKOUT_TOKEN = "CREATE_CHECKOUT_TOKEN"  # noqa: S105 - a name, and no secret
    CONFIGURE = "CONFIGURE"
    ARCHIVE = "ARCHIVE"
    ASSIGN = "ASSIGN"
    REPLAY = "REPLAY"


class DomainError(Exception):
    """An expected failure. `retryable`: the same call with the same key may succeed later."""

    code: ClassVar[ErrorCode]
    retryable: bool = False

    def __init__(self, message: str, *, detail_code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.detail_code = detail_code


@dataclass(frozen=True, slots=True)
class Issue:
    """One broken rule: where in the input (`path`), which rule, and a sentence for people."""

    path: tuple[str, ...]
    rule: str
    message: str


class ValidationFailed(DomainError):
    """The input breaks one or more rules. Raised before anything is written or sent."""

    code = ErrorCode.VALIDATION_FAILED

    def __init__(self, *issues: Issue) -> None:
        super().__init__(
            "; ".join(issue.message for issue in issues),
            detail_code=issues[0].rule if issues else None,
        )
        self.issues = issues


class NotFound(DomainError):
    """No such object for this tenant. A missing and a foreign id give the same answer."""

    code = ErrorCode.NOT_FOUND

    def __init__(self, subject_id: str) -> None:
        super().__init__("No object with this id.")
        self.subject_id = subject_id


class InvalidState(DomainError):
    """The state of the payment or order does not allow the action now."""

    code = ErrorCode.INVALID_STATE

    def __init__(
        self,
        message: str,
        *,
        detail_code: str,
        attempted: AttemptedOperation,
        payment: Payment | None = None,
        order: Order | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(message, detail_code=detail_code)
        self.attempted = attempted
        self.payment = payment
        self.order = order
        self.retryable = retryable


class PaymentDeclined(DomainError):
    """The issuer refused the card. The payment is stored as FAILED; pay again with a new key."""

    code = ErrorCode.PAYMENT_DECLINED

    def __init__(self, payment: Payment, *, replayed: bool = False) -> None:
        failure = payment.failure
        super().__init__(
            failure.user_message if failure else "The payment was declined.",
            detail_code=failure.decline_code if failure else None,
        )
        self.payment = payment
        self.replayed = replayed


class GatewayFailed(DomainError):
    """The gateway did not do what was asked, or it is not known whether it did."""

    def __init__(
        self,
        message: str,
        *,
        detail_code: str | None = None,
        payment: Payment | None = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(message, detail_code=detail_code)
        self.payment = payment
        self.retry_after_seconds = retry_after_seconds


class GatewayUnavailable(GatewayFailed):
    """Nothing reached the gateway: the same call with the same key runs the same operation."""

    code = ErrorCode.GATEWAY_UNAVAILABLE
    retryable = True


class GatewayRejected(GatewayFailed):
    """The gateway refused the request as such; repeating it cannot help."""

    code = ErrorCode.GATEWAY_REJECTED


class OutcomeUnknown(GatewayFailed):
    """The request may have taken effect. Repeat with the same key, or wait: it will be settled."""

    code = ErrorCode.OUTCOME_UNKNOWN
    retryable = True


class IdempotencyConflict(DomainError):
    """The idempotency key cannot serve this call."""

    def __init__(self, message: str, *, idempotency_key: str) -> None:
        super().__init__(message)
        self.idempotency_key = idempotency_key


class IdempotencyKeyReused(IdempotencyConflict):
    """The key was first used with another input: use a new key for a new intent."""

    code = ErrorCode.IDEMPOTENCY_KEY_REUSED

    def __init__(self, idempotency_key: str) -> None:
        super().__init__(
            "This idempotency key was used with another input.", idempotency_key=idempotency_key
        )


class IdempotencyInProgress(IdempotencyConflict):
    """The first call with this key is still running: repeat a little later."""

    code = ErrorCode.IDEMPOTENCY_IN_PROGRESS
    retryable = True

    def __init__(self, idempotency_key: str) -> None:
        super().__init__(
            "The first call with this idempotency key is still running.",
            idempotency_key=idempotency_key,
        )


class Unauthenticated(Exception):
    """The request carries no valid token."""


class Forbidden(Exception):
    """The token is valid but carries none of the roles the field asks for."""


class GatewayProblem(Exception):
    """What an adapter raises instead of the SDK's errors.

    `gateway_code` is the gateway's own code, `request_id` its id of the request, for support.
    """

    def __init__(
        self, message: str, *, gateway_code: str | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.gateway_code = gateway_code
        self.request_id = request_id


class GatewayDeclined(GatewayProblem):
    """The issuer refused the card; `snapshot` is the intent after it, where the gateway sent it."""

    def __init__(
        self,
        message: str,
        *,
        snapshot: IntentSnapshot | None,
        gateway_code: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, gateway_code=gateway_code, request_id=request_id)
        self.snapshot = snapshot


class GatewayRefused(GatewayProblem):
    """The gateway refused the request; nothing took effect."""


class GatewayUnreached(GatewayProblem):
    """Nothing took effect: the connection was refused, or the gateway shed the request unread."""


class GatewayUnauthorized(GatewayProblem):
    """The gateway refused our credentials; nothing took effect. `permission` is what a restricted
    key lacks, by the gateway's name for it, where the gateway says so."""

    def __init__(
        self,
        message: str,
        *,
        permission: str | None = None,
        gateway_code: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, gateway_code=gateway_code, request_id=request_id)
        self.permission = permission


class GatewayUnknown(GatewayProblem):
    """No readable answer: the request may or may not have taken effect."""


class GatewayListTooLong(GatewayUnknown):
    """The list has more pages than are read of one: a shorter span may be read whole."""


class SnapshotMismatch(Exception):
    """The gateway's object differs from the record in intent id, amount or currency."""
