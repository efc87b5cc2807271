"""A Gaussian process over texts, fitted to the log odds of every arm.

The log odds of an arm are modelled as the sum of what the text does, what its test and its setting
share, a slow drift over weeks, and binomial noise. Only the first part is kept. It is a sum of
kernels over words, characters, style and meaning, and of meaning times style. Rasmussen and
Williams (2006), "Gaussian Processes for Machine Learning", eqs. 2.25 and 4.9 (squared exponential).

Because tests are levels with a finite variance and not constants, texts are also compared across
tests, as far as that tells something: on Upworthy's headlines this is worth two points of accuracy
over learning from pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neonblue.intelligence.text_model.arms import Arm, success_rates
from neonblue.intelligence.text_model.features import TextFeatures

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

BLOCK = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Variances:
    """How much of the log odds' variance each part explains, and lengths.

    Chosen by the log loss of three splits by week (201420-28, 29-34, 35-38) of public headlines.
    """

    words: float = 0.02
    characters: float = 0.014
    style: float = 0.004
    meaning: float = 0.025
    meaning_length: float = 0.6
    meaning_style: float = 0.005
    test: float = 0.09
    setting: float = 0.006
    week: float = 0.0125
    week_length: float = 6.0
    noise: float = 0.0566


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedProcess:
    """What prediction needs: weights of the linear parts, anchors of the curved ones."""

    words: Matrix
    characters: Matrix
    style: Matrix
    anchors_meaning: Matrix
    anchors_style: Matrix
    anchor_weights: Matrix
    variances: Variances

    def scores(self, features: TextFeatures) -> NDArray[np.float64]:
        """The expected log odds of each text, up to one constant."""
        import numpy as np

        linear = (
            features.words @ self.words
            + features.characters @ self.characters
            + features.style @ self.style
        )
        curved = [
            _curved(
                features.meaning[start : start + BLOCK],
                features.style[start : start + BLOCK],
                self.anchors_meaning,
                self.anchors_style,
                self.variances,
            )
            @ self.anchor_weights
            for start in range(0, len(features.meaning), BLOCK)
        ]
        return np.asarray(linear, dtype=np.float64) + np.concatenate(curved)


def fit_process(
    arms: Sequence[Arm], features: TextFeatures, variances: Variances | None = None
) -> FittedProcess:
    """Fit to arms; ``features`` has one row an arm. Cost is cubic in arms: 10,000 take a minute."""
    import numpy as np
    from scipy.linalg import cho_factor, cho_solve

    chosen = variances or Variances()
    odds, noise = success_rates(arms)
    covariance = _text_covariance(features, chosen)
    _add_shared(covariance, arms, chosen)
    covariance[np.diag_indices_from(covariance)] += (noise + chosen.noise).astype(np.float32)
    level = np.average(odds, weights=1 / (noise + 0.5))
    factor = cho_factor(covariance, lower=True, overwrite_a=True, check_finite=False)
    weights = cho_solve(factor, (odds - level).astype(np.float32), check_finite=False)
    return FittedProcess(
        words=chosen.words * (features.words.T @ weights),
        characters=chosen.characters * (features.characters.T @ weights),
        style=chosen.style * (features.style.T @ weights),
        anchors_meaning=features.meaning,
        anchors_style=features.style,
        anchor_weights=weights,
        variances=chosen,
    )


def _text_covariance(features: TextFeatures, variances: Variances) -> Matrix:
    import numpy as np

    count = len(features.meaning)
    covariance = np.empty((count, count), dtype=np.float32)
    for start in range(0, count, BLOCK):
        rows = slice(start, start + BLOCK)
        words = (features.words[rows] @ features.words.T).toarray()
        characters = (features.characters[rows] @ features.characters.T).toarray()
        covariance[rows] = (
            variances.words * words
            + variances.characters * characters
            + variances.style * (features.style[rows] @ features.style.T)
            + _curved(
                features.meaning[rows],
                features.style[rows],
                features.meaning,
                features.style,
                variances,
            )
        )
    return covariance


def _curved(
    meaning: Matrix, style: Matrix, to_meaning: Matrix, to_style: Matrix, variances: Variances
) -> Matrix:
    import numpy as np

    apart = _squared_distances(meaning, to_meaning)
    both = np.exp(-0.5 * (apart + _squared_distances(style, to_style)))
    alone = np.exp(-0.5 / variances.meaning_length**2 * apart)
    total: Matrix = variances.meaning * alone + variances.meaning_style * both
    return total.astype(np.float32)


def _squared_distances(a: Matrix, b: Matrix) -> Matrix:
    import numpy as np

    lengths = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)
    apart: Matrix = np.maximum(lengths - 2 * (a @ b.T), 0)
    return apart


def _add_shared(covariance: Matrix, arms: Sequence[Arm], variances: Variances) -> None:
    """Add, in place, what arms of one test, one setting or near weeks have in common."""
    import numpy as np

    weeks = np.array([arm.week for arm in arms], dtype=np.float32)
    tests = _codes([arm.test for arm in arms])
    settings = _codes([f"{arm.test}\x00{arm.setting}" for arm in arms])
    for start in range(0, len(arms), BLOCK):
        rows = slice(start, start + BLOCK)
        apart = (weeks[rows, None] - weeks) / np.float32(variances.week_length)
        covariance[rows] += np.float32(variances.week) * np.exp(-0.5 * apart**2)
        covariance[rows] += np.float32(variances.test) * (tests[rows, None] == tests)
        covariance[rows] += np.float32(variances.setting) * (settings[rows, None] == settings)


def _codes(names: Sequence[str]) -> NDArray[np.int64]:
    import numpy as np

    codes: NDArray[np.int64] = np.unique(names, return_inverse=True)[1].astype(np.int64)
    return codes
