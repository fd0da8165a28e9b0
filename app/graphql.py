"""The GraphQL endpoint over HTTP, after GraphQL over HTTP (graphql.github.io/graphql-over-http).

POST and JSON only, one operation a request. With application/graphql-response+json a document that
was not executed is a 400; with application/json it is a 200, as older clients expect.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from cross_web import AsyncHTTPRequestAdapter, HTTPException, StarletteRequestAdapter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.schema.base import BaseSchema
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError

from app.admission import Door
from app.answering import answered
from app.budgets import BYTES_A_POINT, Purse, address_of, too_many
from app.guard import BODY, BODY_BYTES
from app.introspection import may_introspect
from app.policy import Policy
from app.refusal import GRAPHQL_RESPONSE, JSON, Refusal, accepted_media_type
from app.request_facts import facts_of
from app.request_id import request_id_of
from domain.alert_ports import AlertReads
from domain.audit_reading import AuditReads
from domain.bound import bind
from domain.inbox_reading import InboxReads
from domain.ledger_ports import LedgerReads
from domain.metrics import MetricReads
from domain.ports import Reads
from domain.pricing_ports import PlatformReads
from resolvers.context import (
    ActingUseCases,
    AlertUseCases,
    CheckoutUseCases,
    Context,
    GatewayUseCases,
    OrderUseCases,
    PaymentUseCases,
    PricingUseCases,
    ReplayUseCases,
)
from schema.budget import BudgetSpent
from schema.card_data import card_data_at, refusal_at
from schema.codes import RequestErrorCode
from schema.context import GraphContext
from schema.presentation import Shown, is_request_error, root_cause, show

_log = logging.getLogger(__name__)

_PURSE = "tollgate.purse"
"""Where the scope holds the budgets of an admitted request."""


@dataclass(frozen=True, slots=True)
class Services:
    """What the resolvers of every request are given."""

    orders: OrderUseCases
    payments: PaymentUseCases
    checkout: CheckoutUseCases
    gateways: GatewayUseCases
    replays: ReplayUseCases
    acting: ActingUseCases
    pricing: PricingUseCases
    alerts: AlertUseCases
    watch: AlertReads
    metrics: MetricReads
    platform: PlatformReads
    books: LedgerReads
    reads: Reads
    audit: AuditReads
    inbox: InboxReads


class GuardedRequest(StarletteRequestAdapter):
    """A request with the object that the guard parsed from its body."""

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        self.scope = request.scope
        self.guarded: dict[str, object] = request.scope[BODY]


class GraphQLEndpoint(GraphQL[GraphContext, None]):
    """Strawberry's view behind the guard, with our admission, codes, media types and mask."""

    request_adapter_class = GuardedRequest

    def __init__(
        self, schema: BaseSchema, admission: Door, services: Services, policy: Policy
    ) -> None:
        super().__init__(
            schema, graphql_ide=None, allow_queries_via_get=False, subscription_protocols=()
        )
        self._admission = admission
        self._services = services
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request that the guard let through."""
        request = Request(scope, receive)
        response = await answered(request, lambda: self._run(request))
        await response(scope, receive, send)

    async def _run(self, request: Request) -> Response:
        try:
            response = await self.run(request)
        except HTTPException as error:
            refusal = Refusal(400, "The document has no operation of that name.")
            raise await _paid(request, refusal) from error
        except Refusal as refusal:
            raise await _paid(request, refusal) from None
        except BudgetSpent as spent:
            raise await _paid(request, too_many(spent.seconds)) from None
        if isinstance(response, WebSocket):
            raise TypeError("a request over HTTP was answered with a WebSocket")
        return response

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> GraphContext:
        """The context, once the caller is known. Raises Unauthenticated or Forbidden."""
        if isinstance(request, WebSocket):
            raise TypeError("GraphQL is spoken over HTTP only")
        caller = await self._admission.admit(request)
        weight = request.scope[BODY_BYTES] // BYTES_A_POINT
        purse = Purse(self._policy.budgets, caller, address_of(request), weight=weight)
        request.scope[_PURSE] = purse
        facts = facts_of(request.scope)
        bind(tenant_id=caller.tenant_id, actor=caller.subject)
        services = self._services
        return GraphContext(
            Context(
                caller=caller,
                orders=services.orders,
                payments=services.payments,
                checkout=services.checkout,
                gateways=services.gateways,
                replays=services.replays,
                acting=services.acting,
                pricing=services.pricing,
                alerts=services.alerts,
                watch=services.watch,
                metrics=services.metrics,
                platform=services.platform,
                books=services.books,
                reads=services.reads,
                audit=services.audit,
                inbox=services.inbox,
            ),
            budget=purse,
            may_introspect=may_introspect(caller, self._policy.introspection),
            name_operation=facts.name_operation,
        )

    async def get_sub_response(self, request: Request | WebSocket) -> Response:
        """The answer to be: it carries the media type that the caller takes."""
        return Response(media_type=accepted_media_type(request.scope) or JSON)

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData:
        """The request in the object that the guard parsed. Raises Refusal (400)."""
        if not isinstance(request, GuardedRequest):
            raise TypeError("the endpoint stands behind the guard")
        caller = _purse(request.scope).caller
        query = self._policy.documents.read(request.guarded, caller)
        return read_request(request.guarded, query)

    async def process_result(
        self, request: Request, result: ExecutionResult
    ) -> GraphQLHTTPResponse:
        """The answer's body; unexpected errors are masked here, and logged once."""
        body, purse = GraphQLHTTPResponse(), _purse(request.scope)
        if not is_request_error(result):
            body["data"] = result.data
        else:
            _raise_spent(result)
            await purse.pay_refusal()
        body["extensions"] = {"cost": purse.told()}
        if result.errors:
            request_id = request_id_of(request.scope)
            validated = not isinstance(result, PreExecutionError)
            shown = [
                show(error, validated=validated, request_id=request_id) for error in result.errors
            ]
            _log_faults(shown, request_id)
            facts_of(request.scope).outcome = shown[0].code.value
            body["errors"] = [error.body for error in shown]
        return body

    def create_response(
        self,
        response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse],
        sub_response: Response,
    ) -> Response:
        """The answer with its status and media type."""
        refused = "data" not in response_data and sub_response.media_type == GRAPHQL_RESPONSE
        return Response(
            self.encode_json(response_data),
            status_code=400 if refused else 200,
            media_type=sub_response.media_type,
            headers={"Cache-Control": "no-store"},
        )


