"""Invented companies with past experiments, and goals with the experiments that serve each.

``development`` is what likeness was fitted on. Nothing was tuned on ``review``: its tests, goals
and what serves each were written before the first run. A goal that nothing serves fits nothing.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

FOLDER = Path(__file__).parent / "ideas_worlds"
World = Literal["development", "review"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PastTest:
    """One finished experiment: what changed against what, for which metric, and how it ended."""

    name: str
    family: str
    metric: str
    industry: str
    ended: str
    control: str
    change: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A goal as somebody would type it, and the past tests an idea for it may build on."""

    text: str
    serves: frozenset[str]


def past_tests(world: World) -> list[PastTest]:
    """The finished experiments of a company."""
    with (FOLDER / f"{world}_past.csv").open() as file:
        return [PastTest(**row) for row in csv.DictReader(file)]


def goals(world: World) -> list[Goal]:
    """Goals of a company, those that nothing fits last."""
    with (FOLDER / f"{world}_goals.csv").open() as file:
        return [
            Goal(text=row["goal"], serves=frozenset(row["serves"].split()))
            for row in csv.DictReader(file)
        ]


def notes() -> dict[tuple[str, str], str]:
    """Why an idea of the review is sensible or not, by goal and change, from reading it."""
    with (FOLDER / "review_notes.csv").open() as file:
        return {(row["goal"], row["idea"]): row["why"] for row in csv.DictReader(file)}
