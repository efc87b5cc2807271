"""What the error-rate simulations judge is what an analysis does, number for number."""

import numpy as np
import pytest
from benchmarks.error_rates import (
    World,
    product,
    product_misses,
    proportion,
    revenue,
    simulate,
)

from neonblue.intelligence.horizon import Horizon
from neonblue.models import MetricKind, MetricSummary
from neonblue.stats.comparison import Comparison, compare
from neonblue.stats.sequential import burn_in_units
from neonblue.stats.sequential_boundary import plan_critical_value

SPLITS = [(20_000, 20_000), (36_000, 4_000)]


def compared(looks, run: int, look: int, kind: MetricKind) -> Comparison:  # type: ignore[no-untyped-def]
    """The analysis's own comparison of one simulated look."""
    control, treatment = (
        MetricSummary(
            n=float(n[look]), mean=float(mean[run, look]), variance=float(variance[run, look])
        )
        for n, mean, variance in zip(
            (looks.n_control, looks.n_treatment), looks.means, looks.variances, strict=True
        )
    )
    found = compare(control, treatment, kind=kind, alpha=0.05, pooled_null=kind == "proportion")
    assert isinstance(found, Comparison)
    return found


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("kind", ["proportion", "mean"])
@pytest.mark.parametrize("split", SPLITS)
def test_the_benchmark_judges_as_the_product_does(
    split: tuple[int, int], kind: MetricKind, relative: bool
) -> None:
    draw = proportion(0.08) if kind == "proportion" else revenue()
    world = World(name="", draw=draw, control=split[0], treatment=split[1])
    looks = simulate(world, runs=6, looks=50, rng=np.random.default_rng(6))
    estimate, error = product(looks, relative)
    planned_n, share = world.planned_n, world.smallest_share
    horizon = Horizon(
        planned_n=planned_n, maximum_n=None, alpha=0.05, smallest_share=share, nonnegative=True
    )
    width = plan_critical_value(looks.n, planned_n=planned_n)
    width = np.where(looks.n < burn_in_units(planned_n, smallest_share=share), np.inf, width)
    spread = float(np.nanmedian(error[:, -1]))
    judged = 0
    for truth in spread * np.linspace(-6, 6, 9):
        missed = product_misses(looks, float(truth), width, relative=relative)
        for run in range(6):
            for look in range(0, 50, 7):
                found = compared(looks, run, look, kind)
                answer = horizon.relative(found) if relative else horizon.sequence(found)
                said = np.expm1(truth) if relative else truth
                outside = not answer.ci_lower <= said <= answer.ci_upper
                assert outside == missed[run, look]
                judged += answer.available
                if answer.available:
                    centre = np.log1p(answer.estimate) if relative else answer.estimate
                    assert centre == pytest.approx(estimate[run, look], rel=1e-9, abs=1e-12)
    assert judged > 100
