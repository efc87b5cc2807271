"""What could have been found, and what a month is worth, from intervals that are known."""

from dataclasses import replace

import pytest
from scipy.stats import norm

from neonblue.intelligence.deciding import Deciding
from neonblue.intelligence.evidence import Comparison
from neonblue.intelligence.sensitivity import impact, sensitivity
from neonblue.models import Experiment, MetricDefinition, Variant

PLAN = Experiment(
    experiment_id="exp",
    variants=(Variant(variant_id="a", is_control=True), Variant(variant_id="b")),
    metrics=(),
)


def found(half_width: float, *, mde: float | None = None, kind: str = "mean") -> Deciding:
    metric = MetricDefinition(name="spend", kind=kind, event_type="buy", mde=mde)  # type: ignore[arg-type]
    comparison = Comparison(
        metric="spend", variant="b", n_control=100, n_treatment=100,
        mean_control=10.0, mean_treatment=11.0, absolute_difference=1.0, standard_error=0.5,
        ci_lower=1.0 - half_width, ci_upper=1.0 + half_width,
        relative_lift=0.1, relative_standard_error=0.05,
        relative_ci_lower=None, relative_ci_upper=None,
        p_value=0.04, fixed_horizon=None,
        chance_to_win=None, expected_loss=None, shrunk_relative_lift=None,
    )  # fmt: skip
    return Deciding(
        metric=metric, comparison=comparison, basis="anytime_valid",
        ci_lower=comparison.ci_lower, ci_upper=comparison.ci_upper,
        relative_ci_lower=None, relative_ci_upper=None, p_value=0.04, harmful=False,
    )  # fmt: skip


def test_the_textbook_interval_gives_the_textbook_power() -> None:
    """With half-width 1.96 s the power at d is Phi(d / s - 1.96), and the mde 2.8 s."""
    reach = sensitivity(PLAN, found(norm.ppf(0.975) * 0.5, mde=0.14))
    assert reach is not None
    assert reach.detectable_lift == pytest.approx((norm.ppf(0.975) + norm.ppf(0.8)) * 0.5 / 10)
    assert reach.power_reached == pytest.approx(norm.cdf(1.4 / 0.5 - norm.ppf(0.975)))


def test_without_an_interval_or_an_mde_nothing_is_made_up() -> None:
    assert sensitivity(PLAN, found(float("inf"))) is None
    reach = sensitivity(PLAN, found(0.98))
    assert reach is not None
    assert reach.power_reached is None


def test_a_month_is_the_difference_for_every_unit_that_comes() -> None:
    worth = impact(found(0.98), 100.0)
    assert worth is not None
    units = 100.0 * 365.25 / 12
    assert (worth.per_month, worth.ci_lower, worth.ci_upper) == pytest.approx(
        (units, 0.02 * units, 1.98 * units)
    )
    assert impact(found(0.98), None) is None
    assert impact(found(float("inf")), 100.0) is None
    ratio = found(0.98)
    assert impact(replace(ratio, metric=replace(ratio.metric, kind="ratio")), 100.0) is None
