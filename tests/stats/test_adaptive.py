"""Effects under adaptive allocation, from batch and variant sums."""

import numpy as np
import pytest
from benchmarks.adaptive_inference import SETTINGS, measure, run

from neonblue.errors import InvalidInputError
from neonblue.stats.adaptive import Batches, adaptive_sequence

RUNS = 120


def even_batches(rng: np.random.Generator, count: int = 8, size: int = 1_000) -> Batches:
    n = np.full((count, 2), size / 2)
    hits = rng.binomial(size // 2, [0.10, 0.12], (count, 2))
    mean = hits / n
    return Batches(n=n, mean=mean, variance=mean * (1 - mean), probability=np.full((count, 2), 0.5))


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_the_sequence_covers_the_effect_at_every_look(setting) -> None:  # type: ignore[no-untyped-def]
    """Also with a 1 % floor and a drifting baseline, where the naive interval is lost."""
    rng = np.random.default_rng(71)
    results = np.array([measure(*run(setting, rng)) for _ in range(RUNS)])
    naive_covers, covers = results[:, 2].mean(), results[:, 4].mean()
    assert covers >= 0.94
    assert naive_covers < 0.90


def test_scores_from_sums_are_the_scores_from_units() -> None:
    """What the batch sums give is the mean and spread over every single unit's score."""
    rng = np.random.default_rng(72)
    shares, sizes = [(0.5, 0.5), (0.8, 0.2), (0.3, 0.7)], (400, 700, 500)
    chosen = [rng.random(size) < share[1] for share, size in zip(shares, sizes, strict=True)]
    values = [rng.normal(3.0 + 0.5 * treated, 1.0) for treated in chosen]
    batches = Batches(
        n=np.array([[(~t).sum(), t.sum()] for t in chosen], dtype=float),
        mean=np.array([[y[~t].mean(), y[t].mean()] for y, t in zip(values, chosen, strict=True)]),
        variance=np.array(
            [[y[~t].var(ddof=1), y[t].var(ddof=1)] for y, t in zip(values, chosen, strict=True)]
        ),
        probability=np.array(shares),
    )
    scores = []
    for index, (y, t) in enumerate(zip(values, chosen, strict=True)):
        if index == 0:
            m_c = m_t = values[0].mean()
        else:
            earlier, flags = np.concatenate(values[:index]), np.concatenate(chosen[:index])
            m_c, m_t = earlier[~flags].mean(), earlier[flags].mean()
        e_c, e_t = shares[index]
        scores.append(m_t - m_c + t * (y - m_t) / e_t - ~t * (y - m_c) / e_c)
    every = np.concatenate(scores)
    path = adaptive_sequence(batches, control=0, treatment=1, planned_n=2_000)
    assert path.estimate[-1] == pytest.approx(every.mean())
    observed = np.sqrt(((every - every.mean()) ** 2).sum()) / every.size
    assert path.standard_error[-1] >= observed * (1 - 1e-9)
    assert path.standard_error[-1] == pytest.approx(observed, rel=0.1)


def test_the_path_is_the_same_whether_batches_came_or_were_waited_for() -> None:
    """The sequence after five batches does not depend on what came later."""
    batches = even_batches(np.random.default_rng(73))
    whole = adaptive_sequence(batches, control=0, treatment=1, planned_n=8_000)
    cut = Batches(
        n=batches.n[:5],
        mean=batches.mean[:5],
        variance=batches.variance[:5],
        probability=batches.probability[:5],
    )
    part = adaptive_sequence(cut, control=0, treatment=1, planned_n=8_000)
    assert part.half_width == pytest.approx(whole.half_width[:5])
    assert part.estimate == pytest.approx(whole.estimate[:5])


def test_swapping_variants_negates_the_effect() -> None:
    batches = even_batches(np.random.default_rng(74))
    one = adaptive_sequence(batches, control=0, treatment=1, planned_n=8_000).last
    other = adaptive_sequence(batches, control=1, treatment=0, planned_n=8_000).last
    assert one.estimate == pytest.approx(-other.estimate)
    assert one.p_value == pytest.approx(other.p_value)
    assert one.available


def test_few_effective_units_are_a_typed_answer() -> None:
    batches = even_batches(np.random.default_rng(75), count=1, size=100)
    found = adaptive_sequence(batches, control=0, treatment=1, planned_n=8_000).last
    assert found.status == "insufficient_data"
    assert "effective sample" in found.detail


def test_a_batch_without_a_chance_for_one_variant_is_left_out() -> None:
    batches = Batches(
        n=np.array([[500.0, 500.0, 0.0], [300.0, 300.0, 400.0]]),
        mean=np.array([[0.1, 0.1, np.nan], [0.1, 0.12, 0.5]]),
        variance=np.array([[0.09, 0.09, np.nan], [0.09, 0.1, 0.25]]),
        probability=np.array([[0.5, 0.5, 0.0], [0.3, 0.3, 0.4]]),
    )
    known = adaptive_sequence(batches, control=0, treatment=1, planned_n=4_000)
    assert known.n.tolist() == [1_000.0, 2_000.0]
    assert abs(known.last.estimate) < 0.05
    late = adaptive_sequence(batches, control=0, treatment=2, planned_n=4_000)
    assert late.n.tolist() == [0.0, 1_000.0]
    assert late.last.available
    assert late.last.estimate == pytest.approx(0.4, abs=0.1)


@pytest.mark.parametrize(
    ("probability", "what"),
    [([[0.5, 0.4]], "sum to 1"), ([[1.2, -0.2]], "sum to 1"), ([[1.0, 0.0]], "probability 0")],
)
def test_impossible_probabilities_are_refused(probability: list[list[float]], what: str) -> None:
    table = np.array([[10.0, 10.0]])
    with pytest.raises(InvalidInputError, match=what):
        Batches(n=table, mean=table, variance=table, probability=np.array(probability))


def test_tables_of_different_shapes_are_refused() -> None:
    table = np.full((1, 2), 0.5)
    with pytest.raises(InvalidInputError, match="one shape"):
        Batches(n=table, mean=table, variance=table, probability=np.full((1, 3), 1 / 3))


def test_nothing_to_compare_is_refused() -> None:
    batches = even_batches(np.random.default_rng(76), count=1)
    with pytest.raises(InvalidInputError, match="different variants"):
        adaptive_sequence(batches, control=1, treatment=1, planned_n=100)


def test_missing_moments_of_empty_and_single_units_are_not_read() -> None:
    batches = Batches(
        n=np.array([[500.0, 500.0], [600.0, 0.0], [400.0, 1.0]]),
        mean=np.array([[0.1, 0.1], [0.1, np.nan], [0.1, 1.0]]),
        variance=np.array([[0.09, 0.09], [0.09, np.nan], [0.09, np.nan]]),
        probability=np.array([[0.5, 0.5], [0.99, 0.01], [0.99, 0.01]]),
    )
    path = adaptive_sequence(batches, control=0, treatment=1, planned_n=4_000)
    assert np.isfinite(path.estimate).all()
    assert np.isfinite(path.standard_error).all()


@pytest.mark.parametrize(("planned_n", "alpha"), [(0.0, 0.05), (np.nan, 0.05), (1_000.0, 0.0)])
def test_a_plan_that_cannot_be_is_refused(planned_n: float, alpha: float) -> None:
    batches = even_batches(np.random.default_rng(77), count=1)
    with pytest.raises(InvalidInputError):
        adaptive_sequence(batches, control=0, treatment=1, planned_n=planned_n, alpha=alpha)


def test_epoch_sized_values_keep_their_digits() -> None:
    """The same data with 1.7 billion added gives the same effect."""
    batches = even_batches(np.random.default_rng(78))
    moved = Batches(
        n=batches.n,
        mean=batches.mean + 1.7e9,
        variance=batches.variance,
        probability=batches.probability,
    )
    near = adaptive_sequence(batches, control=0, treatment=1, planned_n=8_000)
    far = adaptive_sequence(moved, control=0, treatment=1, planned_n=8_000)
    assert far.estimate == pytest.approx(near.estimate, abs=1e-5)
    assert far.standard_error == pytest.approx(near.standard_error, rel=1e-3)
