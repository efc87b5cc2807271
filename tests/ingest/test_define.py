"""An experiment is defined by a small TOML file, before or after its events came."""

from datetime import UTC, datetime

import pytest

from neonblue.errors import ConflictError, InvalidInputError
from neonblue.ingest.definitions.define import define
from neonblue.ingest.definitions.definition_file import read_definition
from neonblue.ingest.messages.decode import EventDecoder
from neonblue.stores import Store

FULL = """
id = "checkout"
name = "Shorter checkout"
hypothesis = "Fewer steps sell more"
unit = "user"
control = "long"
planned_sample_size = 20000
segments = ["os"]

[[variants]]
id = "long"
weight = 50

[[variants]]
id = "short"
weight = 50
description = "two steps"

[[metrics]]
name = "bought"
event = "purchase"
mde = 0.05

[[metrics]]
name = "revenue"
kind = "mean"
event = "purchase"
winsorize_quantile = 0.99
role = "secondary"

[[metrics]]
name = "errors_a_page"
kind = "ratio"
event = "error"
aggregation = "count"
denominator = "page"
role = "guardrail"
direction = "decrease"
margin = 0.02
"""
SHORT = """
id = "checkout"
control = "long"
[variants]
long = 50
short = 50
[metrics]
bought = "purchase"
"""


def test_a_full_definition_is_read() -> None:
    experiment = read_definition(FULL)
    assert experiment.control.variant_id == "long"
    bought, revenue, errors = experiment.metrics
    assert (bought.kind, bought.aggregation, bought.role) == ("proportion", "any", "primary")
    assert (revenue.aggregation, revenue.winsorize_quantile) == ("sum", 0.99)
    assert (errors.denominator_event_type, errors.denominator_aggregation) == ("page", "count")


def test_the_short_form_is_read() -> None:
    experiment = read_definition(SHORT)
    assert [variant.weight for variant in experiment.variants] == [50, 50]
    assert experiment.metrics[0].event_type == "purchase"


BAD = {
    "no toml": ("id = ", "is no TOML"),
    "slip": (SHORT.replace("control", "controll"), "has 'controll', which is not known"),
    "no control": (SHORT.replace('control = "long"', ""), "0 control variants: mark exactly one"),
    "one variant": (SHORT.replace("short = 50", ""), "1 variants: give 2 to"),
    "no metric": (SHORT.replace('bought = "purchase"', ""), "0 metrics"),
    "no id": (SHORT.replace('id = "checkout"', ""), "experiment_id"),
    "no traffic": (SHORT.replace("50", "0"), "no variant of 'checkout' gets traffic"),
    "negative weight": (SHORT.replace("long = 50", "long = -1"), "weight -1.0: give 0 or more"),
    "odd alpha": ("alpha = 1.5\n" + SHORT, "alpha 1.5 of experiment 'checkout' is out of range"),
    "odd kind": (FULL.replace('"mean"', '"median"'), "the definition cannot be used"),
    "half a ratio": (FULL.replace('denominator = "page"', ""), "a ratio without a denominator"),
    "variant twice": (FULL.replace('id = "short"', 'id = "long"'), "the variant 'long' twice"),
    "odd size": ("planned_sample_size = 0\n" + SHORT, "is no number of units"),
    "variants as number": ("variants = 5\n" + SHORT.split("[variants]")[0], "not tables"),
    "variants as text": (SHORT.replace("[variants]", "[x]"), "has 'x', which is not known"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_with_a_definition_is_said_in_one_line(name: str) -> None:
    text, message = BAD[name]
    with pytest.raises(InvalidInputError, match=message) as raised:
        read_definition(text)
    assert "\n" not in str(raised.value)


def test_events_that_came_first_count_once_it_is_defined(store: Store) -> None:
    line = (
        '{{"event_id":"{0}","user_id":"u{0}","experiment_id":"checkout","variant_id":"{1}",'
        '"event_type":"exposure","timestamp":"2026-01-01T00:00:00Z"}}'
    )
    variants = ["long", "short", "short", "odd"]
    lines = [line.format(number, name).encode() for number, name in enumerate(variants)]
    store.events.insert(EventDecoder("test").decode(lines).events)
    defined = define(store, read_definition(SHORT))
    assert (defined.version, defined.units_seen, defined.changed) == (1, 4, True)
    assert "not planned: 'odd'" in defined.warnings[0]
    assert "'purchase'" in defined.warnings[1]
    assert store.moments.summarise(store.experiments.get("checkout")).n("short") == 2


def test_a_running_plan_is_frozen_unless_a_new_version_is_asked_for(store: Store) -> None:
    define(store, read_definition(SHORT))
    assert not define(store, read_definition(SHORT)).changed
    renamed = define(store, read_definition('name = "Checkout"\n' + SHORT))
    assert renamed.version == 2
    other = read_definition("alpha = 0.01\n" + SHORT)
    with pytest.raises(ConflictError, match="its alpha may not change"):
        define(store, other)
    assert define(store, other, new_version=True).version == 3


def test_a_time_without_an_offset_is_utc() -> None:
    experiment = read_definition("started_at = 2026-01-01T10:00:00\n" + SHORT)
    assert experiment.started_at == datetime(2026, 1, 1, 10, tzinfo=UTC)
