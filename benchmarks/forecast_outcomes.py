"""Forecasts of experiments, judged by their own log in simulated organisations.

    python -m benchmarks.forecast_outcomes [EXPERIMENTS] [ORGANISATIONS]

Experiments come one after another: a change (24 of them) for a product. A change has its own true
effect, N(0, 4 %), and a product shifts it by N(0, 1.5 %); each experiment is noisy and ends as
success, failure or neutral by its interval. Whoever plans one words the change in one of three
ways. Each is forecast first, then remembered as it was planned.

Two oracles bound what is possible: one knows which experiments share a change and all variances,
and learns effects from the same past; the other knows each change's effect itself. The same is
done with changes shuffled among experiments, where nothing can be known beyond the base rate: a
forecaster that claims skill there fools itself. Intervals resample changes of organisations.
"""

from __future__ import annotations

import math
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from benchmarks.retrieval import CHANGES, PRODUCTS
from neonblue.intelligence.forecast.calibration import calibrate
from neonblue.intelligence.forecast.forecasting import forecast
from neonblue.intelligence.forecast.implied import implied_outcomes
from neonblue.intelligence.forecast.plan import ForecastPlan, described_experiment
from neonblue.memory.collections import EXPERIMENTS
from neonblue.memory.embedding import Embedder, open_embedder
from neonblue.memory.library import Memory
from neonblue.stores import open_store
from neonblue.stores.documents import Document
from neonblue.stores.forecasts import ForecastOutcome, LoggedForecast, Outcome

