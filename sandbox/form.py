"""Form decoding: ``a[b][0]=c`` becomes nested mappings of text."""

import re
from urllib.parse import parse_qsl

from sandbox.errors import refused

Form = dict[str, "str | Form"]
"""Decoded parameters; a list is a mapping with the keys "0", "1", ... until it is checked."""

KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)\Z")
PART = re.compile(r"\[([^\[\]]*)\]")
DEPTH_MAX = 10


def decode(text: str) -> Form:
    """Decodes a query string or a form body.

    Raises ApiError where a key cannot be read or names both a value and a mapping.
    """
    form: Form = {}
    if not text:
        return form
    for key, value in parse_qsl(text, keep_blank_values=True, errors="replace"):
        if "[" in key:
            _put(form, key, value)
        elif isinstance(form.get(key), dict):
            raise refused("Invalid object", key)
        else:
            form[key] = value
    return form


def _put(form: Form, key: str, value: str) -> None:
    matched = KEY.match(key)
    parts = PART.findall(matched[2]) if matched else []
    if not matched or len(parts) > DEPTH_MAX:
        raise refused(f"Invalid parameter name: {key[:100]}", key[:100])
    node = form
    name = matched[1]
    for part in parts:
        child = node.setdefault(name, {})
        if isinstance(child, str):
            raise refused("Invalid object", key)
        node = child
        name = part or str(len(node))
    if isinstance(node.get(name), dict):
        raise refused("Invalid object", key)
    node[name] = value
