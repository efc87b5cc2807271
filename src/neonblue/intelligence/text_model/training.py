"""Training: earlier tests teach, later ones judge; a worse model never replaces a better one."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from neonblue.errors import ConflictError, InvalidInputError
from neonblue.intelligence.text_model.arms import Arm, Pair, unique_arms
from neonblue.intelligence.text_model.evaluation import Evaluation, evaluate
from neonblue.intelligence.text_model.features import FeatureSpace, TextFeatures, learn_space
from neonblue.intelligence.text_model.model import (
    TextModel,
    current_version,
    load_model,
    mirrored_probabilities,
    usable_model,
)
from neonblue.intelligence.text_model.process import FittedProcess, fit_process
from neonblue.memory.embedding import Embedder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEAST_PAIRS = 50
LEAST_TESTS = 10
HELD_OUT_SHARE = 0.2
# Beyond this the covariance no longer fits small machines; the newest arms are kept.
MOST_ARMS = 14_000
FRESH_PAIRS = 100
SUSPICIOUS_ACCURACY = 0.85
LOCK_FILE = "training.lock"
SLOPES = (0.05, 12.0)

Report = Callable[[float, float, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What came of it: the model in use now, whether it is the new one, and both judgements."""

    model: TextModel
    kept_new: bool
    reason: str
    evaluation: Evaluation
    previous_version: str | None
    warnings: tuple[str, ...]


class KnownVectors:
    """An embedder that embeds each different text once."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._vectors: dict[str, NDArray[np.float32]] = {}
        self.fingerprint, self.dimension = embedder.fingerprint, embedder.dimension

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As the embedder does."""
        import numpy as np

        new = sorted({text for text in texts if text not in self._vectors})
        self._vectors.update(zip(new, self._embedder.embed(new), strict=True))
        return np.array([self._vectors[text] for text in texts], dtype=np.float32)


def train(
    pairs: Sequence[Pair], embedder: Embedder, folder: Path, *, source: str, report: Report
) -> Training:
    """Train on pairs, judge on the latest tests, and save the model if it is better.

    Raises ``InvalidInputError`` when the pairs are too few, and ``ConflictError`` while another
    training writes to the same folder.
    """
    require_enough(pairs)
    with _alone_in(folder):
        return _train(pairs, embedder, folder, source, report)


def _train(
    pairs: Sequence[Pair], embedder: Embedder, folder: Path, source: str, report: Report
) -> Training:
    vectors = KnownVectors(embedder)
    report(0, 4, f"embedding the texts of {len(pairs)} pairs")
    vectors.embed([arm.text for arm in unique_arms(pairs)])
    earlier, later = split_by_time(pairs)
    report(1, 4, f"fitting {len(earlier)} earlier pairs")
    margins = _fit_and_score(earlier, later, vectors)
    slope = fit_slope(later, margins)
    judged = evaluate(later, _cross_fitted(later, margins))
    report(2, 4, f"held-out accuracy {judged.accuracy.value:.3f}; comparing with the model before")
    previous = current_version(folder)
    verdict = _compare(folder, previous, later, slope * margins, judged, vectors)
    warnings = _warnings(judged)
    if previous is not None and verdict[0] is False:
        return Training(
            model=load_model(folder, previous),
            kept_new=False,
            reason=verdict[1],
            evaluation=judged,
            previous_version=previous,
            warnings=warnings,
        )
    report(3, 4, f"fitting all {len(pairs)} pairs")
    model = _final_model(pairs, vectors, slope, judged, source)
    model.save(folder)
    report(4, 4, f"saved text model {model.version}")
    return Training(
        model=model,
        kept_new=True,
        reason=verdict[1],
        evaluation=judged,
        previous_version=previous,
        warnings=warnings,
    )


def split_by_time(pairs: Sequence[Pair]) -> tuple[list[Pair], list[Pair]]:
    """Whole tests, the later ones (a fifth of the sound pairs) held out; without weeks, by name.

    Unsound pairs only teach, and only what was known before the held-out tests began.
    """
    sound = [pair for pair in pairs if pair.sound]
    order = sorted(
        {pair.a.test: pair.a.week for pair in sound}.items(),
        key=lambda item: (item[1], hashlib.sha256(item[0].encode()).digest()),
    )
    sizes = Counter(pair.a.test for pair in sound)
    wanted, held, late = HELD_OUT_SHARE * len(sound), 0, set[str]()
    for test, _ in reversed(order):
        if held >= wanted:
            break
        late.add(test)
        held += sizes[test]
    later = [pair for pair in sound if pair.a.test in late]
    until = min((pair.a.week for pair in later), default=0)
    earlier = [
        pair for pair in pairs if pair.a.test not in late and (pair.sound or pair.a.week <= until)
    ]
    return earlier, later


def fit_slope(pairs: Sequence[Pair], margins: NDArray[np.float64]) -> float:
    """The slope with the least log loss of the pairs' outcomes (Platt scaling without a shift)."""
    import numpy as np
    from scipy.optimize import minimize_scalar

    decided = np.array([not pair.tied for pair in pairs])
    signs = np.array([1.0 if pair.a_wins else -1.0 for pair in pairs])
    towards = (margins * signs)[decided]
    if len(towards) == 0:
        return 1.0
    best = minimize_scalar(
        lambda slope: np.mean(np.logaddexp(0, -slope * towards)), bounds=SLOPES, method="bounded"
    )
    return float(best.x)


