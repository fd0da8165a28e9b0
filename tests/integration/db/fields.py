"""Proof that a built object leaves no field out."""

from dataclasses import MISSING, fields
from typing import Any


def defaults_left(value: Any) -> set[str]:
    """Names of the fields that have their default: a round trip would not notice their loss."""
    return {
        field.name
        for field in fields(value)
        if field.default is not MISSING and getattr(value, field.name) == field.default
    }
