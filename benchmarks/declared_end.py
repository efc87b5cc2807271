"""False ships of experiments that are read at their end, loaded again, shopped or started again.

``python -m benchmarks.declared_end [--small]`` writes the table to docs/statistics-sequential.md.
Where a look stands (one look or the sequence, N*, the level) is what ``intelligence.ledger`` and
``intelligence.registration`` say; the figures are null worlds in which every ship is false.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from statsmodels.stats.proportion import proportion_confint

from benchmarks.error_rates import Looks, product_misses, wald
from benchmarks.tables import markdown, write_section
from neonblue.intelligence.declared_end import DeclaredEnd
from neonblue.intelligence.horizon import maximum_units
from neonblue.intelligence.ledger import horizon_units, stand
from neonblue.intelligence.registration import error_left
from neonblue.models import Experiment, MetricDefinition, Variant
from neonblue.stats.sequential import burn_in_units
from neonblue.stats.sequential_boundary import plan_critical_value
from neonblue.stores.looks import LedgerState

ALPHA = 0.05
TEXTBOOK_Z = 1.959963984540054
RATE = 0.1
SEED = 20261010
END = DeclaredEnd(at=datetime(2026, 1, 1, tzinfo=UTC))
Hits = NDArray[np.bool_]


def experiment(*, planned: int | None, status: str) -> Experiment:
    """A plan with one proportion."""
    return Experiment(
        experiment_id="null",
        variants=(Variant(variant_id="a", is_control=True), Variant(variant_id="b")),
        metrics=(MetricDefinition(name="bought", kind="proportion", event_type="purchase"),),
        planned_sample_size=planned,
        status=status,  # type: ignore[arg-type]
    )


def ships(looks: Looks, *, planned: int | None, finished: bool) -> Hits:
    """Where the decision path ships, (runs, looks); ``finished`` declares the end at every look."""
    plan = experiment(planned=planned, status="stopped" if finished else "running")
    estimate, error = wald(looks, relative=False)
    found = np.zeros(estimate.shape, dtype=bool)
    state, spent = LedgerState(looks=0, first_units=None, least_p={}), False
    for index, units in enumerate(looks.n.astype(int)):
        look = stand(plan, int(units), state, END if finished else DeclaredEnd())
        if look.fixed_horizon_decides:
            found[:, index] = estimate[:, index] > TEXTBOOK_Z * error[:, index]
            spent = True
        else:
            alpha = error_left(ALPHA, earlier=0, one_look_spent=spent)
            horizon = horizon_units(plan, int(units), state)
            found[:, index] = beyond(looks, index, horizon, maximum_units(plan), alpha)
        state = LedgerState(
            looks=index + 1, first_units=int(looks.n[0]), least_p={}, other_data=index + 1
        )
    return found


def beyond(looks: Looks, index: int, horizon: int, maximum: float | None, alpha: float) -> Hits:
    """Where the sequence lies above 0 at one look, (runs,)."""
    units = float(looks.n[index])
    if units < burn_in_units(horizon):
        return np.zeros(len(looks.sum_control), dtype=bool)
    limit = plan_critical_value(units, planned_n=horizon, maximum_n=maximum, alpha=alpha)
    one = at(looks, index)
    control, treatment = one.means
    missed = product_misses(one, 0.0, np.array([float(limit)]), relative=False)
    return np.asarray(missed & (treatment > control))[:, 0]


def at(looks: Looks, index: int) -> Looks:
    """One look of all runs."""
    return Looks(
        n_control=looks.n_control[index : index + 1],
        n_treatment=looks.n_treatment[index : index + 1],
        sum_control=looks.sum_control[:, index : index + 1],
        sum_treatment=looks.sum_treatment[:, index : index + 1],
        squares_control=looks.squares_control[:, index : index + 1],
        squares_treatment=looks.squares_treatment[:, index : index + 1],
    )


def textbook_everywhere(looks: Looks) -> Hits:
    """What was decided when "stopped" was taken at its word."""
    estimate, error = wald(looks, relative=False)
    return np.asarray(estimate > TEXTBOOK_Z * error)


def growing(rng: np.random.Generator, runs: int, units: Sequence[int]) -> Looks:
    """Snapshots of ``units`` in all, half of them a variant, each with all its conversions."""
    each = np.array(units, dtype=float) / 2
    steps = np.diff(each, prepend=0.0).astype(int)
    a, b = (np.cumsum(rng.binomial(steps, RATE, (runs, each.size)), axis=1) for _ in range(2))
    return _looks(each, a, b)


def converting(rng: np.random.Generator, runs: int, units: int, days: int) -> Looks:
    """All units exposed at the end, a quarter of the conversions then, the rest over ``days``."""
    shares = np.concatenate(([0.25], np.full(days, 0.75 / days))) * RATE
    chances = np.concatenate((shares, [1.0 - shares.sum()]))
    each = np.full(days + 1, units / 2)
    a, b = (np.cumsum(rng.multinomial(units // 2, chances, runs)[:, :-1], axis=1) for _ in range(2))
    return _looks(each, a, b)


def _looks(each: NDArray[np.float64], a: NDArray[np.int64], b: NDArray[np.int64]) -> Looks:
    hits, other = a.astype(float), b.astype(float)
    return Looks(
        n_control=each,
        n_treatment=each,
        sum_control=hits,
        sum_treatment=other,
        squares_control=hits,
        squares_treatment=other,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Shares of worlds with a false ship: before, watched, and with the end declared each time."""

    name: str
    before: float
    watched: float | None
    declared: float | None


