"""The exact requests that Tollgate sends to Stripe, as values; nothing here does I/O.

Sources: docs.stripe.com/api/payment_intents/create, /capture, /cancel; docs.stripe.com/api/refunds.
"""

from __future__ import annotations

from collections.abc import Mapping

from domain.applying import ABANDONED
from domain.currency import to_gateway
from domain.errors import GatewayUnreached
from domain.operation import GatewayRequest
from domain.payment import CaptureMethod, Payment
from domain.refund import Refund, RefundReason
from domain.tenant import GatewayAccount, GatewayMode

EXPAND = ("latest_charge.balance_transaction",)
EXPAND_REFUND = ("balance_transaction", "failure_balance_transaction")
REQUESTED_BY_CUSTOMER = "requested_by_customer"
PAYMENT_ID = "tollgate_payment_id"
REFUND_ID = "tollgate_refund_id"
OPERATION_ID = "tollgate_operation_id"
UNREADABLE_CODE = "CREDENTIALS_UNREADABLE"
"""Detail code: what is stored encrypted could not be read, so that nothing was sent."""

_REASONS = {
    RefundReason.DUPLICATE: "duplicate",
    RefundReason.FRAUDULENT: "fraudulent",
    RefundReason.REQUESTED_BY_CUSTOMER: REQUESTED_BY_CUSTOMER,
}


def is_live_key(secret_key: str) -> bool:
    """Whether the key moves real money, by its prefix (docs.stripe.com/keys)."""
    return secret_key.startswith(("sk_live_", "rk_live_"))


def credentials(account: GatewayAccount, platform_key: str) -> dict[str, str]:
    """The key, and the connected account, that a call through this account is made with.

    Raises GatewayUnreached where they are not there. What is missing is never made up for by the
    platform's own: the money would go to another account.
    """
    match account.mode:
        case GatewayMode.PLATFORM:
            return {"api_key": platform_key}
        case GatewayMode.OWN if account.secret_key:
            return {"api_key": account.secret_key}
        case GatewayMode.CONNECT if account.account_id:
            return {"api_key": platform_key, "stripe_account": account.account_id}
    raise GatewayUnreached("the account's key cannot be read", gateway_code=UNREADABLE_CODE)


def create_intent(
    payment: Payment,
    *,
    payment_method_ref: str,
    return_url: str | None,
    application_fee: int | None,
) -> GatewayRequest:
    """Create and confirm in one call. Redirects are allowed only where there is a way back."""
    manual = payment.capture_method is CaptureMethod.MANUAL
    parameters: dict[str, object] = {
        "amount": to_gateway(payment.total, payment.currency),
        "currency": payment.currency.lower(),
        "confirm": True,
        "capture_method": "manual" if manual else "automatic_async",
        "payment_method": payment_method_ref,
        "automatic_payment_methods": {
            "enabled": True,
            "allow_redirects": "always" if return_url else "never",
        },
        "metadata": {
            **payment.metadata,
            PAYMENT_ID: payment.id,
            "tollgate_order_id": payment.order_id,
            "tollgate_tenant_id": payment.tenant_id,
        },
        "expand": list(EXPAND),
    }
    if return_url:
        parameters["return_url"] = return_url
    parameters |= _application_fee(payment, application_fee)
    return GatewayRequest("/v1/payment_intents", parameters)


def capture(payment: Payment, amount: int, *, application_fee: int | None) -> GatewayRequest:
    """Capture `amount` minor units; what is left of the authorization is released."""
    parameters: dict[str, object] = {
        "amount_to_capture": to_gateway(amount, payment.currency),
        "expand": list(EXPAND),
    }
    parameters |= _application_fee(payment, application_fee)
    return GatewayRequest(f"{_intent_path(payment)}/capture", parameters)


def cancel(payment: Payment, *, abandoned: bool) -> GatewayRequest:
    """Cancel the intent; `abandoned` marks the closing of one that failed."""
    reason = ABANDONED if abandoned else REQUESTED_BY_CUSTOMER
    return GatewayRequest(
        f"{_intent_path(payment)}/cancel",
        {"cancellation_reason": reason, "expand": list(EXPAND)},
    )


def refunds_of(gateway_payment_id: str) -> dict[str, object]:
    """What a list of an intent's refunds is asked for by."""
    expand = [f"data.{field}" for field in EXPAND_REFUND]
    return {"payment_intent": gateway_payment_id, "expand": expand}


def refund(payment: Payment, refund: Refund) -> GatewayRequest:
    """Refund a part or all of what was captured."""
    parameters: dict[str, object] = {
        "payment_intent": _intent_id(payment),
        "amount": to_gateway(refund.amount, refund.currency),
        "metadata": {PAYMENT_ID: payment.id, REFUND_ID: refund.id},
        "expand": list(EXPAND_REFUND),
    }
    reason = _REASONS.get(refund.reason)
    if reason is not None:
        parameters["reason"] = reason
    return GatewayRequest("/v1/refunds", parameters)


def fee_refund(payment: Payment, amount: int, operation_id: str) -> GatewayRequest:
    """Return `amount` minor units of the application fee (docs.stripe.com/api/fee_refunds)."""
    fee = payment.settlement.application_fee if payment.settlement else None
    if fee is None:
        raise ValueError(f"payment {payment.id} has no application fee")
    parameters: dict[str, object] = {
        "amount": to_gateway(amount, payment.currency),
        "metadata": {PAYMENT_ID: payment.id, OPERATION_ID: operation_id},
    }
    return GatewayRequest(fee_refunds_path(fee.id), parameters)


def fee_refunds_path(gateway_application_fee_id: str) -> str:
    """Where the refunds of an application fee are made and listed."""
    return f"/v1/application_fees/{gateway_application_fee_id}/refunds"


def _application_fee(payment: Payment, fee: int | None) -> Mapping[str, object]:
    # Stripe refuses a fee of 0: no fee means no parameter.
    if not fee:
        return {}
    return {"application_fee_amount": to_gateway(fee, payment.currency)}


def _intent_path(payment: Payment) -> str:
    return f"/v1/payment_intents/{_intent_id(payment)}"


def _intent_id(payment: Payment) -> str:
    if payment.gateway_payment_id is None:
        raise ValueError(f"payment {payment.id} has no intent yet")
    return payment.gateway_payment_id
