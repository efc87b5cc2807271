"""What control of error at every look costs in power, rule by rule.

``python -m benchmarks.power_curves [--small]``. Conversion .10 against .105, 57,763 units a
variant: the size at which a single planned look finds it in 80 of 100 experiments. Looks at every
per cent of the plan, up to twice the plan.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np

from benchmarks.error_rates import (
    GBSTATS_DEFAULT_N,
    Array,
    World,
    mixture_z,
    product,
    proportion,
    simulate,
)
from benchmarks.group_sequential import Spending, spending_boundaries
from benchmarks.tables import markdown, write_section
from neonblue.stats.sequential_boundary import plan_critical_value
from neonblue.stats.sequential_mixture import (
    fixed_critical_value,
    one_sided_critical_value,
    tuned_variance,
)

ALPHA = 0.05
PLANNED = 57_763
LOOKS_A_PLAN = 100
PLANS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A critical z at each look (infinite where the rule does not look)."""

    name: str
    critical: Array
    one_sided: bool = False

    def first_crossing(self, z: Array) -> Array:
        """Index of the look that stops each run; the number of looks where none does."""
        passed = (z if self.one_sided else np.abs(z)) >= self.critical
        return np.where(passed.any(axis=1), passed.argmax(axis=1), z.shape[1])


def rules(n: Array, planned_n: float) -> tuple[Rule, ...]:
    """Everything that is compared; ``n`` and ``planned_n`` are totals."""
    tuned = tuned_variance(planned_n=planned_n, alpha=2 * ALPHA)
    return (
        Rule(name="one planned look, z", critical=only_at(n, planned_n)),
        Rule(name="mixture, N* = 5000", critical=mixture_z(n, GBSTATS_DEFAULT_N)),
        Rule(name="mixture, N* = plan", critical=mixture_z(n, planned_n)),
        Rule(
            name="mixture, N* = plan, one-sided 5 %",
            critical=one_sided_critical_value(n * tuned, alpha=ALPHA),
            one_sided=True,
        ),
        plan_rule("plan boundary, maximum 2 × plan (default)", n, planned_n, 2.0),
        plan_rule("plan boundary, maximum 1.5 × plan", n, planned_n, 1.5),
        plan_rule("plan boundary, maximum = plan", n, planned_n, 1.0),
        Rule(
            name="plan boundary, maximum 2 × plan, one-sided 5 %",
            critical=plan_critical_value(n, planned_n=planned_n, alpha=ALPHA, one_sided=True),
            one_sided=True,
        ),
        Rule(name="group-sequential, O'Brien-Fleming, 5 looks", critical=planned_looks(n, "obf")),
        Rule(name="group-sequential, Pocock, 5 looks", critical=planned_looks(n, "pocock")),
    )


def only_at(n: Array, planned_n: float) -> Array:
    """The textbook test, at the plan and at no other time."""
    return np.where(np.isclose(n, planned_n), fixed_critical_value(alpha=ALPHA), np.inf)


def plan_rule(name: str, n: Array, planned_n: float, ratio: float) -> Rule:
    """The product's boundary for a given maximum."""
    critical = plan_critical_value(n, planned_n=planned_n, maximum_n=ratio * planned_n, alpha=ALPHA)
    return Rule(name=name, critical=critical)


def planned_looks(n: Array, spending: Spending) -> Array:
    """Five looks, agreed on before the start, up to the plan."""
    critical = np.full(n.shape, np.inf)
    fractions = np.arange(1, 6) / 5
    looks = (fractions * LOOKS_A_PLAN).astype(int) - 1
    critical[looks] = spending_boundaries(fractions, alpha=ALPHA / 2, spending=spending)
    return critical


