"""Failures that a client should expect: members of the mutations' unions.

The domain raises, and `HANDLERS` turns what it raised into the member of the same name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import strawberry
from strawberry.types.field import StrawberryField

from domain import errors
from domain.errors import AttemptedOperation, ErrorCode
from domain.payment import GatewayType
from schema.context import Info
from schema.directives import Allow
from schema.types import Order, Payment


@strawberry.interface(description="A failure that a client should expect.")
class Error:
    code: ErrorCode = strawberry.field(description="The kind of failure, from a closed list.")
    detail_code: str | None = strawberry.field(
        description="The exact failure, from an open list: new failures add a value here."
    )
    message: str = strawberry.field(description="What went wrong, for developers.")
    retryable: bool = strawberry.field(
        description="Whether the same call with the same key may succeed later."
    )


@strawberry.type(description="One broken rule.")
class ValidationIssue:
    path: list[str] = strawberry.field(description='Where in the arguments: ["input", "token"].')
    rule: str = strawberry.field(description="Which rule, from an open list.")
    message: str = strawberry.field(description="The rule in words.")

    @classmethod
    def of(cls, issue: errors.Issue) -> ValidationIssue:
        """The issue as a client sees it."""
        return cls(path=list(issue.path), rule=issue.rule, message=issue.message)


@strawberry.type(description="The input breaks a rule. Nothing was written or sent.")
class ValidationError(Error):
    issues: list[ValidationIssue] = strawberry.field(description="Every broken rule.")

    @classmethod
    def of(cls, error: errors.ValidationFailed) -> ValidationError:
        """The failure as a client sees it."""
        return cls(
            code=error.code,
            detail_code=error.detail_code,
            message=error.message,
            retryable=error.retryable,
            issues=[ValidationIssue.of(issue) for issue in error.issues],
        )


@strawberry.type(description="The tenant has no object with this id.")
class NotFoundError(Error):
    id: strawberry.ID = strawberry.field(description="The id that was asked for.")

    @classmethod
    def of(cls, error: errors.NotFound) -> NotFoundError:
        """The failure as a client sees it."""
        return cls(
            code=error.code,
            detail_code=error.detail_code,
            message=error.message,
            retryable=error.retryable,
            id=strawberry.ID(error.subject_id),
        )


@strawberry.type(
    description="The state does not allow it now. detailCode tells why: ORDER_PAID, "
    "PAYMENT_IN_PROGRESS, …"
)
class InvalidStateError(Error):
    payment: Payment | None = strawberry.field(description="The payment that stands in the way.")
    order: Order | None = strawberry.field(description="The order that stands in the way.")
    attempted: AttemptedOperation = strawberry.field(description="What was tried.")

    @classmethod
    def of(cls, error: errors.InvalidState) -> InvalidStateError:
        """The failure as a client sees it."""
        return cls(
            code=error.code,
            detail_code=error.detail_code,
            message=error.message,
            retryable=error.retryable,
            payment=Payment.of(error.payment) if error.payment else None,
            order=Order.of(error.order) if error.order else None,
            attempted=error.attempted,
        )


@strawberry.type(
    description="The issuer refused. Pay again with a new idempotency key; until the gateway has "
    "closed this payment, as a rule within a second, that answers PAYMENT_IN_PROGRESS: repeat it."
)
class PaymentDeclinedError(Error):
    detail_code: str | None = strawberry.field(
        description="The gateway's decline code; null for a shopper's page.",
        extensions=[Allow("PaymentDeclinedError.detailCode")],
    )
    payment: Payment = strawberry.field(description="The payment, stored as FAILED.")
    decline_code: str | None = strawberry.field(
        description="The gateway's decline code; null for a shopper's page.",
        extensions=[Allow("PaymentDeclinedError.declineCode")],
    )

    @classmethod
    def of(cls, error: errors.PaymentDeclined) -> PaymentDeclinedError:
        """The failure as a client sees it."""
        failure = error.payment.failure
        return cls(
            code=error.code,
            detail_code=error.detail_code,
            message=error.message,
            retryable=error.retryable,
            payment=Payment.of(error.payment),
            decline_code=failure.decline_code if failure else None,
        )


@strawberry.type(description="The gateway did not do it, or it is not known yet whether it did.")
class GatewayError(Error):
    gateway_type: GatewayType = strawberry.field(description="The gateway.")
    payment: Payment | None = strawberry.field(
        description="The payment; with OUTCOME_UNKNOWN, watch it."
    )
    retry_after_seconds: int | None = strawberry.field(description="When to try again, if known.")

    @classmethod
    def of(cls, error: errors.GatewayFailed) -> GatewayError:
        """The failure as a client sees it."""
        payment = error.payment
        return cls(
            code=error.code,
            detail_code=error.detail_code,
            message=error.message,
            retryable=error.retryable,
            gateway_type=payment.gateway_type if payment else GatewayType.STRIPE,
            payment=Payment.of(payment) if payment else None,
            retry_after_seconds=error.retry_after_seconds,
        )


@strawberry.type(description="The idempotency key cannot serve this call.")
class IdempotencyError(Error):
    idempotency_key: str = strawberry.field(description="The key.")

    @classmethod
    def of(cls, error: errors.IdempotencyConflict) -> IdempotencyError:
        """The failure as a client sees it."""
        return cls(
            code=error.code,
            detail_code=error.detail_code,
            message=error.message,
            retryable=error.retryable,
            idempotency_key=error.idempotency_key,
        )


Raised = TypeVar("Raised", bound=errors.DomainError)
Member = TypeVar("Member", bound=Error)


class Projection(Generic[Raised, Member]):
    """Turns one kind of domain error into its union member, where the field's union has it."""

    def __init__(
        self, raised: type[Raised], member: type[Member], of: Callable[[Raised], Member]
    ) -> None:
        self.exception_type = raised
        self.error_type = member
        self.of = of

    def handle(self, exception: Raised, *, field: StrawberryField, info: Info) -> Member:
        """The union member that stands for the exception."""
        return self.of(exception)


HANDLERS = (
    Projection(errors.ValidationFailed, ValidationError, ValidationError.of),
    Projection(errors.NotFound, NotFoundError, NotFoundError.of),
    Projection(errors.InvalidState, InvalidStateError, InvalidStateError.of),
    Projection(errors.PaymentDeclined, PaymentDeclinedError, PaymentDeclinedError.of),
    Projection(errors.GatewayFailed, GatewayError, GatewayError.of),
    Projection(errors.IdempotencyConflict, IdempotencyError, IdempotencyError.of),
)
"""Domain error to union member: the only table of its kind."""
