"""Card data in a request: refused as CARD_DATA_FORBIDDEN before any resolver, and repeated nowhere.

A number in a field for an amount is an amount, whatever its digits; a digit string is not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from graphql import (
    ArgumentNode,
    DocumentNode,
    EnumValueNode,
    FieldNode,
    FloatValueNode,
    IntValueNode,
    NamedTypeNode,
    NameNode,
    Node,
    NonNullTypeNode,
    ObjectFieldNode,
    OperationDefinitionNode,
    StringValueNode,
    TokenKind,
    TypeNode,
)
from strawberry.extensions import SchemaExtension

from domain.card_numbers import holds_card_number, shows_card_number
from schema.codes import RequestErrorCode
from schema.limits import DocumentRefused

AMOUNT_TYPES = frozenset({"Cents", "SignedCents"})
"""Scalars whose numbers are amounts of up to 16 digits."""

ADVICE = (
    "13 to 19 digits that pass the check of card numbers, or a security code. Send a token of the "
    "gateway instead; put letters and an underscore before a number of your own, as in ref_123."
)
"""One number in ten passes the check by chance, so a caller must learn what to do."""

_LONG_RUN = re.compile(r"\d(?:[\W_]{0,3}\d){12}")
_SUSPICIOUS = re.compile(r"cv[cv]|security|verification|\\u", re.IGNORECASE)
_SECURITY_CODE = re.compile(
    r"(?<![a-z])(cvc|cvv)2?(?![a-z]|_?(check|result|status))"
    r"|security_?code|card_?verification_?(code|value|number)"
)
_TOLD_CODE = re.compile(r"(?<![a-z])(cvc|cvv)2?[\"'\s:=#-]{0,5}\d{3,4}(?!\d)", re.IGNORECASE)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NAME = re.compile(r"[A-Za-z]{1,30}")


def refuse_card_data(document: DocumentNode, variables: Mapping[str, object] | None) -> None:
    """Raises DocumentRefused (CARD_DATA_FORBIDDEN) for a card number or a card's security code in
    the variables or in the document itself."""
    place = _in_variables(document, variables or {})
    if place is None and _in_document(document):
        place = "the document"
    if place is not None:
        raise DocumentRefused(refusal_at(place), RequestErrorCode.CARD_DATA_FORBIDDEN)


def refusal_at(place: str) -> str:
    """What the caller is told: where it is, never what."""
    return f"The request holds card data in {place}: {ADVICE}"


def card_data_at(value: object, place: str, *, amount: bool = False) -> str | None:
    """Where a JSON value, which is at `place`, has a card number or a security code; None when it
    has neither. `amount`: its numbers are amounts."""
    waiting = [(value, place, amount)]
    while waiting:
        at, path, is_amount = waiting.pop()
        if isinstance(at, Mapping):
            if any(_names_card_data(str(key)) for key in at):
                return path
            waiting += [
                (inner, _below(path, str(key)), is_amount or _is_amount(str(key)))
                for key, inner in at.items()
            ]
        elif isinstance(at, list):
            waiting += [(inner, path, is_amount) for inner in at]
        elif _shows(at, is_amount=is_amount):
            return path
    return None


def _below(path: str, key: str) -> str:
    """The path with one step more, where the step is a name and no text of the caller's."""
    return f"{path}.{key}" if _NAME.fullmatch(key) and not holds_card_number(key) else path


def _shows(value: object, *, is_amount: bool) -> bool:
    if isinstance(value, str):
        return shows_card_number(value) or _TOLD_CODE.search(value) is not None
    if is_amount or isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and shows_card_number(f"{abs(value):.0f}")


def _names_card_data(key: str) -> bool:
    return is_security_code(key) or holds_card_number(key)


def is_security_code(key: str) -> bool:
    """Whether a key names a card's security code: cvc, cvv, CVV2, cardCvc, security_code. What a
    gateway found when it checked one, cvc_check, is none."""
    return _SECURITY_CODE.search(_HUMP.sub("_", key).lower()) is not None


def _is_amount(name: str) -> bool:
    return name == "amount" or name.endswith(("Cents", "_cents", "Amount", "_amount"))


def _in_variables(document: DocumentNode, variables: Mapping[str, object]) -> str | None:
    amounts = {
        definition.variable.name.value
        for operation in document.definitions
        if isinstance(operation, OperationDefinitionNode)
        for definition in operation.variable_definitions or ()
        if _type_name(definition.type) in AMOUNT_TYPES
    }
    if any(_names_card_data(name) for name in variables):
        return "variables"
    places = (
        card_data_at(value, _below("variables", name), amount=name in amounts or _is_amount(name))
        for name, value in variables.items()
    )
    return next((place for place in places if place is not None), None)


def _type_name(node: TypeNode) -> str | None:
    inner = node.type if isinstance(node, NonNullTypeNode) else node
    return inner.name.value if isinstance(inner, NamedTypeNode) else None


def _in_document(document: DocumentNode) -> bool:
    """Looks closer only where the text itself raises the suspicion."""
    text = document.loc.source.body if document.loc else ""
    if _LONG_RUN.search(text) is None and _SUSPICIOUS.search(text) is None:
        return False
    return any(_literal_shows(node, amount=amount) for node, amount in _literals(document)) or any(
        shows_card_number(comment) for comment in _comments(document)
    )


def _comments(document: DocumentNode) -> Iterator[str]:
    token = document.loc.start_token if document.loc else None
    while token is not None:
        if token.kind is TokenKind.COMMENT:
            yield token.value or ""
        token = token.next


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
    match node:
        case StringValueNode():
            return _shows(node.value, is_amount=amount)
        case IntValueNode():
            return _shows(int(node.value), is_amount=amount)
        case FloatValueNode():
            return _shows(float(node.value), is_amount=amount)
        case ArgumentNode() | ObjectFieldNode():
            return is_security_code(node.name.value)
        case NameNode() | EnumValueNode():
            return holds_card_number(node.value)
    return False


class CardDataGuard(SchemaExtension):
    """Refuses card data once the document is parsed, before its names are looked at."""

    def on_validate(self) -> Iterator[None]:
        """Raises DocumentRefused."""
        document = self.execution_context.graphql_document
        if document is not None:
            refuse_card_data(document, self.execution_context.variables)
        yield
