"""``python -m benchmarks.analysis_speed``: what an analysis costs, from sufficient statistics on.

Prints the time of one full analysis of a metric (CUPED, Welch, confidence sequence, posterior, SRM,
sequential SRM), of 10,000 segments at once, and the ratio to a bare numpy pass over the same
arrays measured in the same run. Best of several rounds, as the machine may be busy.
"""

from __future__ import annotations

import math
import timeit
from collections.abc import Callable

import numpy as np

from neonblue.models import MetricSummary
from neonblue.stats.comparison import compare
from neonblue.stats.lift_prior import archive_prior, lift_posterior
from neonblue.stats.many_comparisons import compare_many
from neonblue.stats.moments import summary_from_values
from neonblue.stats.sequential import confidence_sequence
from neonblue.stats.srm import sequential_srm_test, srm_test

SEGMENTS = 10_000
TARGET_METRIC_MS = 0.15
TARGET_SEGMENTS_MS = 5.0
PRIOR = archive_prior()


def variant(seed: int, effect: float) -> MetricSummary:
    random = np.random.default_rng(seed)
    x = random.normal(10.0, 3.0, 50_000)
    return summary_from_values(x + effect + random.normal(0.0, 1.0, x.size), covariate=x)


def full_analysis(control: MetricSummary, treatment: MetricSummary) -> float:
    """Everything that a metric of a running experiment needs."""
    found = compare(control, treatment, kind="mean")
    if found.status != "available" or found.log_ratio_standard_error is None:
        raise ValueError(found)
    units = control.n + treatment.n
    sequence = confidence_sequence(
        found.absolute_difference, found.standard_error, n=units, planned_n=200_000.0
    )
    assert found.relative_lift is not None
    ratio = math.log1p(found.relative_lift)
    belief = lift_posterior(ratio, found.log_ratio_standard_error, prior=PRIOR)
    counts, weights = (control.n, treatment.n), (0.5, 0.5)
    split, watched = srm_test(counts, weights), sequential_srm_test(counts, weights)
    return float(sequence.p_value + belief.chance_to_win + split.p_value + watched.p_value)


def many_segments(seed: int) -> tuple[MetricSummary, MetricSummary]:
    random = np.random.default_rng(seed)

    def side(shift: float) -> MetricSummary:
        return MetricSummary(
            n=random.integers(200, 20_000, SEGMENTS).astype(float),
            mean=random.normal(10.0 + shift, 0.1, SEGMENTS),
            variance=random.gamma(9.0, 1.0, SEGMENTS),
            covariate_mean=random.normal(10.0, 0.1, SEGMENTS),
            covariate_variance=random.gamma(9.0, 1.0, SEGMENTS),
            covariance_y_x=random.gamma(4.0, 1.0, SEGMENTS),
        )  # type: ignore[arg-type]

    return side(0.0), side(0.05)


def bare_pass(control: MetricSummary, treatment: MetricSummary) -> float:
    """The least one could do: a difference, its standard error and a z, without a tail."""
    error = np.sqrt(control.variance / control.n + treatment.variance / treatment.n)
    return float(((treatment.mean - control.mean) / error).sum())


def best_ms(work: Callable[[], object], number: int) -> float:
    """Milliseconds a call: the least of many short rounds, which others disturb least."""
    return min(timeit.repeat(work, number=number, repeat=60)) / number * 1000.0


def main() -> None:
    control, treatment = variant(1, 0.0), variant(2, 0.02)
    one = best_ms(lambda: full_analysis(control, treatment), 20)
    many = many_segments(3)
    adjusted = best_ms(lambda: compare_many(*many, kind="mean"), 2)
    plain = best_ms(lambda: compare_many(*many, kind="mean", adjust=False), 2)
    bare = best_ms(lambda: bare_pass(*many), 10)
    print(f"full analysis of a metric     {one:.3f} ms  (target {TARGET_METRIC_MS} ms)")
    print(f"{SEGMENTS:,} segments, CUPED     {adjusted:.2f} ms  (target {TARGET_SEGMENTS_MS} ms)")
    print(f"{SEGMENTS:,} segments, no CUPED  {plain:.2f} ms")
    print(f"ratio to a bare numpy pass    {adjusted / bare:.1f}x with, {plain / bare:.1f}x without")


if __name__ == "__main__":
    main()
