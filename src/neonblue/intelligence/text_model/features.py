"""A text as matrices: words, characters, style and meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from neonblue.intelligence.text_model.style import style_matrix
from neonblue.memory.embedding import Embedder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfVectorizer

WORDS: dict[str, Any] = {
    "ngram_range": (1, 2),
    "sublinear_tf": True,
    "token_pattern": r"(?u)\b\w+\b|[?!…\"“]",
}
CHARACTERS: dict[str, Any] = {"analyzer": "char_wb", "ngram_range": (2, 5), "sublinear_tf": True}
LEAST_WORDS = 2
LEAST_CHARACTERS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFeatures:
    """Rows are texts: TF-IDF of words and characters, scaled style, centred vectors."""

    words: csr_matrix
    characters: csr_matrix
    style: NDArray[np.float32]
    meaning: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The terms of one TF-IDF, their inverse document frequencies and how texts are cut."""

    terms: tuple[str, ...]
    idf: NDArray[np.float64]
    options: Mapping[str, Any]

    def matrix(self, texts: Sequence[str]) -> csr_matrix:
        """TF-IDF rows of length 1."""
        return self._vectorizer.transform(texts).tocsr()

    @cached_property
    def _vectorizer(self) -> TfidfVectorizer:
        """Made once: looking through 75,000 terms takes longer than scoring two texts."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer(vocabulary=self.terms, **self.options)
        vectorizer.idf_ = self.idf
        return vectorizer


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSpace:
    """What turns any text into features; learnt from the training texts."""

    words: Vocabulary
    characters: Vocabulary
    style_mean: NDArray[np.float64]
    style_sd: NDArray[np.float64]
    meaning_mean: NDArray[np.float32]

    def features(self, texts: Sequence[str], embedder: Embedder) -> TextFeatures:
        """The features of each text, in order."""
        import numpy as np

        style = np.clip((style_matrix(texts) - self.style_mean) / self.style_sd, -4, 4)
        return TextFeatures(
            words=self.words.matrix(texts),
            characters=self.characters.matrix(texts),
            style=(style / np.sqrt(style.shape[1])).astype(np.float32),
            meaning=embedder.embed(texts) - self.meaning_mean,
        )


def learn_space(texts: Sequence[str], embedder: Embedder) -> FeatureSpace:
    """The feature space of a set of texts."""
    style = style_matrix(texts)
    return FeatureSpace(
        words=_learn_vocabulary(texts, LEAST_WORDS, WORDS),
        characters=_learn_vocabulary(texts, LEAST_CHARACTERS, CHARACTERS),
        style_mean=style.mean(axis=0),
        style_sd=style.std(axis=0) + 1e-6,
        meaning_mean=embedder.embed(texts).mean(axis=0),
    )


def _learn_vocabulary(texts: Sequence[str], least: int, options: dict[str, Any]) -> Vocabulary:
    from sklearn.feature_extraction.text import TfidfVectorizer

    # Few texts share little: then every term counts, or there would be none.
    vectorizer = TfidfVectorizer(min_df=least if len(texts) >= 50 else 1, **options)
    try:
        vectorizer.fit(texts)
    except ValueError:  # no term at all: texts without a letter
        vectorizer = TfidfVectorizer(**options).fit(["text"])
    return Vocabulary(
        terms=tuple(map(str, vectorizer.get_feature_names_out())),
        idf=vectorizer.idf_,
        options=options,
    )