_SEARCHED = frozenset({"query", "variables", "documentId"})
"""Members that the schema's own guard looks through, or that are a hash and kept nowhere."""


def read_request(body: dict[str, object], query: str) -> GraphQLRequestData:
    """The members of a GraphQL request. Raises Refusal (400) for one of the wrong type, and for
    card data in any member but those that are looked through elsewhere."""
    rest = {name: value for name, value in body.items() if name not in _SEARCHED}
    if place := card_data_at(rest, "the body"):
        raise Refusal(400, refusal_at(place), RequestErrorCode.CARD_DATA_FORBIDDEN)
    operation_name = body.get("operationName")
    if not isinstance(operation_name, str | None):
        raise Refusal(400, "operationName is a string.")
    return GraphQLRequestData(
        query=query,
        variables=_read_map(body, "variables"),
        operation_name=operation_name or None,
        extensions=_read_map(body, "extensions"),
    )


def _read_map(body: dict[str, object], name: str) -> dict[str, object] | None:
    value = body.get(name)
    if not isinstance(value, dict | None):
        raise Refusal(400, f"{name} is an object.")
    return value


def _purse(scope: Scope) -> Purse:
    purse = scope[_PURSE]
    if not isinstance(purse, Purse):
        raise TypeError("the request was not admitted")
    return purse


async def _paid(request: Request, refusal: Refusal) -> Refusal:
    """The refusal of a request that was admitted, once it is paid for, and with what it cost."""
    if _PURSE not in request.scope:
        return refusal
    purse = _purse(request.scope)
    try:
        await purse.pay_refusal()
    except BudgetSpent as spent:
        refusal = too_many(spent.seconds)
    refusal.extensions = {"cost": purse.told()}
    return refusal


def _raise_spent(result: ExecutionResult) -> None:
    for error in result.errors or ():
        cause = root_cause(error)
        if isinstance(cause, BudgetSpent):
            raise cause


def _log_faults(shown: list[Shown], request_id: str) -> None:
    for error in shown:
        path = error.body.get("path")
        if error.unexpected is not None:
            _log.error("request %s failed at %s", request_id, path, exc_info=error.unexpected)
        elif error.code is RequestErrorCode.OVERLOADED:
            _log.warning("request %s: the database is away at %s", request_id, path)
