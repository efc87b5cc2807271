"""The demo's answers as tables on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from neonblue.demo.scenarios import Scenario

Answer = Mapping[str, Any]

DECISION_STYLES = {
    "ship": "bold green",
    "rollback": "bold red",
    "invalid": "bold red",
    "review": "bold yellow",
    "keep_running": "cyan",
    "no_meaningful_effect": "blue",
    "inconclusive": "blue",
}
TRUTHS = {
    "win": "{lift:+.0%}",
    "loss": "{lift:+.0%}",
    "null": "no effect",
    "broken": "lost units",
    "running": "{lift:+.0%}, early",
}


def truths(scenarios: Sequence[Scenario]) -> dict[str, str]:
    """What is true of each scenario, in a few words."""
    return {s.experiment_id: TRUTHS[s.truth].format(lift=s.lift) for s in scenarios}


def verdict_table(answers: Sequence[Answer], truth: Mapping[str, str]) -> Table:
    """One line an experiment: what is true, and what the statistics say."""
    from rich.table import Table

    table = Table(title="What the agent is told, beside what is true", title_justify="left")
    for heading in ("experiment", "truth", "verdict", "purchases, pp"):
        table.add_column(heading, no_wrap=heading != "truth")
    for answer in answers:
        decision = answer["verdict"]["decision"]
        comparison = first_comparison(answer)
        table.add_row(
            answer["experiment_id"],
            truth.get(answer["experiment_id"], ""),
            f"[{DECISION_STYLES.get(decision, '')}]{decision}[/]",
            _effect_cell(comparison),
        )
    return table


def first_comparison(answer: Answer) -> Answer | None:
    """The first comparison of the first metric whose effects are shown."""
    shown = [metric for metric in answer["metrics"] if metric["comparisons"]]
    return shown[0]["comparisons"][0] if shown else None


def _effect_cell(comparison: Answer | None) -> str:
    if comparison is None or comparison.get("absolute_difference") is None:
        return "withheld"
    return _interval(comparison, _points)


def _interval(comparison: Answer, shown: Callable[[float | None], str]) -> str:
    low, high = shown(comparison.get("ci_lower")), shown(comparison.get("ci_upper"))
    return f"{shown(comparison['absolute_difference'])} ({low}, {high})"


def _points(value: float | None) -> str:
    """Percentage points."""
    return "∞" if value is None else f"{100 * value:+.2f}"


def _p_value(value: float | None) -> str:
    if value is None:
        return ""
    return "<.0001" if value < 1e-4 else f"{value:.4f}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:+.1%}"


def listing_table(answer: Answer) -> Table:
    """What ``list_experiments`` answers."""
    from rich.table import Table

    table = Table(title="list_experiments", title_justify="left")
    for heading in ("experiment", "status", "primary metric", "units", "planned"):
        table.add_column(heading, justify="right" if heading in ("units", "planned") else "left")
    for row in answer["experiments"]:
        planned = row.get("planned_units")
        table.add_row(
            row["experiment_id"],
            row["status"],
            row.get("primary_metric") or "",
            f"{row['units']:,}",
            f"{planned:,}" if planned else "",
        )
    return table


def forward_table(answers: Sequence[Answer]) -> Table:
    """The sentence that each answer has for people who were not there."""
    from rich.table import Table

    table = Table(title="To forward", title_justify="left", show_header=False, show_lines=True)
    for answer in answers:
        table.add_row(_unfenced(answer["summary"]))
    return table


def reasons_table(answer: Answer) -> Table:
    """Why the verdict is what it is, and the checks behind it."""
    from rich.table import Table

    title = f"analyze_experiment_performance: {answer['experiment_id']}"
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column("", style="bold")
    table.add_column("")
    table.add_row("verdict", answer["verdict"]["decision"])
    for reason in answer["verdict"]["reasons"]:
        table.add_row("because", reason["detail"])
    table.add_row("next", answer["verdict"]["next_step"])
    for check in answer["validity"]["checks"]:
        table.add_row(f"check: {check['name']}", f"{check['status']}: {check['detail']}")
    return table


def metrics_table(answer: Answer) -> Table:
    """Every metric of one answer with its always-valid interval."""
    from rich.table import Table

    table = Table(title=f"metrics of {answer['experiment_id']}", title_justify="left")
    for heading in ("metric", "control", "treatment", "difference", "lift", "shrunk", "p"):
        table.add_column(heading, no_wrap=heading in ("metric", "p"))
    for metric in answer["metrics"]:
        for comparison in metric["comparisons"]:
            table.add_row(metric["metric"], *_metric_cells(metric, comparison))
    return table


def _metric_cells(metric: Answer, comparison: Answer) -> tuple[str, ...]:
    shown = _points if metric["kind"] == "proportion" else _plain
    return (
        _plain(comparison.get("mean_control")).lstrip("+"),
        _plain(comparison.get("mean_treatment")).lstrip("+"),
        _interval(comparison, shown),
        _percent(comparison.get("relative_lift")),
        _percent(comparison.get("shrunk_relative_lift")),
        _p_value(comparison.get("p_value")),
    )


def _plain(value: float | None) -> str:
    return "∞" if value is None else f"{value:+.4g}"


def diagnosis_table(answer: Answer) -> Table:
    """The ranked findings of ``diagnose_experiment``."""
    from rich.table import Table

    title = f"diagnose_experiment: {answer['experiment_id']}"
    table = Table(title=title, title_justify="left", show_lines=True)
    for heading in ("rank", "side", "what was found", "what to do"):
        table.add_column(heading, overflow="fold")
    for finding in answer["findings"][:3]:
        table.add_row(
            str(finding["rank"]),
            finding["side"],
            _unfenced(finding["headline"]),
            _unfenced(finding["fix"]),
        )
    return table


def memory_table(answer: Answer, question: str) -> Table:
    """Past experiments that resemble a question, and how they ended."""
    from rich.table import Table

    title = f"semantic_experiment_search: {question}"
    table = Table(title=title, title_justify="left")
    for heading in ("past experiment", "similarity", "outcome", "lift"):
        table.add_column(heading)
    for hit in answer["hits"][:5]:
        facts = hit["facts"]
        table.add_row(
            _unfenced(hit["text"]).splitlines()[0],
            f"{hit['similarity']:.2f}",
            str(facts.get("outcome", "")),
            _percent(facts.get("relative_lift")),
        )
    return table


def _unfenced(text: str) -> str:
    return text.replace("<data>", "").replace("</data>", "")
