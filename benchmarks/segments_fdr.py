"""Which segments react differently, when 200 are looked at: false discoveries and power.

``python -m benchmarks.segments_fdr [--small]``: 200 disjoint segments of 5,000 units a variant, sd
1, an overall effect of one standard error; 10 % of segments differ from it by 3.5 standard errors
of their own effect. FDR is the mean share of false among reported segments, power the share of
the different ones that are reported; both with their standard errors over runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from scipy.special import ndtr

from benchmarks.tables import markdown, write_section
from neonblue.models import MetricSummary
from neonblue.stats.multiplicity import adjusted_p_values
from neonblue.stats.segments import SegmentEffects, segment_effects

SEGMENTS = 200
DIFFERENT = 20
UNITS = 5_000
FDR = 0.05
ERROR = (2.0 / UNITS) ** 0.5
"""Standard error of a segment's effect."""
DISTANCE = 3.5
DOCUMENT = "statistics-segments.md"

Report = Callable[[SegmentEffects], np.ndarray]


def world(
    rng: np.random.Generator, *, distance: float = DISTANCE, signs: str = "both"
) -> tuple[MetricSummary, MetricSummary, np.ndarray]:
    """Summaries of both variants (arrays over segments) and which segments truly differ."""
    different = np.zeros(SEGMENTS, dtype=bool)
    different[rng.choice(SEGMENTS, DIFFERENT, replace=False)] = True
    sign = rng.choice((-1.0, 1.0), SEGMENTS) if signs == "both" else np.ones(SEGMENTS)
    effect = ERROR * (1.0 + np.where(different, sign * distance, 0.0))
    baseline = rng.normal(10.0, 0.5, SEGMENTS)
    return _drawn(rng, baseline), _drawn(rng, baseline + effect), different


def _drawn(rng: np.random.Generator, means: np.ndarray) -> MetricSummary:
    """The summary of UNITS normal units a segment, drawn from its exact law."""
    variance = rng.chisquare(UNITS - 1, SEGMENTS) / (UNITS - 1)
    return MetricSummary(
        n=np.full(SEGMENTS, float(UNITS)),  # type: ignore[arg-type]
        mean=rng.normal(means, UNITS**-0.5),  # type: ignore[arg-type]
        variance=variance,  # type: ignore[arg-type]
    )


def naive(found: SegmentEffects) -> np.ndarray:
    return np.asarray(found.p_value < 0.05)


def from_zero(found: SegmentEffects) -> np.ndarray:
    """The usual mistake: which segments differ from no effect at all."""
    effects = found.effects
    z = effects.absolute_difference / effects.standard_error
    return np.asarray(adjusted_p_values(2.0 * ndtr(-np.abs(z)), method="bh") <= FDR)


def product(found: SegmentEffects) -> np.ndarray:
    return found.differs


RULES: dict[str, Report] = {
    "segment against the rest, p < .05": naive,
    "segment against zero, BH": from_zero,
    "segment against the rest, BH (the product)": product,
}


def rates(
    runs: int, *, signs: str, distance: float = DISTANCE, seed: int = 20260101
) -> dict[str, tuple[float, float, float, float]]:
    """(FDR, its standard error, power, its standard error) a rule."""
    rng = np.random.default_rng(seed)
    shares: dict[str, list[tuple[float, float]]] = {name: [] for name in RULES}
    for _ in range(runs):
        control, treatment, different = world(rng, distance=distance, signs=signs)
        found = segment_effects(control, treatment, kind="mean", fdr=FDR)
        for name, rule in RULES.items():
            reported = rule(found)
            false = (reported & ~different).sum() / max(reported.sum(), 1)
            shares[name].append((float(false), float(reported[different].mean())))
    return {name: _summary(np.array(pairs)) for name, pairs in shares.items()}


def _summary(pairs: np.ndarray) -> tuple[float, float, float, float]:
    mean, error = pairs.mean(axis=0), pairs.std(axis=0, ddof=1) / len(pairs) ** 0.5
    return float(mean[0]), float(error[0]), float(mean[1]), float(error[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="fewer runs; writes no document")
    small = parser.parse_args().small
    runs = 200 if small else 2_000
    rows = [
        (name, signs, f"{fdr:.1%} ± {e1:.1%}", f"{power:.1%} ± {e2:.1%}")
        for signs in ("both", "same")
        for name, (fdr, e1, power, e2) in rates(runs, signs=signs).items()
    ]
    text = markdown(("rule", "signs of the differences", "FDR", "power"), rows)
    curve = [
        (f"{distance:g}", *(f"{value:.1%}" for value in _product_rates(runs // 4, distance)))
        for distance in (2.5, 3.0, 3.5, 4.0, 5.0)
    ]
    text += "\n\n" + markdown(("difference, standard errors", "FDR", "power"), curve)
    print(text)
    if not small:
        from benchmarks.tables import DOCUMENT as SIBLING

        write_section("segments_fdr", text, SIBLING.with_name(DOCUMENT))


def _product_rates(runs: int, distance: float) -> tuple[float, float]:
    found = rates(runs, signs="both", distance=distance)
    fdr, _, power, _ = found["segment against the rest, BH (the product)"]
    return fdr, power


if __name__ == "__main__":
    main()
