"""How many questions in words are answered right over the demo world, and how many wrong.

python -m benchmarks.questions [--set first second third ...] [--show]
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections import Counter, defaultdict
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import (
    question_asked,
    question_set,
    question_set_fifth,
    question_set_fourth,
    question_set_second,
    question_set_sixth,
    question_set_third,
)
from benchmarks.question_asked import Asked
from benchmarks.question_truth import World
from neonblue.jobs.demo import run as build_demo
from neonblue.query.answering import Answered
from neonblue.settings import StoreSettings
from neonblue.workspace import Workspace

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SEED = 7
UNANSWERED = ("none", "nothing")
UNCOMPUTED = (*UNANSWERED, "advice")
SETS = {
    "first": question_set,
    "second": question_set_second,
    "third": question_set_third,
    "fourth": question_set_fourth,
    "fifth": question_set_fifth,
    "sixth": question_set_sixth,
}
Question = tuple[str, str, dict[str, Any]] | Asked


def verdict(answered: Answered, kind: str, truth: Any) -> str:
    """``right``, ``wrong``, or ``declined`` when no answer was claimed."""
    if answered.status != "ok":
        return "right" if kind in UNANSWERED else "declined"
    if kind == "none":
        return "wrong"
    if kind == "nothing":
        return "wrong" if answered.rows else "right"
    if kind == "advice":
        return "right" if answered.rows else "declined"
    return "right" if _same(_claimed(answered, kind), truth) else "wrong"


def _claimed(answered: Answered, kind: str) -> Any:
    rows = answered.rows
    if kind in ("running", "broken", "started_since", "learnt", "similar"):
        return sorted(row["experiment_id"] for row in rows)
    if kind == "best_past":
        return [rows[0]["experiment_id"]] if rows else []
    if kind == "effect":
        return rows[0]["decision"]
    if kind == "funnel":
        return [row["users"] for row in rows]
    if kind == "moved":
        named = rows[1]["slice"].split(" = ") if len(rows) > 1 else []
        return [rows[0]["metric"], rows[0]["before"], *named]
    if kind in ("compare", "periods"):
        return [rows[0]["metric"], rows[0].get("before")]
    if kind in ("top", "bottom"):
        return [row.get("slice") for row in rows]
    if rows and "period" in rows[0]:
        return {row["period"]: row["metric"] for row in rows}
    if rows and "slice" in rows[0]:
        return {row["slice"]: row["metric"] for row in rows}
    return rows[0]["metric"] if rows else None


def _same(claimed: Any, truth: Any) -> bool:
    if isinstance(truth, dict):
        return (
            isinstance(claimed, dict)
            and claimed.keys() == truth.keys()
            and all(_same(claimed[key], truth[key]) for key in truth)
        )
    if isinstance(truth, list):
        return (
            isinstance(claimed, list)
            and len(claimed) == len(truth)
            and all(_same(one, other) for one, other in zip(claimed, truth, strict=True))
        )
    if isinstance(truth, float | int) and isinstance(claimed, float | int):
        return math.isclose(claimed, truth, rel_tol=1e-6, abs_tol=1e-9)
    return bool(claimed == truth)


def judged(workspace: Workspace, world: World, one: Question) -> tuple[Answered, str, bool]:
    """What is answered, whether that is right, and whether there is an answer."""
    if isinstance(one, Asked):
        answered = workspace.answerer.answer(one.text, (), now=NOW, context=one.context)
        truth = one.truth(world) if one.truth is not None else None
        return answered, question_asked.verdict(answered, truth), one.truth is not None
    text, kind, given = one
    truth = None if kind in UNCOMPUTED else world.truth(kind, given)
    answered = workspace.answerer.answer(text, (), now=NOW)
    return answered, verdict(answered, kind, truth), kind not in UNANSWERED


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--show", action="store_true", help="print what is not right")
    parser.add_argument("--set", nargs="+", choices=[*SETS], default=[*SETS], dest="sets")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="neonblue-questions-") as folder,
        closing(Workspace(StoreSettings(data_dir=Path(folder)))) as workspace,
    ):
        build_demo(workspace, {"seed": SEED, "now": NOW.isoformat()}, lambda *_: None)
        _report(workspace, arguments.sets, arguments.show)


def _report(workspace: Workspace, names: list[str], shown: bool) -> None:
    world = World(NOW, SEED)
    reliability: dict[float, Counter[str]] = defaultdict(Counter)
    for name in names:
        counts: Counter[tuple[bool, str]] = Counter()
        for one in SETS[name].questions():
            answered, said, inside = judged(workspace, world, one)
            counts[inside, said] += 1
            if answered.status == "ok":
                reliability[round(answered.confidence, 1)][said] += 1
            if shown and said != "right":
                _show(one, answered, said)
        for where in (True, False):
            total = sum(n for (inside, _), n in counts.items() if where == inside)
            rest = ", ".join(f"{s} {counts[where, s]}" for s in ("right", "declined", "wrong"))
            print(f"{name}, {'inside' if where else 'outside'}: {total} questions, {rest}")
    for level in sorted(reliability):
        of = reliability[level]
        print(f"confidence {level}: {of.total()} answered, {of['right'] / of.total():.3f} right")


def _show(one: Question, answered: Answered, said: str) -> None:
    text = one.text if isinstance(one, Asked) else one[0]
    print(f"{said}: {text}\n    {answered.status}: {answered.sentence[:100]}")
    if said == "wrong" and answered.plan is not None:
        print("    plan:", answered.plan.model_dump(exclude_defaults=True))


if __name__ == "__main__":
    main()
