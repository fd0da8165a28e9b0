"""One call of the gateway for an operation; what went wrong there is an answer too."""

from __future__ import annotations

import logging
from dataclasses import replace

from domain.alert_rules import AlertRule
from domain.alerting import open_alert
from domain.answers import Answer, fee_refund_answer, intent_answer, problem_answer, refund_answer
from domain.errors import GatewayProblem, GatewayRefused, GatewayUnauthorized
from domain.gateway import PaymentGateway
from domain.operation import Operation, OperationKind, OperationState
from domain.ports import Clock, Database
from domain.tenant import GatewayAccount

_CHANGES_INTENT = frozenset(
    {OperationKind.CAPTURE, OperationKind.CANCEL, OperationKind.CLOSE_INTENT}
)
_log = logging.getLogger(__name__)


class Asking:
    """Calls the gateway, and alerts where it refuses an account's key."""

    def __init__(self, database: Database, gateway: PaymentGateway, clock: Clock) -> None:
        self._database = database
        self._gateway = gateway
        self._clock = clock

    async def ask(
        self, operation: Operation, account: GatewayAccount, *, timeout_seconds: float
    ) -> Answer:
        """Calls the gateway once. Raises DatabaseUnavailable where an alert could not be kept."""
        try:
            return await self._ask(operation, account, timeout_seconds)
        except GatewayProblem as problem:
            return await self._explain(operation, account, problem, timeout_seconds)

    async def _ask(
        self, operation: Operation, account: GatewayAccount, timeout_seconds: float
    ) -> Answer:
        key, request = operation.gateway_key, operation.request
        if operation.kind is OperationKind.REFUND:
            refund = await self._gateway.send_refund(
                account, request, key=key, timeout_seconds=timeout_seconds
            )
            return refund_answer(refund.snapshot, refund.request_id)
        if operation.kind is OperationKind.FEE_REFUND:
            returned = await self._gateway.send_fee_refund(
                account, request, key=key, timeout_seconds=timeout_seconds
            )
            return fee_refund_answer(returned.snapshot, returned.request_id)
        intent = await self._gateway.send_intent(
            account, request, key=key, timeout_seconds=timeout_seconds
        )
        answer = intent_answer(operation.kind, intent.snapshot, intent.request_id)
        return answer or Answer(
            state=OperationState.UNKNOWN, intent=intent.snapshot, request_id=intent.request_id
        )

    async def _explain(
        self,
        operation: Operation,
        account: GatewayAccount,
        problem: GatewayProblem,
        timeout_seconds: float,
    ) -> Answer:
        """A refusal means that the gateway's object moved on: adopt the truth, if it tells."""
        _log.warning(
            "operation %s (%s): %s: %s",
            operation.id,
            operation.kind,
            type(problem).__name__,
            problem.message,
        )
        if isinstance(problem, GatewayUnauthorized):
            await self.alert(operation, AlertRule.GATEWAY_UNAUTHORIZED, account.id, problem.message)
        answer = problem_answer(problem)
        if not isinstance(problem, GatewayRefused):
            return answer
        try:
            return await self._with_truth(operation, account, answer, timeout_seconds)
        except GatewayProblem:
            return replace(answer, state=OperationState.UNKNOWN)

    async def _with_truth(
        self,
        operation: Operation,
        account: GatewayAccount,
        answer: Answer,
        timeout_seconds: float,
    ) -> Answer:
        """The refusal with what the gateway shows of the object that it would not change."""
        if operation.kind is OperationKind.FEE_REFUND:
            # Somebody may have returned a part of the fee at the gateway's dashboard.
            found = await self._gateway.list_fee_refunds(
                account, _subject_id(operation), timeout_seconds=timeout_seconds
            )
            return replace(answer, fee_refunds=found)
        if operation.kind not in _CHANGES_INTENT:
            return answer
        intent = await self._gateway.read_intent(
            account, _subject_id(operation), timeout_seconds=timeout_seconds
        )
        if operation.kind is OperationKind.CLOSE_INTENT:
            # While its intent is open the payment holds its order: the close is tried again.
            answer = replace(answer, state=OperationState.UNKNOWN)
        return intent_answer(operation.kind, intent) or replace(answer, intent=intent)

    async def alert(
        self, operation: Operation, rule: AlertRule, subject_id: str, message: str
    ) -> None:
        """Opens an alert about the operation's tenant, in a transaction of its own."""
        now = self._clock.now()
        async with self._database.begin(operation.tenant_id) as work:
            await open_alert(
                work,
                rule,
                subject_id=subject_id,
                message=message,
                tenant_id=operation.tenant_id,
                now=now,
            )
            await work.commit()


def _subject_id(operation: Operation) -> str:
    """The id in the request's path: of the intent, or of the application fee."""
    return operation.request.path.split("/")[3]
