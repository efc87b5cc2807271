"""Whether a share is the same in every variant: Pearson's chi-square of a 2 x k table."""

import pytest
from scipy.stats import chi2_contingency

from neonblue.stats.homogeneity import homogeneity_p_value


@pytest.mark.parametrize(
    ("hits", "totals"),
    [((15, 0), (1000, 1000)), ((3, 9, 4), (100, 120, 80)), ((40, 60), (100, 100))],
)
def test_the_p_value_is_scipys_of_the_table(hits: tuple[int, ...], totals: tuple[int, ...]) -> None:
    table = [list(hits), [n - x for x, n in zip(hits, totals, strict=True)]]
    expected = chi2_contingency(table, correction=False).pvalue
    assert homogeneity_p_value(hits, totals) == pytest.approx(expected, rel=1e-12)


def test_a_variant_without_rows_takes_no_part() -> None:
    assert homogeneity_p_value((15, 0, 3), (1000, 0, 900)) == pytest.approx(
        homogeneity_p_value((15, 3), (1000, 900))
    )


@pytest.mark.parametrize(
    ("hits", "totals"), [((0, 0), (10, 10)), ((10, 10), (10, 10)), ((3,), (10,)), ((), ())]
)
def test_there_may_be_nothing_to_compare(hits: tuple[int, ...], totals: tuple[int, ...]) -> None:
    assert homogeneity_p_value(hits, totals) is None
