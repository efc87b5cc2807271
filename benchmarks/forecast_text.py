"""Predicting which headline wins, on Upworthy's archive: our model against a TF-IDF baseline.

    python -m benchmarks.forecast_text [FOLDER WITH headline_pairs.csv.gz]

Both learn from earlier weeks and are judged on the same later ones (whole tests, about a fifth of
the pairs). Weeks with broken randomisation judge nothing; to us alone, their rates still teach.
The baseline is logistic regression on differences of TF-IDF words and characters and of style
features, weighted by |z|. Intervals are clustered by test. Anything above .85 would be a leak.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neonblue.intelligence.text_model.arms import Pair, read_pairs, unique_arms
from neonblue.intelligence.text_model.evaluation import Evaluation, evaluate
from neonblue.intelligence.text_model.features import learn_space
from neonblue.intelligence.text_model.model import mirrored_probabilities
from neonblue.intelligence.text_model.training import (
    KnownVectors,
    fit_arms,
    fit_slope,
    split_by_time,
)
from neonblue.memory.embedding import open_embedder

DEFAULT = Path(__file__).parents[2] / "shared/data/upworthy/headline_pairs.csv.gz"


def main(path: Path) -> None:
    earlier, later = split_by_time(read_pairs(path))
    vectors = KnownVectors(open_embedder())
    vectors.embed([arm.text for arm in unique_arms([*earlier, *later])])
    sound = [pair for pair in earlier if pair.sound]
    print(
        f"{len(sound):,} earlier pairs (and {len(earlier) - len(sound):,} unsound), "
        f"{len(later):,} later ones\n"
    )
    print(f"{'':24}{'all pairs':28}{'significant pairs':28}{'log loss':>9}{'ECE':>7}{'skill':>7}")
    show("longer headline", evaluate(later, longer(later)))
    baseline = logistic_margins(sound, later, vectors)
    show("TF-IDF, style, |z|", evaluate(later, calibrated(later, baseline)))
    started = time.perf_counter()
    margins = process_margins(earlier, later, vectors)
    print(f"fitted and scored in {time.perf_counter() - started:.0f} s, embeddings apart")
    show("NeonBlue", evaluate(later, calibrated(later, margins)))
    without = process_margins(sound, later, vectors)
    show("without unsound pairs", evaluate(later, calibrated(later, without)))
    for low, high, name in ((0.025, 0.975, "accuracy over baseline, 95 % by test"),):
        gains = resampled_gain(later, baseline, margins)
        print(
            f"{name}: {np.mean(gains):+.3f} ({np.quantile(gains, low):+.3f}, "
            f"{np.quantile(gains, high):+.3f})"
        )


def show(name: str, judged: Evaluation) -> None:
    """One line of the table."""
    cells = [
        f"{rate.value:.3f} ({rate.ci_lower:.3f}, {rate.ci_upper:.3f}) of {rate.pairs:,}"
        for rate in (judged.accuracy, judged.accuracy_significant)
    ]
    print(
        f"{name:24}{cells[0]:28}{cells[1]:28}{judged.log_loss:9.4f}"
        f"{judged.calibration_error:7.3f}{judged.log_skill:+7.3f}"
    )


def longer(pairs: Sequence[Pair]) -> NDArray[np.float64]:
    """The longer text wins, by a hair."""
    sizes = np.array([len(pair.a.text) - len(pair.b.text) for pair in pairs])
    return 0.5 + 0.01 * np.sign(sizes)


def process_margins(
    earlier: Sequence[Pair], later: Sequence[Pair], vectors: KnownVectors
) -> NDArray[np.float64]:
    """Our model's difference of scores."""
    space, process = fit_arms(unique_arms(earlier), vectors)
    texts = sorted({arm.text for arm in unique_arms(later)})
    scores = dict(zip(texts, process.scores(space.features(texts, vectors)), strict=True))
    return np.array([scores[pair.a.text] - scores[pair.b.text] for pair in later])


def logistic_margins(
    earlier: Sequence[Pair], later: Sequence[Pair], vectors: KnownVectors
) -> NDArray[np.float64]:
    """The baseline's log odds."""
    from scipy.sparse import csr_matrix, hstack
    from sklearn.linear_model import LogisticRegression

    space = learn_space(sorted({arm.text for arm in unique_arms(earlier)}), vectors)

    def differences(pairs: Sequence[Pair]) -> csr_matrix:
        a = space.features([pair.a.text for pair in pairs], vectors)
        b = space.features([pair.b.text for pair in pairs], vectors)
        style = csr_matrix(np.sqrt(a.style.shape[1]) * (a.style - b.style))
        return hstack([a.words - b.words, a.characters - b.characters, style]).tocsr()

    z = np.array([z_of(pair) for pair in earlier])
    decided = z != 0
    model = LogisticRegression(C=0.1, fit_intercept=False, max_iter=1000)
    model.fit(differences(earlier)[decided], z[decided] > 0, sample_weight=np.abs(z[decided]))
    margins: NDArray[np.float64] = model.decision_function(differences(later))
    return margins


def z_of(pair: Pair) -> float:
    """The pooled z statistic of the two rates."""
    a, b = pair.a, pair.b
    pooled = (a.successes + b.successes) / (a.shown + b.shown)
    variance = pooled * (1 - pooled) * (1 / a.shown + 1 / b.shown)
    return 0.0 if variance == 0 else (a.successes / a.shown - b.successes / b.shown) / variance**0.5


def calibrated(later: Sequence[Pair], margins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities whose slope was fitted on the other half of the tests."""
    tests = sorted({pair.a.test for pair in later})
    half = np.array([tests.index(pair.a.test) % 2 for pair in later])
    log_odds = np.empty_like(margins)
    for side in (0, 1):
        others = [pair for pair, at in zip(later, half, strict=True) if at != side]
        log_odds[half == side] = margins[half == side] * fit_slope(others, margins[half != side])
    return mirrored_probabilities(log_odds)


def resampled_gain(
    later: Sequence[Pair], before: NDArray[np.float64], after: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The gain in accuracy in resamples of whole tests."""
    kept = np.array([not pair.tied for pair in later])
    won = np.array([pair.a_wins for pair in later])[kept]
    codes = np.unique([pair.a.test for pair in later], return_inverse=True)[1][kept]
    gain = ((after[kept] > 0) == won).astype(float) - ((before[kept] > 0) == won)
    sums, counts = np.bincount(codes, gain), np.bincount(codes)
    weights = np.random.default_rng(0).multinomial(
        len(sums), np.full(len(sums), 1 / len(sums)), size=2000
    )
    return (weights @ sums) / (weights @ counts)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT)
