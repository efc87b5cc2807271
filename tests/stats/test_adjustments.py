"""Multiplicity and meta-analysis."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from neonblue.errors import InvalidInputError
from neonblue.stats.meta import random_effects
from neonblue.stats.multiplicity import adjusted_p_values

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

    @pytest.mark.parametrize(
        ("effects", "variances"),
        [([1.0], [1.0]), ([1, 2], [1]), ([1, 2], [1, 0]), ([1, math.nan], [1, 1])],
    )
    def test_what_cannot_be_pooled_is_refused(self, effects: list, variances: list) -> None:
        with pytest.raises(InvalidInputError):
            random_effects(effects, variances)
