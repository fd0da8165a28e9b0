"""Rules of prices and tenants that need no database: each gives the issues it finds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.currency import EXPONENTS
from domain.errors import Issue, ValidationFailed
from domain.fees import BASIS_POINTS, FeeRefundPolicy
from domain.money import Money

LEVEL_MAX = 1_000
"""The highest level of a tier."""

LATE = timedelta(minutes=5)
"""How far back an override may start: a form takes a while to be sent, and clocks differ."""

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class PriceTier:
    """A price list as it is to be. `fixed_fees` names each currency once; empty is 0 in all."""

    name: str
    level: int
    basis_points: int
    fixed_fees: Sequence[Money]
    description: str
    refund_policy: FeeRefundPolicy


@dataclass(frozen=True, slots=True)
class SetOverride:
    """A tenant's own price, from `effective_from` (now, when left out) up to `effective_until`."""

    tenant_id: str
    basis_points: int
    fixed_fees: Sequence[Money]
    reason: str
    effective_from: datetime | None
    effective_until: datetime | None


@dataclass(frozen=True, slots=True)
class CreateTenant:
    """A merchant that is to be served."""

    name: str
    slug: str
    default_currency: str


def check_tier(tier: PriceTier) -> None:
    """Raises ValidationFailed with every broken rule."""
    _refuse(*_not_blank("name", tier.name), *_level(tier.level), *_price(tier))


def check_override(override: SetOverride, now: datetime) -> None:
    """Raises ValidationFailed with every broken rule. `now` stands for a start left out."""
    start = override.effective_from or now
    _refuse(
        *_price(override),
        *_not_blank("reason", override.reason),
        *_start(start, now),
        *_period(start, override.effective_until),
    )


def check_tenant(tenant: CreateTenant) -> None:
    """Raises ValidationFailed with every broken rule."""
    _refuse(*_not_blank("name", tenant.name), *_slug(tenant.slug))


def level_taken(level: int) -> ValidationFailed:
    """Another tier in use has the level."""
    return _failure("level", "LEVEL_TAKEN", f"Another tier has level {level}.")


def period_taken() -> ValidationFailed:
    """Two prices at one time would leave the price to chance."""
    message = "The tenant has an override within this period: end that one first."
    return _failure("effectiveFrom", "OVERRIDE_OVERLAPS", message)


def slug_taken() -> ValidationFailed:
    """Another tenant has the slug."""
    return _failure("slug", "SLUG_TAKEN", "Another tenant has this slug.")


def _failure(field: str, rule: str, message: str) -> ValidationFailed:
    return ValidationFailed(Issue(("input", field), rule, message))


def _refuse(*issues: Issue) -> None:
    if issues:
        raise ValidationFailed(*issues)


def _not_blank(field: str, text: str) -> Iterator[Issue]:
    if not text.strip():
        yield Issue(("input", field), "BLANK", f"{field} is not blank.")


def _level(level: int) -> Iterator[Issue]:
    if not 1 <= level <= LEVEL_MAX:
        message = f"A level is 1 to {LEVEL_MAX}."
        yield Issue(("input", "level"), "LEVEL_OUT_OF_RANGE", message)


def _price(price: PriceTier | SetOverride) -> Iterator[Issue]:
    if not 0 <= price.basis_points <= BASIS_POINTS:
        message = f"Basis points are 0 to {BASIS_POINTS}: 300 is 3.00 %."
        yield Issue(("input", "basisPoints"), "BASIS_POINTS_OUT_OF_RANGE", message)
    seen = set[str]()
    for place, fee in enumerate(price.fixed_fees):
        path = ("input", "fixedFees", str(place))
        if fee.currency in seen:
            message = f"{fee.currency} is named twice."
            yield Issue((*path, "currency"), "CURRENCY_TWICE", message)
        if fee.minor < 0 or fee.currency not in EXPONENTS:
            message = "A fixed fee is 0 or more, in a currency that Tollgate takes."
            yield Issue(path, "INVALID_FIXED_FEE", message)
        seen.add(fee.currency)


def _start(start: datetime, now: datetime) -> Iterator[Issue]:
    if start < now - LATE:
        message = "An override does not start in the past: payments were made at another price."
        yield Issue(("input", "effectiveFrom"), "OVERRIDE_IN_PAST", message)


def _period(start: datetime, end: datetime | None) -> Iterator[Issue]:
    if end is not None and end <= start:
        message = "effectiveUntil is after effectiveFrom."
        yield Issue(("input", "effectiveUntil"), "PERIOD_EMPTY", message)


def _slug(slug: str) -> Iterator[Issue]:
    if not _SLUG.fullmatch(slug):
        message = "A slug is 1 to 63 lower-case letters, digits and hyphens, none at either end."
        yield Issue(("input", "slug"), "INVALID_SLUG", message)
