"""An analysis as a page of Markdown, for a wiki or a chat: verdict, effects, doubts, what next."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from neonblue.intelligence.deciding import Deciding, comparisons_of
from neonblue.intelligence.effect_words import (
    BASIS_WORDS,
    difference_of,
    lift_of,
    means_words,
    metric_name,
    variant_name,
)
from neonblue.intelligence.evidence import Analysis
from neonblue.intelligence.narrative import recommend, summarise
from neonblue.intelligence.rounding import p_words
from neonblue.models.outside_text import marked

FENCE_AGAIN = re.compile(r"&lt;(/?)data>")
COLUMNS = ("metric", "variant", "means", "difference", "relative", "evidence")


def report(analysis: Analysis, pictures: Sequence[tuple[str, str]] = ()) -> str:
    """The page; ``pictures`` are a caption and an address each."""
    parts = (
        f"# {_plain(analysis.experiment.name or analysis.experiment.experiment_id)}",
        f"**{_plain(summarise(analysis))}**",
        "\n".join(_facts(analysis)),
        _effects(analysis),
        *(f"![{_plain(caption)}]({address})" for caption, address in pictures),
        _listed("Doubts", _doubts(analysis)),
        _listed("What to do", [_plain(advice) for advice in recommend(analysis)]),
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(analysis: Analysis) -> Iterator[str]:
    plan, look = analysis.experiment, analysis.look
    planned = f" of {look.planned_units:,} planned" if look.planned_units else ""
    yield f"- {plan.status}, {look.units:,} {plan.unit}s{planned}"
    yield f"- as of {analysis.as_of:%Y-%m-%d %H:%M} UTC, look {look.number}"
    yield f"- validity: {analysis.validity.status}"
    if plan.hypothesis:
        yield f"- hypothesis: {_plain(plan.hypothesis)}"


def _effects(analysis: Analysis) -> str:
    rows = [_row(analysis, found) for found in comparisons_of(analysis)]
    if not rows:
        return ""
    lines = [COLUMNS, ("---",) * len(COLUMNS), *rows]
    table = "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)
    level = f"Intervals are {1 - analysis.experiment.alpha:.0%}."
    return f"{table}\n\n{level}"


def _row(analysis: Analysis, found: Deciding) -> tuple[str, ...]:
    plan = analysis.experiment
    name = metric_name(found.metric.name)
    means = means_words(plan, found).removeprefix(f"{name} ")
    return (
        f"{name} ({found.metric.role})",
        variant_name(plan, found.comparison.variant),
        means,
        difference_of(found),
        lift_of(found) or "–",
        f"{p_words(found.p_value)}, {BASIS_WORDS[found.basis]}",
    )


def _doubts(analysis: Analysis) -> list[str]:
    return [
        f"{metric_name(check.name)} ({check.status}): {_plain(check.detail)}"
        for check in analysis.validity.checks
        if check.status != "pass"
    ]


def _listed(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"## {title}", "", *(f"- {line}" for line in lines)]) if lines else ""


def _plain(text: str) -> str:
    """Text on one line in which nothing begins markup; what people wrote stays fenced."""
    line = " ".join(marked(text).split())
    escaped = "".join(f"\\{one}" if one in "\\`*_[]#|" else one for one in line)
    return FENCE_AGAIN.sub(r"<\1data>", escaped.replace("<", "&lt;"))


def _cell(text: str) -> str:
    return _plain(text) if set(text) != {"-"} else text
