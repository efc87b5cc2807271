"""How long a question in words takes beside SQL written by hand: 10 M events of 1 M users, warm.

``python -m benchmarks.question_speed [events] [users]``. In turn and in one process: reading the
question, the whole answer, and what one would write by hand, without a look at duplicates. Ratios
of medians are printed.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.analysis_query import ACTS, EXPOSURES, WEEK, plan
from neonblue.settings import StoreSettings
from neonblue.workspace import Workspace

ROUNDS = 9
NOW = datetime(2026, 1, 15, tzinfo=UTC)
SINCE = "timestamp >= toDateTime64('2026-01-08 00:00:00', 3, 'UTC')"
QUESTIONS = {
    "how many purchases in the last 7 days?": (
        f"SELECT countIf(event_type = 'purchase') FROM events WHERE {SINCE}"
    ),
    "daily purchases in the last 7 days": (
        f"SELECT toDate(timestamp) AS day, countIf(event_type = 'purchase') FROM events"
        f" WHERE {SINCE} GROUP BY day ORDER BY day"
    ),
    "what was the average order value last week?": (
        "SELECT avgIf(value, event_type = 'purchase') FROM events"
        " WHERE timestamp >= toDateTime64('2026-01-05 00:00:00', 3, 'UTC')"
        " AND timestamp < toDateTime64('2026-01-12 00:00:00', 3, 'UTC')"
    ),
    "purchases by device": (
        "SELECT u.device, count() FROM events AS e INNER JOIN (SELECT user_id,"
        " anyIf(properties['device'], properties['device'] != '') AS device FROM events"
        " GROUP BY user_id) AS u USING (user_id) WHERE e.event_type = 'purchase' GROUP BY u.device"
    ),
}


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    users = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    with (
        tempfile.TemporaryDirectory(prefix="neonblue-question-speed-") as folder,
        closing(Workspace(StoreSettings(data_dir=Path(folder)))) as workspace,
    ):
        _fill(workspace, events, users)
        workspace.answerer.answer("how many purchases yesterday?", (), now=NOW)
        for question, bare in QUESTIONS.items():
            _compare(workspace, question, bare)


def _fill(workspace: Workspace, events: int, users: int) -> None:
    workspace.store.experiments.save(plan("shop"))
    given = {"id": "shop", "units": users, "spread": WEEK, "after": WEEK, "acts": events - users}
    for statement in (EXPOSURES, ACTS):
        workspace.store.database.command(statement, given)


def _compare(workspace: Workspace, question: str, bare: str) -> None:
    answerer, database = workspace.answerer, workspace.store.database
    runs: dict[str, Callable[[], object]] = {
        "read": lambda: answerer.read(question, (), NOW),
        "answer": lambda: answerer.answer(question, (), now=NOW),
        "bare": lambda: database.rows(bare),
    }
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            taken[name].append(1000 * (time.perf_counter() - began))
    median = {name: statistics.median(times) for name, times in taken.items()}
    print(
        f"{question}: read {median['read']:.1f} ms, answer {median['answer']:.0f} ms, "
        f"bare {median['bare']:.0f} ms, ratio {median['answer'] / median['bare']:.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
