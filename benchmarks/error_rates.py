"""False-positive rates of peeking: A/A experiments judged at 20, 100 and 1000 looks.

``python -m benchmarks.error_rates [--small]`` writes the table to docs/statistics-sequential.md.
Every rule sees the same simulated experiments; "product" is exactly what an analysis does:
plan boundary, pooled variance where the split is unequal, log-ratio for lifts, burn-in.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.tables import markdown, write_section
from neonblue.stats.sequential import (
    MOST_LOG_RATIO_ERROR,
    burn_in_units,
    pooled_log_ratio_standard_error,
    pooled_standard_error,
)
from neonblue.stats.sequential_boundary import plan_critical_value
from neonblue.stats.sequential_limits import (
    LEAST_EFFECTIVE_UNITS,
    effective_units,
    log_margins,
)
from neonblue.stats.sequential_mixture import (
    critical_value,
    fixed_critical_value,
    tuned_variance,
)

Array = NDArray[np.float64]
LOOKS = (20, 100, 1000)
ALPHA = 0.05
GBSTATS_DEFAULT_N = 5000
UNPLANNED_N = 10_000.0
"""N* of an experiment without a planned size that was first looked at early."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """Cumulative sums at every look; (runs, looks) for both variants. ``n`` has (looks,)."""

    n_control: Array
    n_treatment: Array
    sum_control: Array
    sum_treatment: Array
    squares_control: Array
    squares_treatment: Array

    @property
    def n(self) -> Array:
        return self.n_control + self.n_treatment

    @property
    def means(self) -> tuple[Array, Array]:
        return self.sum_control / self.n_control, self.sum_treatment / self.n_treatment

    @property
    def variances(self) -> tuple[Array, Array]:
        (control, treatment) = self.means
        return (
            (self.squares_control / self.n_control - control**2)
            * self.n_control / (self.n_control - 1),
            (self.squares_treatment / self.n_treatment - treatment**2)
            * self.n_treatment / (self.n_treatment - 1),
        )  # fmt: skip


Draw = Callable[[np.random.Generator, int, Array], tuple[Array, Array]]
"""(rng, runs, units that come at each look) -> sums and sums of squares at each look."""


def proportion(rate: float) -> Draw:
    """Units that convert at ``rate``."""

    def draw(rng: np.random.Generator, runs: int, units: Array) -> tuple[Array, Array]:
        hits = rng.binomial(units.astype(int), rate, (runs, units.size)).astype(float)
        return hits, hits

    return draw


def revenue(
    *, buyers: float = 0.05, spread: float = 1.5, cap: float = math.inf, scale: float = 1.0
) -> Draw:
    """Most spend nothing, buyers a lognormal amount times ``scale``, at most ``cap``."""

    def draw(rng: np.random.Generator, runs: int, units: Array) -> tuple[Array, Array]:
        counts = rng.binomial(units.astype(int), buyers, (runs, units.size)).ravel()
        cell = np.repeat(np.arange(counts.size), counts)
        amount = np.minimum(scale * rng.lognormal(3.0, spread, cell.size), cap)
        sums = np.bincount(cell, amount, counts.size).reshape(runs, -1)
        squares = np.bincount(cell, amount**2, counts.size).reshape(runs, -1)
        return sums, squares

    return draw


def capped_at(quantile: float, *, buyers: float = 0.05, spread: float = 1.5) -> float:
    """The amount below which ``quantile`` of all units lie: fixed before the experiment."""
    from scipy.special import ndtri

    return math.exp(3.0 + spread * float(ndtri(1.0 - (1.0 - quantile) / buyers)))


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One row of the table; looks go on to ``plans`` times the planned total."""

    name: str
    draw: Draw
    relative: bool = False
    control: int = 100_000
    treatment: int = 100_000
    draw_treatment: Draw | None = None
    plans: float = 1.0

    @property
    def planned_n(self) -> float:
        return (self.control + self.treatment) / self.plans

    @property
    def smallest_share(self) -> float:
        return min(self.control, self.treatment) / (self.control + self.treatment)


