"""No alert rule without a test that brings its fault about."""

from __future__ import annotations

import pytest

from domain.alert_rules import AlertRule
from tests.house.tree import ROOT

NOT_A_FAULT = frozenset({"test_channels.py"})
"""Tests that speak of alerts without bringing their faults about."""


@pytest.mark.parametrize("rule", list(AlertRule))
def test_a_test_asserts_the_alert(rule: AlertRule) -> None:
    """Of those over real servers, one at least names the rule."""
    tests = (ROOT / "tests" / "integration").rglob("test_*.py")
    named = [
        path.name
        for path in tests
        if path.name not in NOT_A_FAULT and f'"{rule.value}"' in path.read_text()
    ]
    assert named
