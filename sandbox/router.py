"""Which operation a method and a path mean."""

import re
from dataclasses import dataclass, replace

from sandbox.api import accounts, charges, disputes, refunds
from sandbox.api import payment_intents as intents
from sandbox.api import webhook_endpoints as hooks
from sandbox.api.call import Operation
from sandbox.errors import ApiError

ROUTES: tuple[tuple[str, str, str, Operation], ...] = (
    ("GET", "payment_intents", "GetPaymentIntents", intents.list_),
    ("POST", "payment_intents", "PostPaymentIntents", intents.create),
    ("GET", "payment_intents/*", "GetPaymentIntentsIntent", intents.retrieve),
    ("POST", "payment_intents/*", "PostPaymentIntentsIntent", intents.update),
    ("POST", "payment_intents/*/confirm", "PostPaymentIntentsIntentConfirm", intents.confirm),
    ("POST", "payment_intents/*/capture", "PostPaymentIntentsIntentCapture", intents.capture),
    ("POST", "payment_intents/*/cancel", "PostPaymentIntentsIntentCancel", intents.cancel),
    ("GET", "charges", "GetCharges", charges.list_),
    ("GET", "charges/*", "GetChargesCharge", charges.retrieve),
    ("POST", "charges/*", "PostChargesCharge", charges.update),
    ("GET", "refunds", "GetRefunds", refunds.list_),
    ("POST", "refunds", "PostRefunds", refunds.create),
    ("GET", "refunds/*", "GetRefundsRefund", refunds.retrieve),
    ("POST", "refunds/*", "PostRefundsRefund", refunds.update),
    ("POST", "refunds/*/cancel", "PostRefundsRefundCancel", refunds.cancel),
    ("GET", "disputes", "GetDisputes", disputes.list_),
    ("GET", "disputes/*", "GetDisputesDispute", disputes.retrieve),
    ("POST", "disputes/*", "PostDisputesDispute", disputes.update),
    ("POST", "disputes/*/close", "PostDisputesDisputeClose", disputes.close),
    ("GET", "balance", "GetBalance", charges.retrieve_balance),
    ("GET", "balance_transactions", "GetBalanceTransactions", charges.list_transactions),
    ("GET", "balance_transactions/*", "GetBalanceTransactionsId", charges.retrieve_transaction),
    ("GET", "events", "GetEvents", hooks.list_events),
    ("GET", "events/*", "GetEventsId", hooks.retrieve_event),
    ("GET", "webhook_endpoints", "GetWebhookEndpoints", hooks.list_),
    ("POST", "webhook_endpoints", "PostWebhookEndpoints", hooks.create),
    ("GET", "webhook_endpoints/*", "GetWebhookEndpointsWebhookEndpoint", hooks.retrieve),
    ("POST", "webhook_endpoints/*", "PostWebhookEndpointsWebhookEndpoint", hooks.update),
    ("DELETE", "webhook_endpoints/*", "DeleteWebhookEndpointsWebhookEndpoint", hooks.delete),
    ("GET", "account", "GetAccount", accounts.retrieve_own),
    ("GET", "accounts", "GetAccounts", accounts.list_),
    ("POST", "accounts", "PostAccounts", accounts.create),
    ("GET", "accounts/*", "GetAccountsAccount", accounts.retrieve),
    ("POST", "accounts/*", "PostAccountsAccount", accounts.update),
    ("GET", "application_fees", "GetApplicationFees", accounts.list_fees),
    ("GET", "application_fees/*", "GetApplicationFeesId", accounts.retrieve_fee),
    ("GET", "application_fees/*/refunds", "GetApplicationFeesIdRefunds", accounts.list_fee_refunds),
    ("POST", "application_fees/*/refunds", "PostApplicationFeesIdRefunds",
     accounts.create_fee_refund),
    ("GET", "application_fees/*/refunds/*", "GetApplicationFeesFeeRefundsId",
     accounts.retrieve_fee_refund),
    ("GET", "customers", "GetCustomers", accounts.list_customers),
    ("POST", "customers", "PostCustomers", accounts.create_customer),
    ("GET", "customers/*", "GetCustomersCustomer", accounts.retrieve_customer),
    ("POST", "payment_methods", "PostPaymentMethods", accounts.create_payment_method),
    ("GET", "payment_methods/*", "GetPaymentMethodsPaymentMethod",
     accounts.retrieve_payment_method),
)  # fmt: skip
"""Method, path below /v1/ (an asterisk is an id), Stripe's operation id, what it does."""


KINDS: dict[str, str] = {
    "account": "account",
    "accounts": "account",
    "application_fees": "application_fee",
    "application_fees/*/refunds": "fee_refund",
    "balance": "balance",
    "balance_transactions": "balance_transaction",
    "charges": "charge",
    "customers": "customer",
    "disputes": "dispute",
    "events": "event",
    "payment_intents": "payment_intent",
    "payment_methods": "payment_method",
    "refunds": "refund",
    "webhook_endpoints": "webhook_endpoint",
}
"""What a collection holds; ``account`` and ``balance`` are not collections."""


@dataclass(frozen=True, slots=True)
class Route:
    """A matched operation and the ids in its path; ``kind`` is that of its answer."""

    operation_id: str
    operation: Operation
    kind: str
    ids: tuple[str, ...] = ()


def answer_kind(method: str, path: str) -> str:
    """What an operation answers with: a kind of object, or a list of it (``charge[]``)."""
    collection = max((name for name in KINDS if f"{path}/".startswith(f"{name}/")), key=len)
    kind = KINDS[collection]
    listed = method == "GET" and path == collection and path != kind
    return f"{kind}[]" if listed else kind


class Router:
    """Finds operations; plain paths by look-up, those with ids by pattern."""

    def __init__(self) -> None:
        self._plain: dict[tuple[str, str], Route] = {}
        self._patterns: list[tuple[str, re.Pattern[str], Route]] = []
        for method, path, operation_id, operation in ROUTES:
            route = Route(operation_id, operation, answer_kind(method, path))
            if "*" in path:
                pattern = re.compile("/v1/" + path.replace("*", "([^/]+)"))
                self._patterns.append((method, pattern, route))
            else:
                self._plain[method, f"/v1/{path}"] = route

    def find(self, method: str, path: str) -> Route:
        """The operation; raises ApiError as Stripe does for a URL that it does not know."""
        plain = self._plain.get((method, path))
        if plain:
            return plain
        for known_method, pattern, route in self._patterns:
            if known_method == method and (matched := pattern.fullmatch(path)):
                return replace(route, ids=matched.groups())
        raise ApiError(
            404,
            f"Unrecognized request URL ({method}: {path[:200]}). Please see "
            "https://stripe.com/docs or we can help at https://support.stripe.com/. (The sandbox "
            "serves only a part of Stripe's API.)",
            stored=False,
        )
