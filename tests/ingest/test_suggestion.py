"""What a file seems to hold is shown before anything is loaded, and the command loads it."""

import shlex
from pathlib import Path

import pytest

from neonblue.cli import main
from neonblue.ingest.files.suggestion import suggest

ROWS = "user_id,test_group,converted,revenue,country,signup_date\n" + "".join(
    f"{i},{('control', 'treatment')[i % 2]},{i % 3 == 0:d},{i % 7}.5,DE,2026-01-0{1 + i % 9}\n"
    for i in range(60)
)
TOTALS = "Variation Name,Visitors,Conversions\nOriginal,1000,100\nVariation 1,1010,130\n"
EXPORTS = {
    "GA4 (BigQuery)": (
        "ga4.jsonl",
        '{"event_name": "buy", "event_timestamp": 1767225600000000, "user_pseudo_id": "a", '
        '"event_params": []}\n',
        {"user_pseudo_id": "unit", "event_name": "event_type", "event_timestamp": "timestamp"},
    ),
    "Mixpanel": (
        "mixpanel.jsonl",
        '{"event": "$experiment_started", "properties": {"distinct_id": "u", "time": 1767225600, '
        '"Variant name": "control"}}\n',
        {"properties.distinct_id": "unit", "properties.Variant name": "variant"},
    ),
    "PostHog": (
        "posthog.csv",
        "event,distinct_id,timestamp,properties.$feature_flag_response\n"
        "$feature_flag_called,u1,2026-01-01T00:00:00Z,control\n"
        "buy,u1,2026-01-01T01:00:00Z,\n",
        {"distinct_id": "unit", "properties.$feature_flag_response": "variant"},
    ),
    "Amplitude": (
        "amplitude.csv",
        "event_type,event_time,amplitude_id,variant\nbuy,2026-01-01 01:00:00,1,control\n",
        {"amplitude_id": "unit", "event_time": "timestamp", "variant": "variant"},
    ),
    "Optimizely": (
        "optimizely.csv",
        "visitor_id,variation_id,timestamp,event_name\nv,original,2026-01-01T00:00:00Z,buy\n",
        {"visitor_id": "unit", "variation_id": "variant", "event_name": "event_type"},
    ),
}


@pytest.mark.usefixtures("data_dir")
@pytest.mark.parametrize(("name", "text"), [("rows.csv", ROWS), ("totals.csv", TOTALS)])
def test_a_dry_run_writes_nothing_and_its_command_loads(
    tmp_path: Path, name: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert main(["load", str(path), "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "nothing was loaded" in shown
    assert "not known" not in shown
    command = shlex.split(shown.strip().splitlines()[-1])
    assert command[:2] == ["neonblue", "load"]
    assert main(command[1:]) == 0
    assert "analyze_experiment_performance" in capsys.readouterr().out


@pytest.mark.parametrize("tool", list(EXPORTS))
def test_exports_are_known_by_their_columns(tmp_path: Path, tool: str) -> None:
    name, text, roles = EXPORTS[tool]
    path = tmp_path / name
    path.write_text(text)
    found = suggest(path)
    assert found.source == f"an export of {tool}"
    taken = {one.name: one.taken_for for one in found.columns}
    assert {column: taken[column] for column in roles} == roles
    assert any("--metric" in what for what in found.missing)


def test_what_cannot_be_told_is_said(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text("who,colour\nx,red\ny,blue\n")
    found = suggest(path)
    assert len(found.missing) == 3
    assert "--variant" not in found.words
