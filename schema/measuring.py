"""What a document asks for, added up in one walk in which each fragment is measured once.

The library's own limiters expand a fragment at each spread, which doubles with every level of
nesting. Here a fragment's measure is remembered and added up at each spread, so a document costs
its own length, whatever it expands to.

The cost of a document is known before it runs: 1 for each object and each `totalCount`, what
stands below `nodes` or `edges` as often as the page has items, what stands below `nodes(ids:)` as
often as there are ids, for a report what it reads, and for each mutation what `schema.limits` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    SelectionNode,
    ValueNode,
    VariableNode,
)

from domain.reports import PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX
from schema.mutation import BULK_MUTATIONS, GATEWAY_MUTATIONS

LISTS: Mapping[str, int] = {
    "auditEntries": PAGE_SIZE_DEFAULT,
    "disputes": PAGE_SIZE_DEFAULT,
    "orders": PAGE_SIZE_DEFAULT,
    "payments": PAGE_SIZE_DEFAULT,
    "refunds": PAGE_SIZE_DEFAULT,
    "tenants": PAGE_SIZE_DEFAULT,
    "timeline": 50,
    "webhookEvents": PAGE_SIZE_DEFAULT,
}
"""The fields that read a slice of a list, and how many items they take when they are not told."""

REPORTS: Mapping[str, int] = {"feeReport": 500, "paymentMetrics": 100, "webhookMetrics": 100}
"""The fields that read much to answer little, and what each costs beside its objects."""

_ITEMS = frozenset({"nodes", "edges"})
"""The fields of a list below which everything is read for each item."""


@dataclass(slots=True)
class Measure:
    """What a selection set comes to with its fragments expanded.

    Of its own level only: `roots`, the fields, `money`, the mutations that call the gateway,
    `bulk`, those that do many things, and `item_cost`, the cost of what a list repeats for each of
    its items. `introspection_depth` is
    what lies below __schema or __type; `lists` counts the slices that are read, those of each item
    of a slice as often as it has items.
    """

    depth: int = 0
    introspection_depth: int = 0
    fields: int = 0
    spreads: int = 0
    aliases: int = 0
    directives: int = 0
    roots: int = 0
    money: int = 0
    bulk: int = 0
    lists: int = 0
    cost: int = 0
    item_cost: int = 0

    def add(self, other: Measure) -> None:
        """Takes in what is selected beside this."""
        self.roots += other.roots
        self.money += other.money
        self.bulk += other.bulk
        self.item_cost += other.item_cost
        self._add_everywhere(other, levels=0)

    def add_below(self, other: Measure) -> None:
        """Takes in what is selected one level below this, whose cost is weighed elsewhere."""
        self._add_everywhere(other, levels=1)

    def _add_everywhere(self, other: Measure, *, levels: int) -> None:
        self.depth = max(self.depth, other.depth + levels)
        self.introspection_depth = max(self.introspection_depth, other.introspection_depth)
        self.fields += other.fields
        self.spreads += other.spreads
        self.aliases += other.aliases
        self.directives += other.directives
        self.lists += other.lists
        self.cost += other.cost


class Walk:
    """Measures selection sets, and each fragment once.

    `visited` counts the selections that were looked at; `is_circular` tells that a fragment spreads
    itself. `check_nesting` is told the level of each set of braces, and ends the walk by raising.
    """

    def __init__(
        self,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, object],
        check_nesting: Callable[[int], None],
    ) -> None:
        self.visited = 0
        self.is_circular = False
        self._fragments = fragments
        self._variables = variables
        self._check_nesting = check_nesting
        self._measured: dict[str, Measure] = {}
        self._open: set[str] = set()

    def measure(self, selections: Iterable[SelectionNode], *, nesting: int) -> Measure:
        """What the selections come to."""
        self._check_nesting(nesting)
        total = Measure()
        for selection in selections:
            self.visited += 1
            total.directives += len(selection.directives or ())
            if isinstance(selection, FieldNode):
                self._add_field(total, selection, nesting)
            elif isinstance(selection, InlineFragmentNode):
                total.spreads += 1
                total.add(self.measure(selection.selection_set.selections, nesting=nesting + 1))
            elif isinstance(selection, FragmentSpreadNode):
                total.spreads += 1
                total.add(self.fragment(selection.name.value, nesting))
        return total

    def fragment(self, name: str, nesting: int) -> Measure:
        """What the fragment comes to wherever it is spread."""
        fragment = self._fragments.get(name)
        if fragment is None:
            return Measure()
        if name in self._open:
            self.is_circular = True
            return Measure()
        if name not in self._measured:
            self._open.add(name)
            selections = fragment.selection_set.selections
            self._measured[name] = self.measure(selections, nesting=nesting + 1)
            self._measured[name].directives += len(fragment.directives or ())
            self._open.discard(name)
        return self._measured[name]

    def _add_field(self, total: Measure, field: FieldNode, nesting: int) -> None:
        name = field.name.value
        below = Measure()
        if field.selection_set:
            below = self.measure(field.selection_set.selections, nesting=nesting + 1)
        if name in {"__schema", "__type"}:
            below.introspection_depth, below.depth = max(below.depth, 1), 0
        items = self._items(field)
        is_list = name in LISTS
        cost = _own_cost(field) + _cost_below(below, items, repeats_all=not is_list)
        below.lists = below.lists * items + is_list
        below.cost = 0
        total.add_below(below)
        if name in _ITEMS and not _sizes(field):
            total.item_cost += cost
        else:
            total.cost += cost
        total.roots += 1
        total.fields += 1
        total.aliases += field.alias is not None
        total.money += name in GATEWAY_MUTATIONS
        total.bulk += name in BULK_MUTATIONS

    def _items(self, field: FieldNode) -> int:
        """For how many items the selection below the field is read."""
        sizes = [self._size(value) for value in _sizes(field)]
        return min(max(sizes, default=LISTS.get(field.name.value, 1)), PAGE_SIZE_MAX)

    def _size(self, value: ValueNode) -> int:
        if isinstance(value, ListValueNode):
            return len(value.values)
        told: object = None
        if isinstance(value, VariableNode):
            told = self._variables.get(value.name.value)
        elif isinstance(value, IntValueNode):
            told = int(value.value)
        if isinstance(told, list):
            return len(told)
        return told if isinstance(told, int) and told > 0 else PAGE_SIZE_MAX


def _own_cost(field: FieldNode) -> int:
    name = field.name.value
    return int(field.selection_set is not None or name == "totalCount") + REPORTS.get(name, 0)


def _cost_below(below: Measure, items: int, *, repeats_all: bool) -> int:
    if repeats_all:
        return items * (below.cost + below.item_cost)
    return below.cost + items * below.item_cost


def _sizes(field: FieldNode) -> list[ValueNode]:
    """The arguments that say how many items there are."""
    return [
        argument.value
        for argument in field.arguments or ()
        if argument.name.value in {"first", "last", "ids"}
    ]
