"""What kinds of change did, pooled over the experiments that tried them.

Improvements are pooled by random effects: experiments of one kind differ by more than their noise.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from neonblue.intelligence.recollection.category import effort_of
from neonblue.intelligence.recollection.category_table import BY_NAME
from neonblue.intelligence.recollection.copies import without_copies
from neonblue.intelligence.recollection.description import percent
from neonblue.intelligence.recollection.removal import (
    category_within,
    is_removal,
    kind_of_change,
)
from neonblue.stores.documents import Document, MetadataValue
from neonblue.stores.forecasts import Outcome

NORMAL_95 = 1.959963984540054
EVERY_INDUSTRY = "all industries"


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledEffect:
    """A mean improvement, its standard error, and how much single experiments spread around it."""

    mean: float
    standard_error: float
    between_sd: float

    @property
    def lower(self) -> float:
        """The lower 95 % bound of the mean."""
        return self.mean - NORMAL_95 * self.standard_error

    @property
    def upper(self) -> float:
        """The upper 95 % bound of the mean."""
        return self.mean + NORMAL_95 * self.standard_error


def pool(effects: Sequence[tuple[float, float]]) -> PooledEffect | None:
    """Pool (improvement, standard error) pairs; None without a usable one."""
    import numpy as np

    from neonblue.stats.meta import random_effects

    usable = [(mean, error) for mean, error in effects if error > 0 and math.isfinite(mean)]
    if not usable:
        return None
    if len(usable) == 1:
        return PooledEffect(mean=usable[0][0], standard_error=usable[0][1], between_sd=0.0)
    means, errors = np.array(usable).T
    found = random_effects(means, errors**2)
    return PooledEffect(
        mean=found.mean,
        standard_error=found.standard_error,
        between_sd=math.sqrt(found.tau_squared),
    )


def pattern_documents(experiments: Iterable[Document]) -> list[Document]:
    """One document for each kind of change in each industry, and for each kind overall.

    To take something away is a kind of its own. Copies of an experiment count once.
    """
    kinds: dict[tuple[str, str], list[Document]] = defaultdict(list)
    for document in without_copies(experiments):
        if "outcome" not in document.metadata:
            continue
        kind = kind_of(document)
        industry = str(document.metadata.get("industry", ""))
        kinds[kind, ""].append(document)
        if industry:
            kinds[kind, industry].append(document)
    return [
        _pattern(category, industry, sorted(documents, key=lambda item: item.document_id))
        for (category, industry), documents in sorted(kinds.items())
    ]


def kind_of(document: Document) -> str:
    """The kind of change of a remembered experiment: its category, or the removal of that."""
    known = document.metadata
    change, name = str(known.get("optimization_applied", "")), str(known.get("name", ""))
    return kind_of_change(str(known.get("type", "other")), change, name)


def general_idea(kind: str) -> str:
    """A kind of change in general words; '' for kinds that we do not know."""
    known = BY_NAME.get(category_within(kind))
    if known is None:
        return ""
    return f"take away {known.things} that nobody needs" if is_removal(kind) else known.pattern


def counted(documents: Iterable[Document]) -> dict[Outcome, int]:
    """How many documents have each outcome."""
    counts: dict[Outcome, int] = {"success": 0, "failure": 0, "neutral": 0}
    for document in documents:
        outcome = document.metadata.get("outcome")
        if outcome in counts:
            counts[outcome] += 1
    return counts


def effects_of(documents: Iterable[Document]) -> list[tuple[float, float]]:
    """The (improvement, standard error) of each document that has both."""
    return [
        (float(cast(float, effect)), float(cast(float, error)))
        for document in documents
        if (effect := document.metadata.get("improvement")) is not None
        and (error := document.metadata.get("improvement_standard_error")) is not None
    ]


def _pattern(category: str, industry: str, documents: Sequence[Document]) -> Document:
    counts, pooled = counted(documents), pool(effects_of(documents))
    metadata = dict(_metadata(category, industry, documents, counts, pooled))
    return Document(
        document_id=f"{category}|{industry}",
        text=_text(category, industry, documents, counts, pooled),
        metadata={field: value for field, value in metadata.items() if value not in ("", ())},
    )


def _metadata(
    category: str,
    industry: str,
    documents: Sequence[Document],
    counts: Mapping[Outcome, int],
    pooled: PooledEffect | None,
) -> Iterator[tuple[str, MetadataValue]]:
    yield "optimization_type", category
    yield "industry", industry or EVERY_INDUSTRY
    yield "outcome", _leaning(counts)
    yield "implementation_effort", effort_of(category)
    yield "experiments", tuple(document.document_id for document in documents)[-100:]
    yield "applied_to_segments", _audiences(documents)
    yield "tests", float(len(documents))
    yield "successes", float(counts["success"])
    yield "failures", float(counts["failure"])
    yield "timestamp", max(float(cast(float, d.metadata["timestamp"])) for d in documents)
    if pooled is not None:
        yield "improvement", pooled.mean
        yield "improvement_lower", pooled.lower
        yield "improvement_upper", pooled.upper


def _text(
    category: str,
    industry: str,
    documents: Sequence[Document],
    counts: Mapping[Outcome, int],
    pooled: PooledEffect | None,
) -> str:
    general = general_idea(category)
    where = f" in {industry}" if industry else ""
    lines = [
        f"{category.replace('_', ' ').capitalize()} changes{where}: {len(documents)} tested, "
        f"{counts['success']} succeeded, {counts['failure']} failed, {counts['neutral']} neutral."
    ]
    if pooled is not None:
        lines.append(
            f"Pooled improvement of the primary metric {percent(pooled.mean)} "
            f"({percent(pooled.lower)} to {percent(pooled.upper)})"
            + (
                f", single ones spread by {100 * pooled.between_sd:.2f} % around it."
                if len(documents) > 1
                else "."
            )
        )
    if general:
        lines.append(f"The idea in general: {general}.")
    applied = [str(d.metadata.get("optimization_applied", "")) for d in documents]
    lines += [f"Tried: {text[:160]}" for text in applied[-5:] if text]
    return "\n".join(lines)


def _leaning(counts: Mapping[Outcome, int]) -> Outcome:
    if counts["success"] == counts["failure"]:
        return "neutral"
    return "success" if counts["success"] > counts["failure"] else "failure"


def _audiences(documents: Sequence[Document]) -> tuple[str, ...]:
    """For whom the change was tried, the commonest first."""
    found = Counter(
        str(d.metadata["user_segment"]) for d in documents if "user_segment" in d.metadata
    )
    return tuple(name for name, _ in found.most_common(50))
