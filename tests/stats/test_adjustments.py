"""Multiplicity, meta-analysis, capping, strata and regression."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from neonblue.errors import InvalidInputError
from neonblue.stats.comparison import compare
from neonblue.stats.meta import random_effects, shrunk_effect
from neonblue.stats.moments import MetricSummary, pooled, proportion_summary, summary_from_values
from neonblue.stats.multiplicity import adjusted_p_values
from neonblue.stats.regression import ancova, lin
from neonblue.stats.stratification import Stratum, post_stratified
from neonblue.stats.winsorisation import winsorised

THEIRS = {
    "holm": "holm",
    "bh": "fdr_bh",
    "by": "fdr_by",
    "bonferroni": "bonferroni",
    "sidak": "sidak",
    "holm-sidak": "holm-sidak",
    "hochberg": "simes-hochberg",
    "hommel": "hommel",
}
p_lists = st.lists(st.floats(0, 1), min_size=1, max_size=30)


class TestMultiplicity:
    @pytest.mark.parametrize("method", THEIRS)
    @given(p_lists)
    def test_ours_are_statsmodels(self, method: str, p_values: list[float]) -> None:
        with np.errstate(divide="ignore"):  # theirs takes the log of 0 where p = 1
            expected = multipletests(p_values, method=THEIRS[method])[1]
        ours = adjusted_p_values(p_values, method=method)
        assert ours == pytest.approx(expected, rel=1e-9, abs=1e-300)

    @pytest.mark.parametrize("method", ["bonferroni", "sidak", "holm-sidak", "hochberg", "hommel"])
    @given(p_lists)
    def test_adjusting_never_lowers_a_p_value(self, method: str, p_values: list[float]) -> None:
        adjusted = adjusted_p_values(p_values, method=method)
        assert (adjusted >= np.array(p_values) - 1e-12).all()
        assert (adjusted <= 1.0).all()

    def test_a_test_that_was_not_made_does_not_count(self) -> None:
        adjusted = adjusted_p_values([0.01, math.nan, 0.04])
        assert adjusted[[0, 2]] == pytest.approx([0.02, 0.04])
        assert math.isnan(adjusted[1])

    def test_no_p_values_are_no_p_values(self) -> None:
        assert adjusted_p_values([]).size == 0

    def test_far_tails_stay_far(self) -> None:
        assert adjusted_p_values([1e-300, 0.5], method="bh")[0] == 2e-300

    @pytest.mark.parametrize("bad", [[1.5], [-0.1]])
    def test_what_is_no_probability_is_refused(self, bad: list[float]) -> None:
        with pytest.raises(InvalidInputError, match="between 0 and 1"):
            adjusted_p_values(bad)

    def test_an_unknown_method_is_refused(self) -> None:
        with pytest.raises(InvalidInputError, match="not one of"):
            adjusted_p_values([0.1], method="guess")  # type: ignore[arg-type]


class TestMeta:
    def test_reml_finds_how_much_effects_differ(self) -> None:
        random = np.random.default_rng(3)
        variances = random.uniform(0.5, 2, 500)
        effects = random.normal(random.normal(1, 1.5, 500), np.sqrt(variances))
        for method in ("REML", "ML", "DL", "PM", "HE"):
            found = random_effects(effects, variances, method=method)
            assert found.tau_squared == pytest.approx(2.25, abs=0.5), method
            assert found.mean == pytest.approx(1, abs=4 * found.standard_error)

    def test_shrunken_effects_are_nearer_to_the_truth(self) -> None:
        random = np.random.default_rng(4)
        truth = random.normal(0.01, 0.02, 200)
        seen = random.normal(truth, 0.03)
        found = random_effects(seen, np.full(200, 0.03**2))
        assert ((found.shrunk - truth) ** 2).mean() < 0.6 * ((seen - truth) ** 2).mean()

    def test_effects_that_only_noise_moves_are_shrunk_to_one(self) -> None:
        found = random_effects([1.0, 1.01, 0.99], [1.0, 1.0, 1.0])
        assert found.tau_squared == 0.0
        assert found.shrunk == pytest.approx([1.0, 1.0, 1.0])

    def test_one_new_effect_is_shrunk_by_the_past(self) -> None:
        mean, error = shrunk_effect(0.1, 0.01, prior_mean=0.0, prior_variance=0.01)
        assert (mean, error) == pytest.approx((0.05, math.sqrt(0.005)))

    @pytest.mark.parametrize(
        ("effects", "variances"),
        [([1.0], [1.0]), ([1, 2], [1]), ([1, 2], [1, 0]), ([1, math.nan], [1, 1])],
    )
    def test_what_cannot_be_pooled_is_refused(self, effects: list, variances: list) -> None:
        with pytest.raises(InvalidInputError):
            random_effects(effects, variances)


class TestWinsorisation:
    def test_one_whale_no_longer_decides(self) -> None:
        random = np.random.default_rng(5)
        control, treatment = random.exponential(1, 2000), random.exponential(1, 2000)
        treatment[0] = 50_000.0
        capped = winsorised(control, treatment)
        raw = compare(summary_from_values(control), summary_from_values(treatment), kind="mean")
        robust = compare(capped.control, capped.treatment, kind="mean")
        assert raw.standard_error > 20
        assert robust.standard_error < 0.05
        assert capped.capped_fraction == pytest.approx(0.01, abs=0.002)

    def test_both_variants_get_one_cap(self) -> None:
        capped = winsorised([0.0, 0, 1, 2], [0.0, 0, 3, 100], upper_quantile=0.5, ignore_zeros=True)
        assert capped.upper == 2.5
        assert capped.treatment.mean == pytest.approx((2.5 + 2.5) / 4)

    @pytest.mark.parametrize("quantiles", [(0.9, 0.5), (-0.1, 0.5), (0.0, 1.1)])
    def test_quantiles_leave_something_between(self, quantiles: tuple[float, float]) -> None:
        with pytest.raises(InvalidInputError):
            winsorised([1.0], [1.0], lower_quantile=quantiles[0], upper_quantile=quantiles[1])

    def test_nothing_has_no_cap(self) -> None:
        with pytest.raises(InvalidInputError, match="no value"):
            winsorised([0.0], [0.0], ignore_zeros=True)


class TestStrata:
    def test_one_stratum_is_the_plain_comparison(self) -> None:
        random = np.random.default_rng(6)
        a, b = (summary_from_values(random.normal(m, 1, 200)) for m in (0, 0.3))
        plain, found = (
            compare(a, b, kind="mean"),
            post_stratified([Stratum(control=a, treatment=b)], kind="mean"),
        )
        assert found.p_value == pytest.approx(plain.p_value)
        assert found.ci_lower == pytest.approx(plain.ci_lower)

    def test_strata_undo_a_change_of_weights(self) -> None:
        """The split moved from 50/50 to 10/90 as the baseline rose: the naive effect is false."""
        before = proportion_summary(5000, 500), proportion_summary(5000, 500)
        after = proportion_summary(1000, 300), proportion_summary(9000, 2700)
        naive = compare(
            pooled([before[0], after[0]]), pooled([before[1], after[1]]), kind="proportion"
        )
        strata = [Stratum(control=c, treatment=t) for c, t in (before, after)]
        found = post_stratified(strata, kind="proportion")
        assert naive.p_value < 1e-10
        assert found.absolute_difference == pytest.approx(0.0)
        assert found.weights == (0.5, 0.5)

    def test_strata_that_explain_the_metric_sharpen_it(self) -> None:
        random = np.random.default_rng(7)
        parts = [
            [summary_from_values(random.normal(level, 1, 300)) for _ in range(2)]
            for level in (0, 10)
        ]
        strata = [Stratum(control=a, treatment=b, share=0.5) for a, b in parts]
        whole = compare(
            pooled([parts[0][0], parts[1][0]]), pooled([parts[0][1], parts[1][1]]), kind="mean"
        )
        found = post_stratified(strata, kind="mean")
        assert found.standard_error < 0.3 * whole.standard_error

    def test_too_little_in_a_stratum_is_said(self) -> None:
        thin = Stratum(control=proportion_summary(1, 0), treatment=proportion_summary(9, 2))
        assert post_stratified([thin], kind="proportion").reasons == ("too_few_units",)
        flat = Stratum(control=proportion_summary(9, 0), treatment=proportion_summary(9, 0))
        assert post_stratified([flat], kind="proportion").reasons == ("zero_variance",)

    def test_no_strata_or_shares_are_refused(self) -> None:
        some = proportion_summary(9, 2)
        with pytest.raises(InvalidInputError, match="no strata"):
            post_stratified([], kind="mean")
        with pytest.raises(InvalidInputError, match="shares"):
            post_stratified([Stratum(control=some, treatment=some, share=-1.0)], kind="proportion")


class TestRegression:
    def summaries(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        random = np.random.default_rng(8)
        t = random.integers(0, 2, 400).astype(float)
        x = random.normal(2, 1, 400)
        return t, x, 1 + 0.4 * t + (0.5 + 0.6 * t) * x + random.normal(0, 1, 400)

    def both(self, t: np.ndarray, x: np.ndarray, y: np.ndarray) -> list[MetricSummary]:
        return [summary_from_values(y[t == v], covariate=x[t == v]) for v in (0, 1)]

    def test_ancova_is_least_squares(self) -> None:
        import statsmodels.api as sm

        t, x, y = self.summaries()
        fit = sm.OLS(y, np.column_stack((np.ones(400), t, x))).fit()
        found = ancova(*self.both(t, x, y))
        assert found.absolute_difference == pytest.approx(fit.params[1])
        assert found.standard_error == pytest.approx(fit.bse[1])
        assert found.p_value == pytest.approx(fit.pvalues[1])

    def test_lin_is_least_squares_with_an_interaction(self) -> None:
        import statsmodels.api as sm

        t, x, y = self.summaries()
        centred = x - x.mean()
        design = np.column_stack((np.ones(400), t, centred, t * centred))
        fit = sm.OLS(y, design).fit(cov_type="HC2")
        found = lin(*self.both(t, x, y))
        assert found.absolute_difference == pytest.approx(fit.params[1])
        assert found.standard_error == pytest.approx(fit.bse[1], rel=0.02)

    def test_without_a_covariate_there_is_no_regression(self) -> None:
        some = proportion_summary(9, 2)
        with pytest.raises(InvalidInputError, match="covariate"):
            ancova(some, some)
