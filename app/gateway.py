"""The gateway as a process has it: Stripe, watched over, with patience."""

from __future__ import annotations

from app.gateway_metrics import GatewayMeasures
from app.gateway_patience import Patience
from app.gateway_watch import WatchedGateway, both
from app.settings import Settings
from app.tracing import Tracing
from domain.gateways.stripe_gateway import StripeGateway


def stripe_of(settings: Settings) -> StripeGateway:
    """Stripe under the platform's key. Whoever makes it closes it."""
    return StripeGateway(
        secret_key=settings.stripe_secret_key.get_secret_value(), api_base=settings.stripe_api_base
    )


def watched(stripe: StripeGateway, measures: GatewayMeasures, tracing: Tracing) -> WatchedGateway:
    """Stripe with each call measured, traced and, where nothing was reached, made again."""
    return WatchedGateway(stripe, both(measures.around, tracing.call), Patience())