def simulate(world: World, *, runs: int, looks: int, rng: np.random.Generator) -> Looks:
    """Cumulative sums of ``runs`` experiments."""
    control = np.full(looks, world.control / looks)
    treatment = np.full(looks, world.treatment / looks)
    sums, squares = world.draw(rng, runs, control)
    other, other_squares = (world.draw_treatment or world.draw)(rng, runs, treatment)
    return Looks(
        n_control=np.cumsum(control),
        n_treatment=np.cumsum(treatment),
        sum_control=np.cumsum(sums, axis=1),
        sum_treatment=np.cumsum(other, axis=1),
        squares_control=np.cumsum(squares, axis=1),
        squares_treatment=np.cumsum(other_squares, axis=1),
    )


def wald(looks: Looks, relative: bool) -> tuple[Array, Array]:
    """Estimate and usual standard error; a relative lift by the delta method."""
    (control, treatment), (v_control, v_treatment) = looks.means, looks.variances
    difference = treatment - control
    if not relative:
        return difference, np.sqrt(v_control / looks.n_control + v_treatment / looks.n_treatment)
    error = v_treatment / (looks.n_treatment * control**2) + (
        v_control * treatment**2 / (looks.n_control * control**4)
    )
    return difference / control, np.sqrt(error)


def product(looks: Looks, relative: bool) -> tuple[Array, Array]:
    """Estimate and standard error as an analysis computes them."""
    (control, treatment), (v_control, v_treatment) = looks.means, looks.variances
    counts = {"n_control": looks.n_control, "n_treatment": looks.n_treatment}
    variances = {"variance_control": v_control, "variance_treatment": v_treatment}
    if not relative:
        return treatment - control, pooled_standard_error(**counts, **variances)
    error = pooled_log_ratio_standard_error(**moments(looks))
    error = np.where(error <= MOST_LOG_RATIO_ERROR, error, np.inf)
    return np.log(treatment / control), error


def moments(looks: Looks) -> dict[str, Array]:
    """Units, means and variances of both variants at every look."""
    (control, treatment), (v_control, v_treatment) = looks.means, looks.variances
    return {
        "n_control": looks.n_control,
        "mean_control": control,
        "variance_control": v_control,
        "n_treatment": looks.n_treatment,
        "mean_treatment": treatment,
        "variance_treatment": v_treatment,
    }


def product_misses(looks: Looks, truth: float, critical: Array, *, relative: bool) -> Array:
    """Where the product's limits exclude ``truth``, a log ratio if relative; (runs, looks)."""
    with np.errstate(all="ignore"):
        estimate, error = product(looks, relative)
        ready = effective_units(**moments(looks)) >= LEAST_EFFECTIVE_UNITS
        ready &= np.isfinite(critical * error) & (error > 0.0)
        below = above = critical * error
        if not relative:
            margins = log_margins(**moments(looks), nonnegative=True)
            below, above = margins.reach(np.broadcast_to(critical, error.shape), error)
        return ready & ((truth < estimate - below) | (truth > estimate + above))


def scores(estimate: Array, error: Array) -> Array:
    """|z|, and 0 where there is nothing to judge yet."""
    with np.errstate(all="ignore"):
        z = np.abs(estimate / error)
    return np.where(np.isfinite(z), z, 0.0)


def boundaries(n: Array, *, planned_n: float, smallest_share: float) -> dict[str, Array]:
    """The critical z of each rule at each look."""
    product_z = plan_critical_value(n, planned_n=planned_n, alpha=ALPHA)
    early = n < burn_in_units(planned_n, smallest_share=smallest_share)
    unplanned_z = plan_critical_value(n, planned_n=UNPLANNED_N, maximum_n=math.inf, alpha=ALPHA)
    early_unplanned = n < burn_in_units(UNPLANNED_N, smallest_share=smallest_share)
    return {
        "naive z": np.full(n.shape, fixed_critical_value(alpha=ALPHA)),
        "mixture N*=5000": mixture_z(n, GBSTATS_DEFAULT_N),
        "mixture N*=plan": mixture_z(n, planned_n),
        "product": np.where(early, np.inf, product_z),
        "product, no plan": np.where(early_unplanned, np.inf, unplanned_z),
    }


def mixture_z(n: Array, planned_n: float) -> Array:
    """The plain asymptotic confidence sequence."""
    return critical_value(n * tuned_variance(planned_n=planned_n, alpha=ALPHA), alpha=ALPHA)


