"""Makes parameters.json from Stripe's OpenAPI description (MIT, github.com/stripe/openapi).

    python -m sandbox.parameters_from_openapi path/to/openapi.json

Only the parameters that the sandbox takes keep their schema; of the others the name stays, so that
they are refused by name. Operations that the description leaves out are written here by hand from
Stripe's reference.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from sandbox.wire import API_VERSION

LIST = "ending_before expand limit starting_after"
CONFIRM = (
    "capture_method error_on_requires_action expand off_session payment_method receipt_email "
    "return_url setup_future_usage use_stripe_sdk"
)
INTENT = (
    "amount application_fee_amount capture_method currency customer description expand metadata "
    "payment_method receipt_email setup_future_usage statement_descriptor "
    "statement_descriptor_suffix transfer_group payment_method_types"
)

TAKEN: dict[str, str] = {
    "GetPaymentIntents": f"{LIST} created customer",
    "PostPaymentIntents": f"{INTENT} automatic_payment_methods confirm confirmation_method "
    "error_on_requires_action off_session return_url use_stripe_sdk",
    "GetPaymentIntentsIntent": "client_secret expand",
    "PostPaymentIntentsIntent": INTENT,
    "PostPaymentIntentsIntentConfirm": CONFIRM,
    "PostPaymentIntentsIntentCapture": "amount_to_capture application_fee_amount expand "
    "final_capture metadata statement_descriptor statement_descriptor_suffix",
    "PostPaymentIntentsIntentCancel": "cancellation_reason expand",
    "GetRefunds": f"{LIST} charge created payment_intent",
    "PostRefunds": "amount charge expand metadata payment_intent reason refund_application_fee",
    "GetRefundsRefund": "expand",
    "PostRefundsRefund": "expand metadata",
    "PostRefundsRefundCancel": "expand",
    "GetCharges": f"{LIST} created customer payment_intent",
    "GetChargesCharge": "expand",
    "PostChargesCharge": "description expand metadata receipt_email",
    "GetDisputes": f"{LIST} charge created payment_intent",
    "GetDisputesDispute": "expand",
    "PostDisputesDispute": "evidence expand metadata submit",
    "PostDisputesDisputeClose": "expand",
    "GetEvents": f"{LIST} created delivery_success type types",
    "GetEventsId": "expand",
    "GetBalanceTransactions": f"{LIST} created currency source type",
    "GetBalanceTransactionsId": "expand",
    "GetWebhookEndpoints": LIST,
    "PostWebhookEndpoints": "api_version connect description enabled_events expand metadata url",
    "GetWebhookEndpointsWebhookEndpoint": "expand",
    "PostWebhookEndpointsWebhookEndpoint": "description disabled enabled_events expand metadata "
    "url",
    "DeleteWebhookEndpointsWebhookEndpoint": "",
    "GetApplicationFees": f"{LIST} charge created",
    "GetApplicationFeesId": "expand",
    "GetApplicationFeesIdRefunds": LIST,
    "PostApplicationFeesIdRefunds": "amount expand metadata",
    "PostPaymentMethods": "billing_details card expand metadata type",
    "GetPaymentMethodsPaymentMethod": "expand",
    "GetCustomers": f"{LIST} created email",
    "PostCustomers": "description email expand metadata name phone",
    "GetCustomersCustomer": "expand",
    "GetAccountsAccount": "expand",
    "PostAccountsAccount": "business_profile business_type email expand metadata",
    "GetAccount": "expand",
}

ACCOUNT_REFUSED = (
    "account_token bank_account business_profile capabilities company controller documents "
    "external_account groups individual settings tos_acceptance"
)

BY_HAND: dict[str, dict[str, object]] = {
    "GetBalance": {"object": {"expand": {"list": "str"}}},
    "GetAccounts": {
        "object": {
            "created": {
                "any": [{"object": dict.fromkeys(("gt", "gte", "lt", "lte"), "int")}, "int"]
            },
            "ending_before": "str",
            "expand": {"list": "str"},
            "limit": "int",
            "starting_after": "str",
        }
    },
    "GetApplicationFeesFeeRefundsId": {"object": {"expand": {"list": "str"}}},
    "PostAccounts": {
        "object": {
            "type": {"enum": ["custom", "express", "standard"]},
            "country": {"str": 2},
            "default_currency": "str",
            "email": "str",
            "business_type": {"enum": ["company", "government_entity", "individual", "non_profit"]},
            "metadata": "map",
            "expand": {"list": "str"},
            **dict.fromkeys(ACCOUNT_REFUSED.split()),
        }
    },
}


def compile_schema(openapi: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """The parameters of every operation that the sandbox takes, by operation id."""
    compiled: dict[str, dict[str, object]] = dict(BY_HAND)
    paths = cast(dict[str, dict[str, dict[str, object]]], openapi["paths"])
    for methods in paths.values():
        for operation in methods.values():
            name = cast(str, operation["operationId"])
            if name in TAKEN:
                compiled[name] = _operation(operation, set(TAKEN[name].split()))
    absent = set(TAKEN) - set(compiled)
    if absent:
        raise ValueError(f"not in the description: {sorted(absent)}")
    return dict(sorted(compiled.items()))


def _operation(operation: Mapping[str, object], taken: set[str]) -> dict[str, object]:
    known: dict[str, object] = {}
    required: list[str] = []
    for parameter in cast(list[dict[str, object]], operation.get("parameters", [])):
        if parameter["in"] == "query":
            known[cast(str, parameter["name"])] = parameter["schema"]
    body = _body(operation)
    known.update(cast(dict[str, object], body.get("properties", {})))
    required += cast(list[str], body.get("required", []))
    absent = taken - set(known)
    if absent:
        raise ValueError(f"{operation['operationId']} has no {sorted(absent)}")
    nodes = {name: _node(schema) if name in taken else None for name, schema in known.items()}
    return {"object": nodes, "required": required} if required else {"object": nodes}


def _body(operation: Mapping[str, object]) -> dict[str, object]:
    request = cast(dict[str, object], operation.get("requestBody", {}))
    for content in cast(dict[str, dict[str, object]], request.get("content", {})).values():
        return cast(dict[str, object], content["schema"])
    return {}


def _node(schema: object) -> object:
    given = cast(dict[str, object], schema)
    if "anyOf" in given:
        return {"any": [_node(choice) for choice in cast(list[object], given["anyOf"])]}
    if "enum" in given:
        return _enum(cast(list[str], given["enum"]))
    kind = given.get("type")
    if kind == "array":
        return {"list": _node(given["items"])}
    if kind == "object":
        return _object(given)
    return _scalar(given)


def _enum(names: list[str]) -> object:
    if names == [""]:
        return "unset"
    if "2026-08-26.dahlia" in names:
        names = [*names, API_VERSION]
    return {"enum": names}


def _object(schema: Mapping[str, object]) -> object:
    if "properties" not in schema:
        return "map"
    node: dict[str, object] = {
        "object": {
            name: _node(child)
            for name, child in cast(dict[str, object], schema["properties"]).items()
        }
    }
    if schema.get("required"):
        node["required"] = schema["required"]
    return node


def _scalar(schema: Mapping[str, object]) -> object:
    names = {"integer": "int", "boolean": "bool", "number": "num", "string": "str"}
    name = names[cast(str, schema["type"])]
    longest = schema.get("maxLength")
    return {"str": longest} if name == "str" and longest not in (None, 5000) else name


def render(schema: Mapping[str, Mapping[str, object]]) -> str:
    """One operation a line, so that a difference is readable."""
    lines = (
        f"{json.dumps(name)}: {json.dumps(node, separators=(',', ':'), sort_keys=True)}"
        for name, node in schema.items()
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main(arguments: list[str]) -> None:
    """Writes parameters.json from the description named first."""
    openapi = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    target = Path(__file__).with_name("parameters.json")
    target.write_text(render(compile_schema(openapi)), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
