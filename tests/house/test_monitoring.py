"""Metrics, dashboards, rules and docs/monitoring.md speak of the same things."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from app.metrics import PrometheusMeasures
from app.settings import Settings
from app.state_metrics import StateGauges
from db.engine import make_engine
from domain.alert import RESPONSE, AlertSeverity
from domain.alert_rules import RULES, AlertRule, runbook_of
from tests.house.tree import ROOT

DEPLOY = ROOT / "deploy"
PAGE = (ROOT / "docs" / "monitoring.md").read_text()
RULE_FILES = sorted((DEPLOY / "prometheus" / "rules").glob("*.yml"))
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
ELSEWHERE = {"up", "probe_success"}
"""Metrics that Prometheus and its probe make themselves."""

_SUFFIXES = {"histogram": ("_bucket", "_count", "_sum"), "counter": ("_total",), "gauge": ("",)}


def families() -> dict[str, tuple[str, str]]:
    """Every metric of a process: its kind and its meaning."""
    measures = PrometheusMeasures()
    StateGauges(measures.registry)
    # A pool opens no connection until somebody asks for one.
    measures.database.watch("any", make_engine("postgresql://nobody@127.0.0.1:1/none"))
    return {
        family.name: (family.type, family.documentation) for family in measures.registry.collect()
    }


def samples() -> set[str]:
    """The names that a query may use."""
    return {
        f"{name}{suffix}" for name, (kind, _) in families().items() for suffix in _SUFFIXES[kind]
    }


def rules() -> Iterator[dict[str, Any]]:
    """Each rule of each file."""
    for path in RULE_FILES:
        for group in yaml.safe_load(path.read_text())["groups"]:
            assert set(group) == {"name", "rules"}
            yield from group["rules"]


def recorded() -> set[str]:
    """The names that recording rules make."""
    return {rule["record"] for rule in rules() if "record" in rule}


def queries() -> Iterator[tuple[str, str]]:
    """Where each PromQL expression stands, and what it says."""
    for rule in rules():
        yield rule.get("record") or rule["alert"], rule["expr"]
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                yield f"{path.stem}: {panel['title']}", target["expr"]


def metrics_in(expression: str) -> set[str]:
    """The metrics that the expression selects."""
    parsed = promql_parser.parse(expression.replace("$__rate_interval", "5m"))
    return set(_selected(parsed))


def _selected(node: Any) -> Iterator[str]:
    """The names of the selectors below a node."""
    if isinstance(node, promql_parser.VectorSelector):
        yield str(node.name)
    for name in ("expr", "lhs", "rhs", "vector_selector", "param"):
        inner = getattr(node, name, None)
        if inner is not None and not isinstance(inner, str):
            yield from _selected(inner)
    for inner in getattr(node, "args", None) or ():
        yield from _selected(inner)


def test_every_metric_has_its_line() -> None:
    """The table of the page is the metrics, and each has a meaning that ends in a full stop."""
    listed = set(re.findall(r"^\| `(tollgate_\w+)` \|", PAGE, re.MULTILINE))
    ours = {name: kind for name, (kind, _) in families().items() if name.startswith("tollgate")}
    names = {f"{name}_total" if kind == "counter" else name for name, kind in ours.items()}
    assert listed == names
    assert len(names) > 20
    assert all(
        meaning.endswith(".")
        for name, (_, meaning) in families().items()
        if name.startswith("tollgate")
    )


def test_names_follow_the_conventions() -> None:
    """prometheus.io/docs/practices/naming: a prefix, base units, in lower case."""
    for name, (kind, _) in families().items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name), name
        if kind == "histogram":
            assert name.endswith(("_seconds", "_deliveries")), name
        assert not re.search(r"_(ms|milliseconds|minutes|percent)$", name), name


def test_every_query_is_promql_over_metrics_that_exist() -> None:
    """Of the rules and of the dashboards."""
    known = samples() | recorded() | ELSEWHERE
    asked = list(queries())
    assert len(asked) > 50
    used = set()
    for place, expression in asked:
        found = metrics_in(expression)
        assert found, place
        assert found <= known, (place, found - known)
        used |= found
    assert recorded() <= used | {rule for rule in recorded() if "6h" in rule}


def test_every_alert_of_prometheus_leads_to_a_runbook() -> None:
    """With a severity of ours and a heading that is there."""
    anchors = {
        re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-")
        for line in re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    }
    alerts = [rule for rule in rules() if "alert" in rule]
    assert len(alerts) > 10
    for rule in alerts:
        assert rule["labels"]["severity"].upper() in set(AlertSeverity), rule["alert"]
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert (ROOT / page).is_file()
        assert anchor in anchors, rule["alert"]
    for own in AlertRule:
        assert runbook_of(own).partition("#")[2] in anchors, own


@pytest.mark.parametrize("rule", list(AlertRule))
def test_every_rule_has_its_terms_and_its_runbook(rule: AlertRule) -> None:
    """A row in the table, a line in the page's table with its severity, and a runbook."""
    severity = RULES[rule].severity.value
    assert f"| [{rule.value}](#{rule.value.replace('.', '')}) | {severity} |" in PAGE
    text = PAGE.partition(f"### {rule.value}\n")[2].partition("\n### ")[0]
    assert len(text.split()) > 12


