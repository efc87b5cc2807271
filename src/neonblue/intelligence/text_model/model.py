"""The trained text model: scores, probabilities that mirror, and files without pickles."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neonblue.errors import ConflictError, NotFoundError, UnavailableError
from neonblue.intelligence.text_model.features import (
    CHARACTERS,
    WORDS,
    FeatureSpace,
    Vocabulary,
)
from neonblue.intelligence.text_model.process import FittedProcess, Variances
from neonblue.memory.embedding import Embedder
from neonblue.models.private_file import replace_private

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CURRENT = "CURRENT"
CONTENT, ARRAYS = MODEL_FILES = ("model.json", "arrays.npz")
FORMAT = 1
DIGITS = 6
SHOWN_FAULT = 120

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextModel:
    """``slope`` turns a difference of scores into log odds; ``card`` says how it was made."""

    space: FeatureSpace
    process: FittedProcess
    slope: float
    card: Mapping[str, Any]

    @property
    def version(self) -> str:
        """Names the model in forecasts and messages."""
        return str(self.card["version"])

    def scores(self, texts: Sequence[str], embedder: Embedder) -> dict[str, float]:
        """A score for each different text; a higher one is expected to do better."""
        self._require_same_model(embedder)
        # Sorted, so that the same texts in another order go through the same arithmetic.
        distinct = sorted(set(texts))
        if not distinct:
            return {}
        values = self.process.scores(self.space.features(distinct, embedder))
        return dict(zip(distinct, values.tolist(), strict=True))

    def probabilities(
        self, pairs: Sequence[tuple[str, str]], embedder: Embedder
    ) -> NDArray[np.float64]:
        """The chance that the first text of each pair does better; swapped, one minus it."""
        import numpy as np

        cleaned = [(a.strip(), b.strip()) for a, b in pairs]
        scores = self.scores([text for pair in cleaned for text in pair], embedder)
        margins = np.array([scores[a] - scores[b] for a, b in cleaned], dtype=np.float64)
        return mirrored_probabilities(self.slope * margins)

    def save(self, folder: Path) -> None:
        """Write the model as a version below the folder and make it the current one."""
        import numpy as np

        target = folder / self.version
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        arrays, terms = _arrays(self)
        np.savez(target / ARRAYS, **arrays)  # type: ignore[arg-type]
        content = {
            "format": FORMAT,
            "card": self.card,
            "slope": self.slope,
            "variances": asdict(self.process.variances),
            "terms": terms,
        }
        (target / CONTENT).write_text(json.dumps(content, ensure_ascii=False))
        replace_private(folder / CURRENT, self.version.encode())

    def _require_same_model(self, embedder: Embedder) -> None:
        made_with = self.card["embedding"]
        if made_with != embedder.fingerprint:
            raise ConflictError(
                f"the text model {self.version!r} was trained with the embedding model "
                f"{made_with!r}, but {embedder.fingerprint!r} is configured: "
                "run `neonblue forecast train` again"
            )


def mirrored_probabilities(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """The logistic function to six decimals, exactly one minus itself under a change of sign."""
    import numpy as np

    likelier = np.round(1 / (1 + np.exp(-np.abs(log_odds))), DIGITS)
    return np.where(log_odds >= 0, likelier, 1 - likelier)


def current_version(folder: Path) -> str | None:
    """The version in use, or None when nothing was trained yet."""
    pointer = folder / CURRENT
    if not pointer.is_file():
        return None
    return pointer.read_text(errors="replace").strip()[:SHOWN_FAULT] or "none"


def load_model(folder: Path, version: str | None = None) -> TextModel:
    """The current model, or the one of that version.

    Raises ``NotFoundError`` when there is none and ``UnavailableError`` when its files are damaged.
    """
    name = version or current_version(folder)
    if name is None or not (folder / name / CONTENT).is_file():
        raise NotFoundError(
            "there is no trained text model yet: run `neonblue forecast train FILE`, "
            "or without FILE once experiments with described variants have finished"
        )
    try:
        return _read(folder / name)
    except MemoryError:
        raise
    except Exception as error:  # whatever is in a file
        raise UnavailableError(
            f"the text model in {str(folder / name)!r} cannot be used "
            f"({type(error).__name__}: {str(error)[:SHOWN_FAULT]}): "
            "run `neonblue forecast train` again"
        ) from error


def usable_model(folder: Path, version: str | None) -> TextModel | None:
    """The model of that version; None without one, or where its files are damaged."""
    try:
        return None if version is None else load_model(folder, version)
    except (NotFoundError, UnavailableError) as error:
        logger.warning("forecasts go without the text model: %s", error)
        return None


def _read(folder: Path) -> TextModel:
    import numpy as np

    content = json.loads((folder / CONTENT).read_text())
    with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
        return _model(content, dict(arrays))


def _arrays(model: TextModel) -> tuple[dict[str, NDArray[Any]], dict[str, list[str]]]:
    space, process = model.space, model.process
    arrays: dict[str, NDArray[Any]] = {
        "words_idf": space.words.idf,
        "characters_idf": space.characters.idf,
        "style_mean": space.style_mean,
        "style_sd": space.style_sd,
        "meaning_mean": space.meaning_mean,
        "words": process.words,
        "characters": process.characters,
        "style": process.style,
        "anchors_meaning": process.anchors_meaning,
        "anchors_style": process.anchors_style,
        "anchor_weights": process.anchor_weights,
    }
    terms = {"words": list(space.words.terms), "characters": list(space.characters.terms)}
    return arrays, terms


def _model(content: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> TextModel:
    terms = content["terms"]
    space = FeatureSpace(
        words=Vocabulary(terms=tuple(terms["words"]), idf=arrays["words_idf"], options=WORDS),
        characters=Vocabulary(
            terms=tuple(terms["characters"]), idf=arrays["characters_idf"], options=CHARACTERS
        ),
        style_mean=arrays["style_mean"],
        style_sd=arrays["style_sd"],
        meaning_mean=arrays["meaning_mean"],
    )
    process = FittedProcess(
        words=arrays["words"],
        characters=arrays["characters"],
        style=arrays["style"],
        anchors_meaning=arrays["anchors_meaning"],
        anchors_style=arrays["anchors_style"],
        anchor_weights=arrays["anchor_weights"],
        variances=Variances(**content["variances"]),
    )
    return TextModel(space=space, process=process, slope=content["slope"], card=content["card"])
