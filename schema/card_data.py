"""Card data in a request: refused as CARD_DATA_FORBIDDEN before any resolver, and repeated nowhere.

A number in a field for an amount is an amount, whatever its digits; a digit string is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    IntValueNode,
    NamedTypeNode,
    Node,
    NonNullTypeNode,
    ObjectFieldNode,
    OperationDefinitionNode,
    StringValueNode,
    TypeNode,
)
from strawberry.extensions import SchemaExtension

from schema.card_numbers import shows_card_number
from schema.codes import RequestErrorCode
from schema.limits import DocumentRefused

AMOUNT_TYPES = frozenset({"Cents", "SignedCents"})
"""Scalars whose numbers are amounts of up to 16 digits."""

_LONG_RUN = re.compile(r"\d(?:\W{0,3}\d){12}")
_SECURITY_CODE = re.compile(r"(?<![a-z])(cvc|cvv)2?(?![a-z])")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def refuse_card_data(document: DocumentNode, variables: Mapping[str, object] | None) -> None:
    """Raises DocumentRefused (CARD_DATA_FORBIDDEN) for a card number or a card's security code in
    the variables or in the document itself."""
    if _in_variables(document, variables or {}) or _in_document(document):
        raise DocumentRefused(
            "The request holds card data. Send a token of the gateway instead.",
            RequestErrorCode.CARD_DATA_FORBIDDEN,
        )


def holds_card_data(value: object, *, amount: bool = False) -> bool:
    """Whether a JSON value has a card number or a key for a security code anywhere. `amount`: its
    numbers are amounts."""
    waiting = [(value, amount)]
    while waiting:
        at, is_amount = waiting.pop()
        if isinstance(at, Mapping):
            if any(_names_card_data(str(key)) for key in at):
                return True
            waiting += [(inner, is_amount or _is_amount(str(key))) for key, inner in at.items()]
        elif isinstance(at, list):
            waiting += [(inner, is_amount) for inner in at]
        elif _shows(at, is_amount=is_amount):
            return True
    return False


def _shows(value: object, *, is_amount: bool) -> bool:
    if isinstance(value, str):
        return shows_card_number(value)
    return type(value) is int and not is_amount and shows_card_number(str(abs(value)))


def _names_card_data(key: str) -> bool:
    return is_security_code(key) or shows_card_number(key)


def is_security_code(key: str) -> bool:
    """Whether a key names a card's security code: cvc, cvv, CVV2, cardCvc, card_cvv."""
    return _SECURITY_CODE.search(_HUMP.sub("_", key).lower()) is not None


def _is_amount(name: str) -> bool:
    return name == "amount" or name.endswith(("Cents", "_cents", "Amount", "_amount"))


def _in_variables(document: DocumentNode, variables: Mapping[str, object]) -> bool:
    amounts = {
        definition.variable.name.value
        for operation in document.definitions
        if isinstance(operation, OperationDefinitionNode)
        for definition in operation.variable_definitions or ()
        if _type_name(definition.type) in AMOUNT_TYPES
    }
    return any(
        _names_card_data(name) or holds_card_data(value, amount=name in amounts or _is_amount(name))
        for name, value in variables.items()
    )


def _type_name(node: TypeNode) -> str | None:
    inner = node.type if isinstance(node, NonNullTypeNode) else node
    return inner.name.value if isinstance(inner, NamedTypeNode) else None


def _in_document(document: DocumentNode) -> bool:
    """Looks closer only where the text itself raises the suspicion."""
    text = document.loc.source.body if document.loc else ""
    if _LONG_RUN.search(text) is None and not re.search("cv[cv]", text, re.IGNORECASE):
        return False
    return any(_literal_shows(node, amount=amount) for node, amount in _literals(document))


def _literals(document: DocumentNode) -> Iterator[tuple[Node, bool]]:
    """Each value and each key of the document, and whether a number there is an amount."""
    waiting: list[tuple[Node, bool]] = [(document, False)]
    while waiting:
        node, amount = waiting.pop()
        if isinstance(node, ArgumentNode | ObjectFieldNode):
            amount = amount or _is_amount(node.name.value)
        elif isinstance(node, FieldNode):
            amount = False
        yield node, amount
        waiting += [(child, amount) for child in _children(node)]


def _children(node: Node) -> Iterator[Node]:
    for name in node.keys:
        value = getattr(node, name, None)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, list | tuple):
            yield from (child for child in value if isinstance(child, Node))


def _literal_shows(node: Node, *, amount: bool) -> bool:
    if isinstance(node, StringValueNode):
        return shows_card_number(node.value)
    if isinstance(node, IntValueNode):
        return not amount and shows_card_number(node.value.lstrip("-"))
    if isinstance(node, ArgumentNode | ObjectFieldNode):
        return is_security_code(node.name.value)
    return False


class CardDataGuard(SchemaExtension):
    """Refuses card data once the document is parsed, before its names are looked at."""

    def on_validate(self) -> Iterator[None]:
        """Raises DocumentRefused."""
        document = self.execution_context.graphql_document
        if document is not None:
            refuse_card_data(document, self.execution_context.variables)
        yield
