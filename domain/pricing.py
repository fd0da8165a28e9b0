"""Prices and tenants, set by the platform's own people. None of it touches a payment that was
authorized before: its terms are its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from domain.caller import Actor
from domain.errors import AttemptedOperation, InvalidState
from domain.fees import FeeOverride, FeeTier
from domain.ids import Prefix, new_id
from domain.ports import Clock
from domain.pricing_audit import override_entry, tenant_entry, tier_entry
from domain.pricing_ports import LevelTaken, PeriodTaken, PricingDatabase, SlugTaken
from domain.pricing_rules import (
    CreateTenant,
    PriceTier,
    SetOverride,
    check_override,
    check_tenant,
    check_tier,
    level_taken,
    period_taken,
    slug_taken,
)
from domain.tenant import Tenant


class PricingService:
    """The use cases. Each is one transaction with its line in the audit, and raises
    ValidationFailed, NotFound or InvalidState before anything is written. `livemode`: whether new
    tenants' payments are real money."""

    def __init__(self, database: PricingDatabase, clock: Clock, *, livemode: bool) -> None:
        self._database = database
        self._clock = clock
        self._livemode = livemode

    async def create_tier(self, actor: Actor, wanted: PriceTier) -> FeeTier:
        """A new tier, which nobody pays by until it is assigned."""
        check_tier(wanted)
        tier = _tier_of(wanted, new_id(Prefix.FEE_TIER))
        try:
            async with self._database.begin() as work:
                await work.tiers.add(tier)
                await work.audit.append(tier_entry("created", None, tier, actor, self._clock.now()))
                await work.commit()
        except LevelTaken as taken:
            raise level_taken(wanted.level) from taken
        return tier

    async def update_tier(self, actor: Actor, tier_id: str, wanted: PriceTier) -> FeeTier:
        """The tier at its new price, for all who pay by it. The same again changes nothing."""
        check_tier(wanted)
        try:
            async with self._database.begin() as work:
                before = await work.tiers.lock(tier_id)
                if before.is_archived:
                    raise _archived(AttemptedOperation.CONFIGURE)
                after = replace(_tier_of(wanted, tier_id), is_default=before.is_default)
                if after != before:
                    await work.tiers.save(after)
                    await work.audit.append(
                        tier_entry("updated", before, after, actor, self._clock.now())
                    )
                    await work.commit()
        except LevelTaken as taken:
            raise level_taken(wanted.level) from taken
        return after

    async def archive_tier(self, actor: Actor, tier_id: str) -> FeeTier:
        """A tier that can no longer be assigned. One that is archived stays so."""
        async with self._database.begin() as work:
            before = await work.tiers.lock(tier_id)
            if before.is_archived:
                return before
            if before.is_default:
                message = "New tenants start on this tier."
                raise _refused("TIER_IS_DEFAULT", message, AttemptedOperation.ARCHIVE)
            # Who assigns the tier locks it too: nobody is added while these are counted.
            if count := await work.tiers.count_tenants(tier_id):
                message = f"{count} tenants pay by this tier: assign them another first."
                raise _refused("TIER_IN_USE", message, AttemptedOperation.ARCHIVE)
            after = replace(before, is_archived=True)
            await work.tiers.save(after)
            await work.audit.append(tier_entry("archived", before, after, actor, self._clock.now()))
            await work.commit()
        return after

    async def assign_tier(self, actor: Actor, tenant_id: str, tier_id: str) -> Tenant:
        """Has the tenant pay by the tier, unless an override is in force, from now on."""
        async with self._database.begin() as work:
            tier = await work.tiers.lock(tier_id)
            before = await work.tenants.lock(tenant_id)
            if before.fee_tier_id == tier.id:
                return before
            if tier.is_archived:
                raise _archived(AttemptedOperation.ASSIGN)
            after = replace(before, fee_tier_id=tier.id)
            await work.tenants.assign(tenant_id, tier.id)
            await work.audit.append(
                tenant_entry("tier_assigned", before, after, actor, self._clock.now())
            )
            await work.commit()
        return after

    async def set_override(self, actor: Actor, wanted: SetOverride) -> FeeOverride:
        """The tenant's own price, in force in its period."""
        try:
            async with self._database.begin() as work:
                await work.tenants.lock(wanted.tenant_id)
                # Under the lock: what another ended meanwhile ended before now.
                now = self._clock.now()
                check_override(wanted, now)
                override = _override_of(wanted, actor, now)
                await work.overrides.add(override)
                await work.audit.append(override_entry("set", None, override, actor, now))
                await work.commit()
        except PeriodTaken as taken:
            raise period_taken() from taken
        return override

    async def end_override(self, actor: Actor, override_id: str) -> FeeOverride:
        """The override, ended now and kept. One that has not begun never does: its period is empty.
        One that has ended stays as it is."""
        async with self._database.begin() as work:
            await work.tenants.lock((await work.overrides.find(override_id)).tenant_id)
            before, now = await work.overrides.find(override_id), self._clock.now()
            if before.effective_until is not None and before.effective_until <= now:
                return before
            at = max(now, before.effective_from)
            if at == before.effective_until:
                return before
            after = replace(before, effective_until=at)
            await work.overrides.end(before, at)
            await work.audit.append(override_entry("ended", before, after, actor, now))
            await work.commit()
        return after

    async def create_tenant(self, actor: Actor, wanted: CreateTenant) -> Tenant:
        """A tenant on the default tier, paid through the platform's own account until it has its
        own."""
        check_tenant(wanted)
        now = self._clock.now()
        try:
            async with self._database.begin() as work:
                tenant = Tenant(
                    id=new_id(Prefix.TENANT),
                    name=wanted.name,
                    slug=wanted.slug,
                    fee_tier_id=(await work.tiers.default()).id,
                    default_currency=wanted.default_currency,
                    is_active=True,
                    created_at=now,
                )
                await work.tenants.add(tenant, livemode=self._livemode)
                await work.audit.append(tenant_entry("created", None, tenant, actor, now))
                await work.commit()
        except SlugTaken as taken:
            raise slug_taken() from taken
        return tenant


def _tier_of(wanted: PriceTier, tier_id: str) -> FeeTier:
    return FeeTier(
        id=tier_id,
        name=wanted.name,
        level=wanted.level,
        basis_points=wanted.basis_points,
        fixed_fees={fee.currency: fee.minor for fee in wanted.fixed_fees},
        description=wanted.description,
        refund_policy=wanted.refund_policy,
        is_default=False,
        is_archived=False,
    )


def _override_of(wanted: SetOverride, actor: Actor, now: datetime) -> FeeOverride:
    return FeeOverride(
        id=new_id(Prefix.FEE_OVERRIDE),
        tenant_id=wanted.tenant_id,
        basis_points=wanted.basis_points,
        fixed_fees={fee.currency: fee.minor for fee in wanted.fixed_fees},
        reason=wanted.reason,
        created_by=actor.id,
        effective_from=wanted.effective_from or now,
        effective_until=wanted.effective_until,
    )


def _archived(attempted: AttemptedOperation) -> InvalidState:
    return _refused("TIER_ARCHIVED", "The tier is archived.", attempted)


def _refused(detail_code: str, message: str, attempted: AttemptedOperation) -> InvalidState:
    return InvalidState(message, detail_code=detail_code, attempted=attempted)