def fit_arms(arms: Sequence[Arm], embedder: Embedder) -> tuple[FeatureSpace, FittedProcess]:
    """The feature space and the process of the newest arms."""
    newest = sorted(arms, key=lambda arm: arm.week)[-MOST_ARMS:]
    texts = sorted({arm.text for arm in newest})
    space = learn_space(texts, embedder)
    distinct = space.features(texts, embedder)
    row = {text: number for number, text in enumerate(texts)}
    return space, fit_process(newest, _rows(distinct, [row[arm.text] for arm in newest]))


def _rows(features: TextFeatures, rows: Sequence[int]) -> TextFeatures:
    return TextFeatures(
        words=features.words[rows],
        characters=features.characters[rows],
        style=features.style[rows],
        meaning=features.meaning[rows],
    )


def _fit_and_score(
    earlier: Sequence[Pair], later: Sequence[Pair], embedder: Embedder
) -> NDArray[np.float64]:
    import numpy as np

    space, process = fit_arms(unique_arms(earlier), embedder)
    texts = sorted({arm.text for arm in unique_arms(later)})
    scores = dict(zip(texts, process.scores(space.features(texts, embedder)), strict=True))
    return np.array([scores[pair.a.text] - scores[pair.b.text] for pair in later])


def _cross_fitted(later: Sequence[Pair], margins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities whose slope was fitted on the other half of the held-out tests."""
    import numpy as np

    half = np.array([hashlib.sha256(pair.a.test.encode()).digest()[0] % 2 for pair in later])
    log_odds = np.empty_like(margins)
    for side in (0, 1):
        others = [pair for pair, other in zip(later, half != side, strict=True) if other]
        log_odds[half == side] = margins[half == side] * fit_slope(others, margins[half != side])
    return mirrored_probabilities(log_odds)


def _final_model(
    pairs: Sequence[Pair], embedder: Embedder, slope: float, judged: Evaluation, source: str
) -> TextModel:
    arms = unique_arms(pairs)
    space, process = fit_arms(arms, embedder)
    trained_at = datetime.now(UTC)
    tests = sorted({arm.test for arm in arms})
    card: dict[str, Any] = {
        "version": f"text-{trained_at:%Y%m%dT%H%M%S}-{_digest(tests)[:8]}",
        "trained_at": trained_at.isoformat(timespec="seconds"),
        "source": source,
        "embedding": embedder.fingerprint,
        "pairs": len(pairs),
        "arms": len(arms),
        "test_digests": [_digest([test])[:16] for test in tests],
        "held_out": asdict(judged),
    }
    return TextModel(space=space, process=process, slope=slope, card=card)


def _compare(
    folder: Path,
    previous: str | None,
    later: Sequence[Pair],
    log_odds: NDArray[np.float64],
    judged: Evaluation,
    embedder: Embedder,
) -> tuple[bool, str]:
    """Whether the new model is better, on held-out tests that neither has learnt from."""
    import numpy as np

    if previous is None:
        return True, "it is the first model"
    before = usable_model(folder, previous)
    if before is None:
        return True, f"the files of {previous} are damaged or gone"
    if before.card["embedding"] != embedder.fingerprint:
        return True, f"{previous} was trained with another embedding model"
    learnt = set(before.card["test_digests"])
    fresh = np.array([_digest([pair.a.test])[:16] not in learnt for pair in later])
    if int(fresh.sum()) < FRESH_PAIRS:
        loss, was = judged.log_loss, float(before.card["held_out"]["log_loss"])
        held_out = "each one's own held-out tests"
    else:
        pairs = [pair for pair, is_fresh in zip(later, fresh, strict=True) if is_fresh]
        theirs = before.probabilities([(pair.a.text, pair.b.text) for pair in pairs], embedder)
        loss = evaluate(pairs, mirrored_probabilities(log_odds[fresh])).log_loss
        was = evaluate(pairs, theirs).log_loss
        held_out = f"{len(pairs)} held-out pairs that neither has seen"
    better = loss < was
    return better, (
        f"log loss {loss:.4f} against {was:.4f} of {previous} on {held_out}: "
        + ("the new model is used" if better else "the model before stays")
    )


def _warnings(judged: Evaluation) -> tuple[str, ...]:
    found: list[str] = []
    accuracy = judged.accuracy.value
    if accuracy is not None and accuracy > SUSPICIOUS_ACCURACY:
        found.append(
            f"held-out accuracy {accuracy:.3f} is above {SUSPICIOUS_ACCURACY}: click noise alone "
            "forbids that for headlines, so look for a leak between rows before you trust it"
        )
    if judged.log_skill <= 0:
        found.append("held-out predictions are no better than the base rate: do not rely on them")
    return tuple(found)


def is_training(folder: Path) -> bool:
    """Whether a training is under way for this folder, in whatever process."""
    if not (folder / LOCK_FILE).is_file():
        return False
    try:
        with FileLock(folder / LOCK_FILE, blocking=False):
            return False
    except Timeout:
        return True


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(folder / LOCK_FILE, mode=0o600)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise ConflictError(
            f"another training is under way in {str(folder)!r}: wait until it has ended, "
            "then run this one again"
        ) from None
    try:
        yield
    finally:
        lock.release()


def require_enough(pairs: Sequence[Pair]) -> None:
    """Refuse pairs that are too few to learn from and to judge."""
    sound = [pair for pair in pairs if pair.sound]
    tests = len({pair.a.test for pair in sound})
    if len(sound) < LEAST_PAIRS or tests < LEAST_TESTS:
        raise InvalidInputError(
            f"{len(sound)} pairs of {tests} tests are too few to learn from and to judge: "
            f"{LEAST_PAIRS} pairs of {LEAST_TESTS} tests are the least"
        )


def _digest(names: Sequence[str]) -> str:
    return hashlib.sha256("\x00".join(names).encode()).hexdigest()
