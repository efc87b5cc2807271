"""The end of ``neonblue demo --loop`` on a terminal: what was true, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from neonblue.demo.loop_story import Story

if TYPE_CHECKING:
    from rich.table import Table

LESSONS = 3


def outcome_table(story: Story) -> Table:
    """One line an experiment that was agreed to."""
    from rich.table import Table

    table = Table(title="What only the platform knew, and what became of it")
    for column in ("", "change", "truth", "became"):
        table.add_column(column)
    for experiment_id in story.experiments:
        if experiment_id in story.agreed:
            number = story.number(experiment_id)
            truth = story.truth.get(experiment_id, 0.0)
            table.add_row(
                f"#{number}",
                story.changes.get(number, ""),
                f"{truth:+.0%}" if truth else "no effect",
                str(story.heard.get(experiment_id, {}).get("status", "")),
            )
    return table


def lesson_lines(story: Story, found: Mapping[str, Any]) -> Iterator[str]:
    """The nearest experiments of a search, and what they taught."""
    for hit in found["hits"][:LESSONS]:
        lines = [line for line in _plain(hit["text"]).splitlines() if line]
        lesson = next((line for line in lines if line.startswith("Lesson:")), lines[-1])
        number = story.number(hit["document_id"])
        yield f"#{number}  similarity {hit['similarity']:.2f}  {lines[0]}"
        yield f"    {lesson}"


def _plain(text: str) -> str:
    """Without the marks that keep outside text apart for a model: a person reads it here."""
    return text.removeprefix("<data>").removesuffix("</data>")