def false_positives(
    world: World, *, runs: int, seed: int, chunk: int = 200
) -> dict[tuple[str, int], float]:
    """Share of runs that any look calls different, by rule and number of looks."""
    rng = np.random.default_rng(seed)
    most = max(LOOKS)
    found: dict[tuple[str, int], int] = {}
    for _ in range(0, runs, chunk):
        looks = simulate(world, runs=chunk, looks=most, rng=rng)
        for key, hits in judge(world, looks).items():
            found[key] = found.get(key, 0) + hits
    total = len(range(0, runs, chunk)) * chunk
    return {key: hits / total for key, hits in found.items()}


def judge(world: World, looks: Looks) -> dict[tuple[str, int], int]:
    """How many runs each rule calls different at some look."""
    with np.errstate(all="ignore"):
        usual = scores(*wald(looks, world.relative))
    limits = boundaries(looks.n, planned_n=world.planned_n, smallest_share=world.smallest_share)
    hits = {}
    for rule, limit in limits.items():
        if rule.startswith("product"):
            passed = product_misses(looks, 0.0, limit, relative=world.relative)
        else:
            passed = usual >= limit
        for count in LOOKS:
            step = passed.shape[1] // count
            hits[rule, count] = int(passed[:, step - 1 :: step].any(axis=1).sum())
    return hits


def worlds() -> tuple[World, ...]:
    """The rows: ANCHORS' and harder ones."""
    cap = capped_at(0.99)
    return (
        World(name="p = 10 %, absolute", draw=proportion(0.10)),
        World(name="p = 10 %, relative", draw=proportion(0.10), relative=True),
        World(name="p = 1 %, absolute", draw=proportion(0.01)),
        World(name="p = 1 %, relative", draw=proportion(0.01), relative=True),
        World(name="revenue, absolute", draw=revenue()),
        World(name="revenue, relative", draw=revenue(), relative=True),
        World(
            name="revenue, 90/10 split, absolute",
            draw=revenue(), control=180_000, treatment=20_000,
        ),
        World(
            name="revenue, 90/10 split, relative",
            draw=revenue(), relative=True, control=180_000, treatment=20_000,
        ),
        World(
            name="revenue capped at p99, 90/10 split, absolute",
            draw=revenue(cap=cap), control=180_000, treatment=20_000,
        ),
        World(
            name="p = 1 %, 99/1 split, absolute",
            draw=proportion(0.01), control=198_000, treatment=2_000,
        ),
        World(name="p = 0.1 %, relative", draw=proportion(0.001), relative=True),
        World(
            name="revenue of 1 % buyers, 90/10 split, relative",
            draw=revenue(buyers=0.01), relative=True, control=180_000, treatment=20_000,
        ),
        World(
            name="p = 10 %, absolute, 2,000 a variant",
            draw=proportion(0.1), control=2_000, treatment=2_000,
        ),
        World(
            name="revenue, absolute, on to twice the plan",
            draw=revenue(), control=200_000, treatment=200_000, plans=2.0,
        ),
        World(
            name="revenue, 90/10 split, relative, on to twice the plan",
            draw=revenue(), relative=True, control=360_000, treatment=40_000, plans=2.0,
        ),
    )  # fmt: skip


def table(runs: int, seed: int = 20260101) -> str:
    """One row a world: per rule, per cent at 20 / 100 / 1000 looks."""
    rows = []
    for index, world in enumerate(worlds()):
        rates = false_positives(world, runs=runs, seed=seed + index)
        rules = dict.fromkeys(rule for rule, _ in rates)
        shown = [" / ".join(f"{100 * rates[rule, k]:.1f}" for k in LOOKS) for rule in rules]
        rows.append([world.name, *shown])
        print(rows[-1], flush=True)
    return markdown(["data and scale", *rules], rows)


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="few runs, nothing written")
    small = parser.parse_args().small
    runs = 400 if small else 10_000
    began = time.perf_counter()
    text = table(runs)
    print(text, f"\n{time.perf_counter() - began:.0f} s")
    if not small:
        write_section("error-rates", f"{runs:,} runs a row, standard error up to 0.2.\n\n{text}")


if __name__ == "__main__":
    main()
