"""The catalogue of metrics: read, written, imported from other tools as far as they map."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.query.conftest import fill

from neonblue.cli import main
from neonblue.errors import InvalidInputError, NotFoundError
from neonblue.query.catalog import check_steps, read_catalog
from neonblue.query.metric_import import import_metrics
from neonblue.query.metric_layer import read_catalogue, written
from neonblue.stores import Store
from neonblue.workspace import Workspace

CATALOGUE = """
[metrics.conversion]
event_type = "purchase"
description = "Visitors who buy."
synonyms = ["buyers"]

[metrics.basket]
kind = "ratio"
event_type = "purchase"
aggregation = "sum"
denominator_event_type = "purchase"
"""


@pytest.fixture
def filled(workspace: Workspace) -> Store:
    fill(workspace.store)
    return workspace.store


def test_a_catalogue_is_read_and_written_the_same() -> None:
    metrics = read_catalogue(CATALOGUE)
    assert [m.definition.kind for m in metrics] == ["proportion", "ratio"]
    assert metrics[0].synonyms == ("buyers",)
    assert read_catalogue(written(metrics)) == metrics


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[metrics.x]\nkind = 'sum'\nevent_type = 'a'", "metric 'x' cannot be used"),
        ("[metrics.x]\nevent = 'a'", "has 'event'"),
        ("[metrics.x]\nkind = 'ratio'\nevent_type = 'a'", "denominator"),
        ("[metric.x]", "has 'metric'"),
        ("[metrics.x", "no TOML"),
    ],
)
def test_what_is_wrong_is_named(text: str, what: str) -> None:
    with pytest.raises(InvalidInputError, match=what):
        read_catalogue(text)


def test_the_catalogue_wins_over_experiments_and_says_who_uses_a_metric(filled: Store) -> None:
    text = "[metrics.bought]\nkind = 'mean'\naggregation = 'count'\nevent_type = 'order'"
    facts = read_catalog(filled, read_catalogue(text))
    (metric,) = facts.metrics
    assert (metric.definition.kind, metric.experiments) == ("mean", ("prices", "shop"))


def test_events_and_properties_come_with_counts_times_and_values(filled: Store) -> None:
    facts = read_catalog(filled, ())
    types = {one.name: one for one in facts.event_types}
    assert types["exposure"].events == 800
    assert types["purchase"].mean_value == pytest.approx(9.99)
    assert types["exposure"].first_at is not None
    country = next(one for one in facts.properties if one.name == "country")
    assert set(country.values) == {"DE", "US", "IN"}
    assert country.event_types == ("exposure",)


def test_a_misspelt_step_is_an_error_that_names_what_there_is(filled: Store) -> None:
    check_steps(filled, ["exposure", "purchase"])
    with pytest.raises(NotFoundError, match=r"did you mean 'purchase'.*'exposure'"):
        check_steps(filled, ["exposure", "purchse"])


EPPO = """
fact_sources:
  - name: Orders
    facts: [{name: order_total}, {name: order_count}]
metrics:
  - name: Revenue per user
    numerator: {fact_name: order_total, operation: sum}
  - name: Buyers
    numerator: {fact_name: order_count, operation: conversion}
  - name: Order value
    numerator: {fact_name: order_total, operation: sum}
    denominator: {fact_name: order_count, operation: count}
  - name: P90 latency
    percentile: {fact_name: order_total, percentile_value: 90}
  - name: Weekend revenue
    numerator: {fact_name: order_total, operation: sum, filters: [{fact_property: day}]}
  - name: Retention
    numerator: {fact_name: order_count, operation: retention}
"""
GROWTHBOOK = {
    "factMetrics": [
        {"name": "Buyers", "metricType": "proportion", "numerator": {"factTableId": "orders"}},
        {
            "name": "Refunds",
            "metricType": "mean",
            "inverse": True,
            "numerator": {"factTableId": "refunds", "column": "amount"},
        },
        {"name": "P90", "metricType": "quantile", "numerator": {"factTableId": "orders"}},
    ]
}
DBT = """
semantic_models:
  - name: orders
    measures: [{name: total, agg: sum}, {name: orders, agg: count}, {name: top, agg: max}]
metrics:
  - {name: revenue, type: simple, type_params: {measure: total}}
  - {name: aov, type: ratio, type_params: {numerator: total, denominator: {name: orders}}}
  - {name: largest, type: simple, type_params: {measure: top}}
  - {name: growth, type: derived, type_params: {expr: revenue - 1}}
"""


@pytest.mark.parametrize(
    ("form", "text", "mapped", "refused"),
    [
        (
            "eppo",
            EPPO,
            {
                "Revenue per user": ("mean", "order_total", "sum"),
                "Buyers": ("proportion", "order_count", "any"),
                "Order value": ("ratio", "order_total", "sum"),
            },
            {"P90 latency": "percentile", "Weekend revenue": "filters", "Retention": "operation"},
        ),
        (
            "growthbook",
            json.dumps(GROWTHBOOK),
            {"Buyers": ("proportion", "orders", "any"), "Refunds": ("mean", "refunds", "sum")},
            {"P90": "quantile"},
        ),
        (
            "dbt",
            DBT,
            {"revenue": ("mean", "orders", "sum"), "aov": ("ratio", "orders", "sum")},
            {"largest": "max", "growth": "derived"},
        ),
    ],
)
def test_other_tools_metrics_map_or_are_refused_by_name(
    form: str, text: str, mapped: dict[str, Any], refused: dict[str, str]
) -> None:
    imported = import_metrics(text, form)
    assert {
        m.name: (m.definition.kind, m.definition.event_type, m.definition.aggregation)
        for m in imported.metrics
    } == mapped
    found = dict(imported.refused)
    assert found.keys() == refused.keys()
    assert all(word in found[name] for name, word in refused.items())


def test_the_command_imports_and_checks(
    tmp_path: Path, filled: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "eppo.yaml").write_text(EPPO)
    out = tmp_path / "metrics.toml"
    words = ["metrics", "import", str(tmp_path / "eppo.yaml"), "--from", "eppo"]
    assert main([*words, "--out", str(out)]) == 1
    assert "not imported: 'P90 latency'" in capsys.readouterr().err
    assert len(read_catalogue(out.read_text())) == 3
    out.write_text(CATALOGUE)
    assert main(["metrics", "check", str(out)]) == 0
    assert "conversion: proportion of purchase" in capsys.readouterr().out
