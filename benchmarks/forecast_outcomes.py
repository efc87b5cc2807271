"""Forecasts of experiments, judged by their own log in a simulated organisation.

    python benchmarks/forecast_outcomes.py [EXPERIMENTS]

Experiments come one after another: a change (24 kinds of wording) for a product. A change has its
own true effect, N(0, 4 %), and a product shifts it by N(0, 1.5 %); each experiment is noisy and
ends as success, failure or neutral by its interval. Each is forecast first, then remembered.
The same is done with texts shuffled among experiments, where nothing can be known beyond the base
rate: a forecaster that claims skill there fools itself.
"""

from __future__ import annotations

import math
import random
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from neonblue.intelligence.forecast.calibration import Calibration, calibrate
from neonblue.intelligence.forecast.forecasting import forecast
from neonblue.intelligence.forecast.plan import ForecastPlan, described_experiment
from neonblue.memory.collections import EXPERIMENTS
from neonblue.memory.embedding import open_embedder
from neonblue.memory.library import Memory
from neonblue.stores import open_store
from neonblue.stores.documents import Document
from neonblue.stores.forecasts import ForecastOutcome, Outcome
from retrieval import CHANGES, PRODUCTS

BASELINE, UNITS = 0.1, 60_000
START = datetime(2025, 1, 1, tzinfo=UTC)


def main(count: int) -> None:
    print(
        f"{'':12}{'resolved':>9}{'Brier':>8}{'skill':>8}{'log':>8}{'skill':>8}{'ECE':>7}{'90 %':>7}"
    )
    for name, shuffled in (("as it is", False), ("shuffled", True)):
        show(name, run(count, shuffled=shuffled))


def run(count: int, *, shuffled: bool) -> Calibration:
    """Forecast, resolve and remember each experiment in turn; the record at the end."""
    numbers = random.Random(11)
    effects = [numbers.gauss(0, 0.04) for _ in CHANGES]
    pairs = [(c, p) for c in range(len(CHANGES)) for p in range(len(PRODUCTS))]
    numbers.shuffle(pairs)
    told = list(pairs[:count])
    if shuffled:
        numbers.shuffle(told)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"chdb://{folder}/clickhouse")
        memory = Memory(store.documents, open_embedder(), Path(folder) / "chroma")
        for row, ((change, _), text) in enumerate(zip(pairs[:count], told, strict=True)):
            true = effects[change] + numbers.gauss(0, 0.015)
            now = START + timedelta(days=row)
            made = forecast(store, memory, plan(row, text), now=now)
            error = math.sqrt(4 * (1 - BASELINE) / (BASELINE * UNITS))
            seen = numbers.gauss(true, error)
            outcome = ended(seen, error)
            if made.logged_as is not None:
                store.forecasts.resolve(
                    ForecastOutcome(
                        forecast_id=made.logged_as,
                        outcome=outcome,
                        relative_lift=true,
                        decision="simulated",
                    )
                )
            memory.remember(EXPERIMENTS, [remembered(row, text, seen, error, outcome)])
        record = calibrate(store.forecasts.all())[0]
        memory.close()
        store.close()
    return record


def plan(row: int, told: tuple[int, int]) -> ForecastPlan:
    """The plan as somebody would write it: the first paraphrase of the change, and the product."""
    change, product = CHANGES[told[0]], PRODUCTS[told[1]]
    return ForecastPlan(
        experiment=described_experiment(
            f"e{row:04}",
            name=f"{change[2]} for the {product[0]}",
            experiment_type=change[1],
            industry=product[1],
        ),
        baseline=BASELINE,
        planned_sample_size=UNITS,
        units_a_day=5000,
    )


def remembered(
    row: int, told: tuple[int, int], seen: float, error: float, outcome: Outcome
) -> Document:
    """The finished experiment, described in other words than it was planned in."""
    change, product = CHANGES[told[0]], PRODUCTS[told[1]]
    return Document(
        document_id=f"e{row:04}",
        text=f"{product[0]} test\nKind: {change[1]} in {product[1]}\nChanged: {change[0]}.\n"
        f"improvement {100 * seen:+.2f} %. Verdict: {outcome}.",
        metadata={
            "type": change[1],
            "industry": product[1],
            "outcome": outcome,
            "improvement": seen,
            "improvement_standard_error": error,
        },
    )


def ended(seen: float, error: float) -> Outcome:
    """By the textbook 95 % interval."""
    if abs(seen) < 1.96 * error:
        return "neutral"
    return "success" if seen > 0 else "failure"


def show(name: str, found: Calibration) -> None:
    """One line of the table; the last column is how often the 90 % interval held the true lift."""
    values: Sequence[float | None] = (
        *(found.brier, found.brier_skill, found.log_score, found.log_skill),
        *(found.calibration_error, found.lift_interval_coverage),
    )
    formats = ("8.3f", "+8.3f", "8.3f", "+8.3f", "7.3f", "7.2f")
    cells = "".join(
        format(value, pattern) if value is not None else "-".rjust(8)
        for value, pattern in zip(values, formats, strict=True)
    )
    print(f"{name:12}{found.resolved:9}{cells}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 250)