def test_the_platforms_thresholds_are_kept() -> None:
    """Those that the platform set: share, and how soon somebody must look."""
    seconds = {severity: RESPONSE[severity].total_seconds() for severity in AlertSeverity}
    assert seconds[AlertSeverity.HIGH] == 15 * 60
    assert seconds[AlertSeverity.MEDIUM] == 60 * 60
    expected = {
        AlertRule.PAYMENT_SUCCESS_RATE: (0.95, AlertSeverity.CRITICAL),
        AlertRule.WEBHOOK_SUCCESS_RATE: (0.95, AlertSeverity.CRITICAL),
        AlertRule.REFUND_RATE: (0.05, AlertSeverity.MEDIUM),
        AlertRule.DISPUTE_OPENED: (0.0, AlertSeverity.CRITICAL),
    }
    for rule, terms in expected.items():
        assert (RULES[rule].threshold, RULES[rule].severity) == terms
    assert RULES[AlertRule.API_RESPONSE_TIME].severity is AlertSeverity.HIGH


def test_dashboards_are_whole() -> None:
    """Four, each panel with a place of its own, a unit and a legend."""
    assert [path.stem for path in DASHBOARDS] == ["database", "gateway", "payments", "webhooks"]
    for path in DASHBOARDS:
        board = json.loads(path.read_text())
        assert board["uid"] == f"tollgate-{path.stem}"
        places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
        assert len(places) == len(set(places)) > 5
        for panel in board["panels"]:
            assert panel["fieldConfig"]["defaults"]["unit"]
            assert all(target["legendFormat"] for target in panel["targets"])


def test_compose_names_what_is_there() -> None:
    """Files that are mounted exist, variables are settings, and nothing but the proxy and what
    operators look at is published, to this machine alone."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = compose["services"]
    assert {"api-1", "api-2", "worker", "proxy", "postgres", "valkey", "migrate"} <= set(services)
    watching = {name for name, each in services.items() if each.get("profiles")}
    assert watching == {"prometheus", "grafana", "loki", "collector", "blackbox"}
    for name, service in services.items():
        for volume in service.get("volumes", ()):
            source = str(volume).partition(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).exists(), (name, source)
            elif not source.startswith("/"):
                assert source in compose["volumes"], (name, source)
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), (name, port)
    published = {name for name, service in services.items() if service.get("ports")}
    assert published == {"proxy", "prometheus", "grafana"}
    targets = re.findall(r'"([\w-]+):9100"', (DEPLOY / "prometheus" / "prometheus.yml").read_text())
    assert set(targets) <= set(services)


def test_the_environment_of_compose_is_known() -> None:
    """Each variable is a setting, or one of PostgreSQL's, Grafana's or the roles' script."""
    text = (DEPLOY / "compose.env.example").read_text()
    names = set(re.findall(r"^([A-Z_]+)=", text, re.MULTILINE))
    settings = {str(field.validation_alias) for field in Settings.model_fields.values()}
    others = {"POSTGRES_USER", "POSTGRES_PASSWORD", "OWNER_PASSWORD", "SERVICE_PASSWORD"}
    others |= {"OWNER_DATABASE_URL", "GF_SECURITY_ADMIN_PASSWORD"}
    assert names - settings == others
    roles = (DEPLOY / "roles.sh").read_text()
    assert set(re.findall(r"\\getenv \w+ (\w+)", roles)) <= names
    assert Path(DEPLOY / "Dockerfile").read_text().count("USER tollgate") == 1
