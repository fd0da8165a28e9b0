"""What the resolvers are given, put together."""

from __future__ import annotations

from app.checkout_tokens import JwtCheckoutSigner
from app.database import cipher_of
from app.graphql import Services
from app.pools import Pools
from app.settings import Settings
from db.alert_desk import SqlAlertDesk
from db.audit_reads import SqlAuditReads
from db.inbox_reads import SqlInboxReads
from db.ledger_reads import SqlLedgerReads
from db.metric_reads import SqlMetricReads
from db.platform_reads import SqlPlatformReads
from db.pricing import SqlPricingDatabase
from db.reports import SqlReads
from db.work import SqlDatabase
from domain.acting import ActingService
from domain.alert_desk import AlertService
from domain.checkout import CheckoutService
from domain.configuring import GatewayService
from domain.gateway import PaymentGateway
from domain.ports import Clock, Wake
from domain.pricing import PricingService
from domain.replaying import ReplayService
from domain.services import OrderService, PaymentService


def services_of(
    settings: Settings,
    pools: Pools,
    database: SqlDatabase,
    gateway: PaymentGateway,
    payments: PaymentService,
    wake: Wake,
    clock: Clock,
) -> Services:
    """Every use case and every read over the same pools."""
    watch = SqlAlertDesk(pools.platform)
    pricing = SqlPricingDatabase(pools.platform)
    return Services(
        orders=OrderService(database, clock),
        payments=payments,
        checkout=CheckoutService(database, JwtCheckoutSigner.of(settings), clock),
        gateways=GatewayService(database, gateway, clock, settings.public_url),
        replays=ReplayService(database, wake, clock),
        acting=ActingService(database, clock),
        pricing=PricingService(pricing, clock, livemode=gateway.livemode),
        alerts=AlertService(watch, clock),
        watch=watch,
        metrics=SqlMetricReads(pools.api),
        platform=SqlPlatformReads(pools.platform),
        books=SqlLedgerReads(pools.api, pools.platform),
        reads=SqlReads(pools.api, cipher_of(settings)),
        audit=SqlAuditReads(pools.api),
        inbox=SqlInboxReads(pools.api),
    )
