"""``neonblue doctor``: what is there, what is not, and the remedy."""

import json
from pathlib import Path
from typing import Any

import pytest

from neonblue.cli import main
from neonblue.workspace import open_workspace


def _findings(capfd: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return {finding["part"]: finding for finding in json.loads(capfd.readouterr().out)}


def test_a_fresh_installation_is_in_order(
    data_dir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--json"]) == 0
    findings = _findings(capfd)
    assert findings["clickhouse"]["status"] == "ok"
    assert findings["kafka"]["status"] == "off"


def test_every_fault_comes_with_a_remedy(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NEONBLUE_CLICKHOUSE_DSN", "clickhouse://user:secret@127.0.0.1:1/db")
    monkeypatch.setenv("CHROMADB_HOST", "127.0.0.1")
    monkeypatch.setenv("CHROMADB_PORT", "1")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("NEONBLUE_EMBEDDING_PROVIDER", "openai")
    assert main(["doctor", "--json"]) == 1
    findings = _findings(capfd)
    for part in ("clickhouse", "chroma", "kafka", "embeddings"):
        assert findings[part]["status"] == "fault"
        assert findings[part]["remedy"]
    assert "secret" not in str(findings)


def test_a_data_directory_that_cannot_be_written_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("NEONBLUE_DATA_DIR", str(tmp_path / "file" / "data"))
    assert main(["doctor", "--json"]) == 1
    assert "NEONBLUE_DATA_DIR" in _findings(capfd)["data directory"]["remedy"]


def test_people_get_one_line_a_part(data_dir: Path, capfd: pytest.CaptureFixture[str]) -> None:
    main(["doctor"])
    assert "clickhouse" in capfd.readouterr().out


def test_a_forecast_log_that_does_not_verify_is_a_fault(
    data_dir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with open_workspace() as workspace:
        workspace.store.database.command(
            "INSERT INTO forecast_outcomes (forecast_id, outcome, decision) VALUES "
            "('fc_1', 'success', 'ship')"
        )
        assert workspace.store.forecasts.check().unbroken  # as it was found: nobody saw it before
        workspace.store.database.command("TRUNCATE TABLE forecast_outcomes")
    assert main(["doctor", "--json"]) == 1
    finding = _findings(capfd)["forecast log"]
    assert finding["status"] == "fault"
    assert "entry 1 is missing at the end" in finding["detail"]
    assert str(data_dir / "forecast-log") in finding["detail"]
    assert "remove the files named above" in finding["remedy"]
