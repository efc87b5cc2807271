"""How far an estimate exaggerates when the experiment stops because it looks good.

``python -m benchmarks.early_stop [--small]``. Above: conversion .10 against .105 up to the planned
57,763 units a variant. Below: a programme whose true lifts come from N(0, 3 %), where the shrunken
lift uses a prior fitted to 200 past experiments of the same programme.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from benchmarks.error_rates import Array
from benchmarks.power_curves import LOOKS_A_PLAN, Rule, draw_scores, mixture_z, plan_rule
from benchmarks.tables import markdown, write_section
from neonblue.stats.sequential_mixture import fixed_critical_value

RATE = 0.10
PLANNED = 57_763
LIFT_SD = 0.03
PAST = 200


def candidates(n: Array, planned_n: float) -> tuple[Rule, ...]:
    """Who stops early."""
    naive = np.full(n.shape, fixed_critical_value(alpha=0.05))
    return (
        Rule(name="naive z at every look", critical=naive),
        Rule(name="mixture, N* = plan", critical=mixture_z(n, planned_n)),
        plan_rule("plan boundary (product)", n, planned_n, 2.0),
    )


def error_at(n: Array) -> Array:
    """Standard error of the relative lift at a total of n units."""
    return np.sqrt(2 * (1 - RATE) / RATE / (n / 2))


def fixed_effect(runs: int, seed: int, lift: float = 0.05) -> list[list[str]]:
    """Mean estimate over the truth among runs that stop as winners before the plan is over."""
    n, z = draw_scores(lift, runs=runs, seed=seed)
    n, z = n[:LOOKS_A_PLAN], z[:, :LOOKS_A_PLAN]
    rows = []
    for rule in candidates(n, float(n[-1])):
        stop = rule.first_crossing(z)
        won = (stop < n.size) & (z[np.arange(runs), np.minimum(stop, n.size - 1)] > 0)
        at = stop[won]
        estimate = z[won, at] * error_at(n[at])
        early = at < n.size - 1
        rows.append(
            [
                rule.name,
                f"{won.mean():.2f}",
                f"{(n[at] / n[-1]).mean():.2f}",
                f"{estimate.mean() / lift:.2f}x",
                f"{estimate[early].mean() / lift:.2f}x",
            ]
        )
    return rows


def programme(runs: int, seed: int) -> list[list[str]]:
    """Raw and shrunken lifts of called winners, where true lifts vary."""
    rng = np.random.default_rng(seed)
    times = np.arange(1, LOOKS_A_PLAN + 1) / LOOKS_A_PLAN
    n = times * 2 * PLANNED
    truth = rng.normal(0.0, LIFT_SD, runs)
    motion = np.cumsum(rng.standard_normal((runs, n.size)), axis=1) / np.sqrt(LOOKS_A_PLAN)
    z = (motion + truth[:, None] / error_at(n[-1]) * times) / np.sqrt(times)
    prior_mean, prior_variance = fitted_prior(rng, error_at(n[-1:])[0])
    rows = []
    for rule in candidates(n, float(n[-1])):
        stop = rule.first_crossing(z)
        won = stop < n.size
        at = stop[won]
        error = error_at(n[at])
        raw = z[won, at] * error
        shrunk = (raw / error**2 + prior_mean / prior_variance) / (
            1 / error**2 + 1 / prior_variance
        )
        rows.append([rule.name, f"{won.mean():.2f}", *accuracy(raw, shrunk, truth[won])])
    return rows


def fitted_prior(rng: np.random.Generator, error: float) -> tuple[float, float]:
    """Mean and variance of true lifts, by moments, from past experiments that ran to the end."""
    past = rng.normal(rng.normal(0.0, LIFT_SD, PAST), error)
    return float(past.mean()), max(float(past.var(ddof=1)) - error**2, 1e-8)


def accuracy(raw: Array, shrunk: Array, truth: Array) -> list[str]:
    """How much of the called size is there, and the typical miss, raw and shrunken."""
    sign = np.sign(raw)
    ratio = (raw * sign).mean() / (truth * sign).mean()
    shrunk_ratio = (shrunk * sign).mean() / (truth * sign).mean()
    miss, shrunk_miss = (np.sqrt(((x - truth) ** 2).mean()) for x in (raw, shrunk))
    return [
        f"{ratio:.2f}x",
        f"{shrunk_ratio:.2f}x",
        f"{100 * miss:.2f} %",
        f"{100 * shrunk_miss:.2f} %",
    ]


def table(runs: int) -> str:
    """Both tables."""
    header = ["rule", "stops as winner", "mean n / plan", "estimate / truth"]
    fixed = markdown([*header, "of those before the plan"], fixed_effect(runs, seed=51))
    columns = ["rule", "called", "raw / truth", "shrunken / truth"]
    many = markdown([*columns, "raw rms error", "shrunken rms error"], programme(runs, seed=52))
    return f"True lift 5 %:\n\n{fixed}\n\nTrue lifts from N(0, 3 %):\n\n{many}"


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="few runs, nothing written")
    small = parser.parse_args().small
    runs = 2_000 if small else 20_000
    began = time.perf_counter()
    text = table(runs)
    print(text, f"\n{time.perf_counter() - began:.0f} s")
    if not small:
        write_section("early-stop", f"{runs:,} runs.\n\n{text}")


if __name__ == "__main__":
    main()