def draw_scores(lift: float, *, runs: int, seed: int) -> tuple[Array, Array]:
    """(total n at each look, z at each look) of runs with a true relative ``lift``."""
    rng = np.random.default_rng(seed)
    looks = LOOKS_A_PLAN * PLANS
    per_look = PLANNED // LOOKS_A_PLAN
    world = World(
        name="",
        draw=proportion(0.10),
        draw_treatment=proportion(0.10 * (1 + lift)),
        control=per_look * looks,
        treatment=per_look * looks,
    )
    seen = simulate(world, runs=runs, looks=looks, rng=rng)
    estimate, error = product(seen, relative=False)
    return seen.n, estimate / error


def summarize(runs: int, seed: int = 20260201) -> tuple[list[str], list[list[str]]]:
    """Header and one row a rule."""
    n, null = draw_scores(0.0, runs=runs, seed=seed)
    planned_n = float(n[LOOKS_A_PLAN - 1])
    effects = {
        lift: draw_scores(lift, runs=runs, seed=seed + 1 + index)[1]
        for index, lift in enumerate((0.05, 0.10))
    }
    rows = []
    for rule in rules(n, planned_n):
        stops = {lift: rule.first_crossing(z) for lift, z in effects.items()}
        rows.append(
            [
                rule.name,
                f"{100 * (rule.first_crossing(null) < n.size).mean():.1f}",
                f"{(stops[0.05] < LOOKS_A_PLAN).mean():.2f}",
                f"{(stops[0.05] < n.size).mean():.2f}",
                *(f"{mean_time(stop):.2f}" for stop in stops.values()),
            ]
        )
    header = ["rule", "false positives by 2 × plan, %", "power at the plan", "power at 2 × plan"]
    return [*header, "mean n / plan, lift 5 %", "mean n / plan, lift 10 %"], rows


def mean_time(stops: Array) -> float:
    """Mean n at the stop over the plan; runs that never stop count as twice the plan."""
    return float((np.minimum(stops + 1, PLANS * LOOKS_A_PLAN) / LOOKS_A_PLAN).mean())


def inflation(rows: list[list[str]], *, runs: int, seed: int) -> list[list[str]]:
    """Adds the plan, over the fixed-horizon one, that gives 80 % power at the plan."""
    rng = np.random.default_rng(seed)
    steps = rng.standard_normal((runs, LOOKS_A_PLAN)) / np.sqrt(LOOKS_A_PLAN)
    motion = np.cumsum(steps, axis=1)
    time_seen = np.arange(1, LOOKS_A_PLAN + 1) / LOOKS_A_PLAN
    totals = time_seen * 2 * PLANNED
    found = rules(np.concatenate([totals, totals + 2 * PLANNED]), 2.0 * PLANNED)
    return [[*row, needed(rule, motion, time_seen)] for row, rule in zip(rows, found, strict=True)]


def needed(rule: Rule, motion: Array, time_seen: Array) -> str:
    """Bisection over the drift that reaches 80 % at the plan, as a multiple of the fixed n."""
    limits = Rule(name="", critical=rule.critical[:LOOKS_A_PLAN], one_sided=rule.one_sided)
    low, high = 1.0, 10.0
    for _ in range(30):
        drift = 0.5 * (low + high)
        z = (motion + drift * time_seen) / np.sqrt(time_seen)
        power = (limits.first_crossing(z) < LOOKS_A_PLAN).mean()
        low, high = (drift, high) if power < 0.8 else (low, drift)
    fixed = fixed_critical_value(alpha=ALPHA) + 0.8416212
    return f"{(high / fixed) ** 2:.2f}" if high < 9.9 else "-"


def table(runs: int) -> str:
    """The whole comparison."""
    header, rows = summarize(runs)
    return markdown([*header, "plan for 80 %"], inflation(rows, runs=runs, seed=7))


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="few runs, nothing written")
    small = parser.parse_args().small
    began = time.perf_counter()
    runs = 2_000 if small else 20_000
    text = table(runs)
    print(text, f"\n{time.perf_counter() - began:.0f} s")
    if not small:
        write_section("power", f"{runs:,} runs.\n\n{text}")


if __name__ == "__main__":
    main()
