"""The demo world as files that ``neonblue load`` reads."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from neonblue.demo.scenarios import PastTest, Scenario
from neonblue.demo.world import events_of


def write_events(folder: Path, scenario: Scenario, *, now: datetime, seed: int) -> Path:
    """One JSON object an event, in the event contract."""
    import msgspec

    path = folder / f"{scenario.experiment_id}.jsonl"
    encoder = msgspec.json.Encoder()
    with path.open("wb") as file:
        for event in events_of(scenario, now=now, seed=seed):
            file.write(encoder.encode(event) + b"\n")
    return path


def write_totals(folder: Path, test: PastTest) -> Path:
    """One row a variant: units and purchases."""
    path = folder / f"{test.experiment_id}.csv"
    rows: Iterable[tuple[str, int, int]] = (
        ("control", test.control_units, test.control_purchases),
        ("treatment", test.treatment_units, test.treatment_purchases),
    )
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("variant", "users", "purchases"))
        writer.writerows(rows)
    return path
