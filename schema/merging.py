"""How much of a document is selected more than once.

Validation compares every two fields that answer under one name (GraphQL specification, section
5.3.2), so a field that is written 500 times is compared 125,000 times. What is counted here is
those comparisons, level by level; it takes as many steps as the expanded document has selections.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    SelectionNode,
)


def count_comparisons(
    selections: Iterable[SelectionNode], fragments: Mapping[str, FragmentDefinitionNode]
) -> int:
    """Comparisons of two fields, arguments weighed in. Only for what was measured before: its
    expanded size is bounded, and no fragment spreads itself."""
    compared = 0
    levels = [list(selections)]
    while levels:
        for alike in _by_name(levels.pop(), fragments).values():
            weight = 1 + max(len(field.arguments or ()) for field in alike)
            compared += weight * len(alike) * (len(alike) - 1) // 2
            below = [field.selection_set for field in alike if field.selection_set]
            if below:
                levels.append([inner for inside in below for inner in inside.selections])
    return compared


def _by_name(
    selections: Iterable[SelectionNode], fragments: Mapping[str, FragmentDefinitionNode]
) -> dict[str, list[FieldNode]]:
    """The fields of one level by the name they answer under, of whatever type they are."""
    found: dict[str, list[FieldNode]] = {}
    for field in _fields(selections, fragments):
        found.setdefault((field.alias or field.name).value, []).append(field)
    return found


def _fields(
    selections: Iterable[SelectionNode], fragments: Mapping[str, FragmentDefinitionNode]
) -> Iterator[FieldNode]:
    waiting = list(selections)
    while waiting:
        selection = waiting.pop()
        if isinstance(selection, FieldNode):
            yield selection
        elif isinstance(selection, InlineFragmentNode):
            waiting += selection.selection_set.selections
        elif isinstance(selection, FragmentSpreadNode):
            fragment = fragments.get(selection.name.value)
            waiting += fragment.selection_set.selections if fragment else ()
