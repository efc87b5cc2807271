"""The demo builds its world, asks the hub like any client, and leaves other folders alone."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from neonblue.cli.demo import MARK
from neonblue.demo.scenarios import SCENARIOS
from neonblue.demo.world import draw_units, events_of, past_tests
from neonblue.owner.lock import claim

NEONBLUE = Path(sys.executable).with_name("neonblue")
NOW = datetime(2026, 3, 20, tzinfo=UTC)


def demo(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [str(NEONBLUE), "demo", *words]
    environment = {**os.environ, **variables}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=280, env=environment
    )


def test_the_demo_shows_the_truth_and_how_to_connect(tmp_path: Path) -> None:
    """Into the folder of NEONBLUE_DATA_DIR, and not into servers that happen to be configured."""
    done = demo(
        NEONBLUE_DATA_DIR=str(tmp_path / "world"),
        CLICKHOUSE_DSN="clickhouse://someone:secret@127.0.0.1:1/production",
        CHROMADB_HOST="127.0.0.1",
        CHROMADB_PORT="1",
    )
    assert done.returncode == 0, done.stderr
    assert "ClickHouse and Chroma left alone" in done.stdout
    for experiment_id, decision in (
        ("checkout_one_page", "ship"),
        ("forced_signup", "rollback"),
        ("footer_colour", "no_meaningful_effect"),
        ("search_suggestions", "invalid"),
        ("free_returns_banner", "keep_running"),
    ):
        assert re.search(rf"{experiment_id} .* {decision} ", done.stdout)
    assert "sdk_version" in done.stdout
    assert '"mcpServers"' in done.stdout
    assert (tmp_path / "world" / "checkout_one_page.png").read_bytes().startswith(b"\x89PNG")


def test_a_folder_that_no_demo_made_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    done = demo("--data-dir", str(tmp_path))
    assert done.returncode == 2
    assert "no demo made it" in done.stderr
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_world_that_a_live_process_owns_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / MARK).write_text("{}")
    (tmp_path / "kept").write_text("in use")
    ownership = claim(tmp_path)
    assert ownership is not None
    done = demo("--data-dir", str(tmp_path))
    ownership.release()
    assert done.returncode == 2
    assert "another process works with" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "kept").read_text() == "in use"


def test_a_configured_server_is_written_only_when_told_to(tmp_path: Path) -> None:
    done = demo(
        "--data-dir",
        str(tmp_path / "world"),
        "--into-configured-server",
        CLICKHOUSE_DSN="clickhouse://127.0.0.1:1/production",
    )
    assert done.returncode == 2
    assert "127.0.0.1" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_same_seed_makes_the_same_world() -> None:
    scenario = SCENARIOS[-1]
    first = list(events_of(scenario, now=NOW, seed=7))
    assert first == list(events_of(scenario, now=NOW, seed=7))
    assert first != list(events_of(scenario, now=NOW, seed=8))
    assert list(past_tests(seed=7)) == list(past_tests(seed=7))


def test_no_event_lies_in_the_future() -> None:
    for scenario in SCENARIOS:
        latest = max(event["timestamp"] for event in events_of(scenario, now=NOW, seed=7))
        assert datetime.fromisoformat(latest) <= NOW


def test_the_fault_takes_units_of_one_sdk_only() -> None:
    (broken,) = (scenario for scenario in SCENARIOS if scenario.truth == "broken")
    units = draw_units(broken, np.random.default_rng(1))
    lost = ~units.kept
    assert lost.any()
    assert set(units.sdk_version[lost]) == {2}
    assert units.treated[lost].all()