BASELINE, UNITS = 0.1, 60_000
ERROR = math.sqrt(4 * (1 - BASELINE) / (BASELINE * UNITS))
CHANGE_SD, PRODUCT_SD = 0.04, 0.015
START = datetime(2025, 1, 1, tzinfo=UTC)
FIRST_SEED = 11
RESAMPLES = 2000
OUTCOMES: tuple[Outcome, ...] = ("success", "failure", "neutral")
Odds = dict[Outcome, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One simulated experiment; ``told`` is the change, wording and product of its plan."""

    name: str
    change: int
    told: tuple[int, int, int]
    effect: float
    true: float
    seen: float

    @property
    def outcome(self) -> Outcome:
        """By the textbook 95 % interval."""
        if abs(self.seen) < 1.96 * ERROR:
            return "neutral"
        return "success" if self.seen > 0 else "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A forecast, the base rates of the day and both oracles, for a trial."""

    trial: Trial
    odds: dict[str, Odds]


def main(count: int, organisations: int) -> None:
    embedder = open_embedder()
    print(f"{'':16}{'resolved':>9}  {'Brier skill':24}{'log skill':24}{'ECE':>6}{'90 %':>6}")
    for name, shuffled in (("as it is", False), ("shuffled", True)):
        judged: list[Judged] = []
        logged: list[LoggedForecast] = []
        for seed in range(FIRST_SEED, FIRST_SEED + organisations):
            found = run(trials(count, seed, shuffled=shuffled), embedder)
            logged += found
            judged += with_oracles(trials(count, seed, shuffled=shuffled), found)
        record = calibrate(logged)[0]
        for who in ("forecast", "knows changes", "knows effects"):
            if not (shuffled and who != "forecast"):
                brier, log = skill(judged, who, 0), skill(judged, who, 1)
                own = who == "forecast"
                rest = f"{record.calibration_error:6.3f}{record.lift_interval_coverage:6.2f}"
                label = name if own else who
                print(f"{label:16}{len(judged):9}  {brier:24}{log:24}{rest if own else ''}")


def trials(count: int, seed: int, *, shuffled: bool) -> list[Trial]:
    """The experiments of one organisation in their order."""
    numbers = random.Random(seed)
    effects = [numbers.gauss(0, CHANGE_SD) for _ in CHANGES]
    pairs = [(c, p) for c in range(len(CHANGES)) for p in range(len(PRODUCTS))]
    numbers.shuffle(pairs)
    pairs = pairs[:count]
    told = [(change, numbers.choice((0, 2, 3)), product) for change, product in pairs]
    if shuffled:
        numbers.shuffle(told)
    found = []
    for row, ((change, _), words) in enumerate(zip(pairs, told, strict=True)):
        true = effects[change] + numbers.gauss(0, PRODUCT_SD)
        found.append(
            Trial(
                name=f"o{seed}e{row:04}",
                change=change,
                told=words,
                effect=effects[change],
                true=true,
                seen=numbers.gauss(true, ERROR),
            )
        )
    return found


def run(organisation: Sequence[Trial], embedder: Embedder) -> list[LoggedForecast]:
    """Forecast, resolve and remember each experiment in turn; the log at the end."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"chdb://{folder}/clickhouse")
        memory = Memory(store.documents, embedder, Path(folder) / "chroma")
        for row, trial in enumerate(organisation):
            made = forecast(store, memory, plan(trial), now=START + timedelta(days=row))
            if made.logged_as is not None:
                store.forecasts.resolve(
                    ForecastOutcome(
                        forecast_id=made.logged_as,
                        outcome=trial.outcome,
                        relative_lift=trial.true,
                        decision="simulated",
                    )
                )
            memory.remember(EXPERIMENTS, [remembered(trial)])
        logged = store.forecasts.all()
        memory.close()
        store.close()
    return logged


def plan(trial: Trial) -> ForecastPlan:
    """The plan as somebody would write it."""
    change, wording, product = trial.told
    return ForecastPlan(
        experiment=described_experiment(
            trial.name,
            name=f"{PRODUCTS[product][0]} test",
            experiment_type=CHANGES[change][1],
            industry=PRODUCTS[product][1],
            variants=("as it is today", CHANGES[change][wording]),
        ),
        baseline=BASELINE,
        planned_sample_size=UNITS,
        units_per_day=5000,
    )


def remembered(trial: Trial) -> Document:
    """The finished experiment, described as the product does it."""
    change, wording, product = trial.told
    return Document(
        document_id=trial.name,
        text=f"{plan(trial).text}\nconversion: improvement {100 * trial.seen:+.2f} %.\n"
        f"Verdict: {trial.outcome}.",
        metadata={
            "type": CHANGES[change][1],
            "industry": PRODUCTS[product][1],
            "optimization_applied": CHANGES[change][wording],
            "outcome": trial.outcome,
            "improvement": trial.seen,
            "improvement_standard_error": ERROR,
        },
    )


def with_oracles(organisation: Sequence[Trial], logged: Sequence[LoggedForecast]) -> list[Judged]:
    """Each logged forecast beside the oracles' odds on the same day."""
    records = {item.record.experiment_id: item.record for item in logged}
    past: dict[int, list[float]] = defaultdict(list)
    judged = []
    for trial in organisation:
        if (record := records.get(trial.name)) is not None:
            said = (record.success, record.failure, record.neutral)
            base = (record.base_success, record.base_failure, record.base_neutral)
            odds = {
                "forecast": dict(zip(OUTCOMES, said, strict=True)),
                "base": dict(zip(OUTCOMES, base, strict=True)),
                "knows changes": implied_outcomes(*posterior(past[trial.change]), ERROR, 0.05),
                "knows effects": implied_outcomes(trial.effect, PRODUCT_SD, ERROR, 0.05),
            }
            judged.append(Judged(trial=trial, odds=odds))
        past[trial.change].append(trial.seen)
    return judged


def posterior(seen: Sequence[float]) -> tuple[float, float]:
    """Mean and spread of the next experiment's true effect, given its change's results."""
    noise = PRODUCT_SD**2 + ERROR**2
    precision = 1 / CHANGE_SD**2 + len(seen) / noise
    return sum(seen) / noise / precision, math.sqrt(1 / precision + PRODUCT_SD**2)


def skill(judged: Sequence[Judged], who: str, score: int) -> str:
    """Skill against the base rates, with the interval that resampling changes gives."""
    clusters: dict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)
    for item in judged:
        happened = item.trial.outcome
        both = (scores(item.odds[who], happened)[score], scores(item.odds["base"], happened)[score])
        clusters[item.trial.name.split("e")[0], item.trial.change].append(both)
    sums = np.array([np.sum(values, axis=0) for values in clusters.values()])
    weights = np.random.default_rng(0).multinomial(
        len(sums), np.full(len(sums), 1 / len(sums)), size=RESAMPLES
    )
    ours, base = (weights @ sums).T
    lower, upper = np.quantile(1 - ours / base, [0.025, 0.975])
    value = 1 - sums[:, 0].sum() / sums[:, 1].sum()
    return f"{value:+.3f} ({lower:+.3f}, {upper:+.3f})"


def scores(odds: Odds, happened: Outcome) -> tuple[float, float]:
    """Brier and log score."""
    brier = sum((odds[outcome] - (outcome == happened)) ** 2 for outcome in OUTCOMES)
    return brier, -math.log(odds[happened])


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 150,
        int(sys.argv[2]) if len(sys.argv) > 2 else 4,
    )
