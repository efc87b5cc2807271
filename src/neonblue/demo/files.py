"""The demo world as files that ``neonblue load`` reads."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from pathlib import Path

from neonblue.demo.scenarios import PastTest, Scenario
from neonblue.demo.world import events_of

HALF_OF_A_TEST_DAYS = 14


def write_events(folder: Path, scenario: Scenario, *, now: datetime, seed: int) -> Path:
    """One JSON object an event, in the event contract."""
    import msgspec

    path = folder / f"{scenario.experiment_id}.jsonl"
    encoder = msgspec.json.Encoder()
    with path.open("wb") as file:
        for event in events_of(scenario, now=now, seed=seed):
            file.write(encoder.encode(event) + b"\n")
    return path


def write_totals(folder: Path, test: PastTest, *, now: datetime) -> Path:
    """One row a variant and moment: units and purchases half way, and at the end."""
    path = folder / f"{test.experiment_id}.csv"
    end = now - timedelta(days=test.ended_days_ago)
    totals = (
        ("control", test.control_units, test.control_purchases),
        ("treatment", test.treatment_units, test.treatment_purchases),
    )
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("variant", "day", "users", "purchases"))
        for moment, part in ((end - timedelta(days=HALF_OF_A_TEST_DAYS), 2), (end, 1)):
            for variant, users, purchases in totals:
                day = moment.date().isoformat()
                writer.writerow((variant, day, users // part, purchases // part))
    return path
