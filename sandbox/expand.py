"""Expansion: ``expand[]=latest_charge.balance_transaction`` puts objects where ids stand.

docs.stripe.com/api/expanding_objects: at most four levels; in lists the path begins with ``data``.
Paths are checked before a call is carried out, so that a wrong one has no effect.
"""

from collections.abc import Iterable

from sandbox.errors import refused
from sandbox.models import Charge
from sandbox.objects.rendering import render
from sandbox.wire import Wire
from sandbox.world import World

DEPTH_MAX = 4
REFUNDS_SHOWN = 10
ANYTHING = "*"
NOTHING = ""

EXPANDABLE: dict[str, dict[str, str]] = {
    "payment_intent": {
        "application": "application",
        "customer": "customer",
        "latest_charge": "charge",
        "on_behalf_of": NOTHING,
        "payment_method": "payment_method",
        "review": NOTHING,
    },
    "charge": {
        "application": "application",
        "application_fee": "application_fee",
        "balance_transaction": "balance_transaction",
        "customer": "customer",
        "failure_balance_transaction": "balance_transaction",
        "on_behalf_of": NOTHING,
        "payment_intent": "payment_intent",
        "refunds": "refund[]",
        "review": NOTHING,
        "source_transfer": NOTHING,
    },
    "refund": {
        "balance_transaction": "balance_transaction",
        "charge": "charge",
        "failure_balance_transaction": "balance_transaction",
        "payment_intent": "payment_intent",
        "source_transfer_reversal": NOTHING,
        "transfer_reversal": NOTHING,
    },
    "dispute": {"charge": "charge", "payment_intent": "payment_intent"},
    "balance_transaction": {"source": ANYTHING},
    "application_fee": {
        "account": "account",
        "application": "application",
        "balance_transaction": "balance_transaction",
        "charge": "charge",
        "originating_transaction": "charge",
        "refunds": "fee_refund[]",
    },
    "fee_refund": {"balance_transaction": "balance_transaction", "fee": "application_fee"},
    "payment_method": {"customer": "customer"},
    "customer": {"default_source": NOTHING},
}
"""Properties that can be expanded, and what they then are; ``[]`` means a list of it."""


def check_paths(kind: str, paths: Iterable[str]) -> None:
    """Raises ApiError for a path that an answer of this kind cannot follow."""
    for path in paths:
        parts = path.split(".")
        if len(parts) > DEPTH_MAX:
            raise refused(
                f"You cannot expand more than {DEPTH_MAX} levels of a property "
                f"(you passed {len(parts)}: {path[:100]}).",
                "expand",
            )
        reached = kind
        for name in parts:
            reached = _next(reached, name)


def _next(kind: str, name: str) -> str:
    if kind == ANYTHING:
        return ANYTHING
    if kind.endswith("[]"):
        following = kind.removesuffix("[]") if name == "data" else None
    else:
        following = EXPANDABLE.get(kind, {}).get(name)
    if following is None:
        raise refused(f"This property cannot be expanded ({name[:100]}).", "expand")
    return following


def expand(world: World, wire: Wire, paths: Iterable[str]) -> Wire:
    """The answer with every path expanded, as far as there is something to expand."""
    for path in paths:
        _expand(world, wire, path.split("."))
    return wire


def _expand(world: World, wire: Wire, parts: list[str]) -> None:
    if not parts:
        return
    name = parts[0]
    value = wire.get(name)
    if isinstance(value, str) and name in EXPANDABLE.get(str(wire.get("object")), ()):
        value = wire[name] = _object(world, name, value)
    elif name == "refunds" and value is None:
        value = wire[name] = _refunds(world, str(wire["id"]))
    for child in value if isinstance(value, list) else (value,):
        if isinstance(child, dict):
            _expand(world, child, parts[1:])


def _object(world: World, name: str, id_: str) -> Wire:
    if name == "application":
        return {"id": id_, "name": "Sandbox platform", "object": "application"}
    record = world.records[id_]
    return render(record, world.books[record.account].account.application)


def _refunds(world: World, charge_id: str) -> Wire:
    charge = world.records[charge_id]
    refunds = charge.refunds[::-1] if isinstance(charge, Charge) else []
    return {
        "object": "list",
        "data": [render(refund) for refund in refunds[:REFUNDS_SHOWN]],
        "has_more": len(refunds) > REFUNDS_SHOWN,
        "url": f"/v1/charges/{charge_id}/refunds",
    }