def snapshots(name: str, planned: int | None, units: Sequence[int]) -> Callable[..., Row]:
    """A world of snapshots that are loaded one after the other."""

    def run(rng: np.random.Generator, runs: int) -> Row:
        looks = growing(rng, runs, units)
        return Row(
            name=name,
            before=share(textbook_everywhere(looks)),
            watched=share(ships(looks, planned=planned, finished=False)),
            declared=share(ships(looks, planned=planned, finished=True)),
        )

    return run


def late_conversions(rng: np.random.Generator, runs: int) -> Row:
    looks = converting(rng, runs, units=20_000, days=28)
    return Row(
        name="ended; conversions still arrive, read daily for 28 days",
        before=share(textbook_everywhere(looks)),
        watched=None,
        declared=share(ships(looks, planned=None, finished=True)),
    )


def shopping(rng: np.random.Generator, runs: int) -> Row:
    """Eight null metrics, read together; the luckiest is named primary afterwards."""
    each = [growing(rng, runs, [20_000]) for _ in range(8)]
    found = np.concatenate([textbook_everywhere(looks) for looks in each], axis=1)
    registered = ships(each[0], planned=None, finished=True)
    watched = ships(each[0], planned=None, finished=False)
    return Row(
        name="eight metrics read, loaded again with the luckiest first",
        before=share(found),
        watched=share(watched),
        declared=share(registered),
    )


def restarts(rng: np.random.Generator, runs: int) -> Row:
    """Ten starts on new units, each watched to twice its plan or read once at its declared end."""
    units = [500 * step for step in range(1, 21)]
    plan = experiment(planned=5_000, status="running")
    before, watched, declared = (np.zeros(runs, dtype=bool) for _ in range(3))
    for earlier in range(10):
        looks = growing(rng, runs, units)
        alpha = error_left(ALPHA, earlier=earlier)
        for index in range(len(units)):
            maximum = maximum_units(plan)
            before |= beyond(looks, index, 5_000, maximum, ALPHA)
            watched |= beyond(looks, index, 5_000, maximum, alpha)
        estimate, error = wald(looks, relative=False)
        declared |= estimate[:, -1] > critical_z(alpha) * error[:, -1]
    return Row(
        name="ten restarts on new units",
        before=float(before.mean()),
        watched=float(watched.mean()),
        declared=float(declared.mean()),
    )


def critical_z(alpha: float) -> float:
    """The two-sided normal quantile."""
    from scipy.special import ndtri

    return float(-ndtri(alpha / 2))


def share(hits: Hits) -> float:
    """In which share of the runs any look ships."""
    return float(hits.any(axis=1).mean())


WORLDS: tuple[Callable[[np.random.Generator, int], Row], ...] = (
    snapshots("40 growing snapshots, no plan", None, [500 * step for step in range(1, 41)]),
    snapshots("41 snapshots from the plan to five times the plan", 10_000,
              [10_000 + 1_000 * step for step in range(41)]),
    late_conversions,
    shopping,
    restarts,
)  # fmt: skip


def table(runs: int, seed: int = SEED) -> tuple[list[Row], str]:
    """One row a world."""
    rows = [world(np.random.default_rng(seed + index), runs) for index, world in enumerate(WORLDS)]
    header = ["null world", "before", "watched (`load`)", "end declared each time (`--finished`)"]
    shown = [
        [row.name, *(_shown(value, runs) for value in (row.before, row.watched, row.declared))]
        for row in rows
    ]
    return rows, markdown(header, shown)


def _shown(value: float | None, runs: int) -> str:
    if value is None:
        return "–"
    lower, upper = proportion_confint(round(value * runs), runs, method="wilson")
    return f"{100 * value:.1f} % [{100 * lower:.1f}, {100 * upper:.1f}]"


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="few runs, nothing written")
    small = parser.parse_args().small
    runs = 1_000 if small else 10_000
    began = time.perf_counter()
    _, text = table(runs)
    print(text, f"\n{time.perf_counter() - began:.0f} s")
    if not small:
        write_section(
            "declared-end",
            f"{runs:,} worlds a row, share with a false ship at any look, 95 % interval.\n\n{text}",
        )


if __name__ == "__main__":
    main()
