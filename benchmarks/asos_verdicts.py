"""Real experiments again through the rules of calibrate: what the whole verdict said, and when.

``python -m benchmarks.asos_verdicts [--small]`` reads the ASOS Digital Experiments data set like
``benchmarks.asos_replay`` and writes the table to docs/statistics-sequential.md. Every series is an
experiment with one primary metric, planned for the units that it had at the end; at each snapshot
the validity checks, the sequence and the verdict decide, as they do in the product and in
``calibrate``. Its units cannot be split again, since the archive has totals alone.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np

from benchmarks.asos_replay import shared_folder
from benchmarks.tables import markdown, share_text, write_section
from neonblue.intelligence.summaries import Summaries
from neonblue.models import Experiment, MetricDefinition, MetricSummary
from neonblue.optimization.calibration import START, VARIANTS, verdict_of

METRIC = MetricDefinition(name="metric", kind="mean", event_type="metric", aggregation="sum")
LEAST_SNAPSHOTS = 2


def series() -> Iterator[Any]:
    """Tables of snapshots, one a metric of a variant, oldest first."""
    from pyarrow import parquet

    path = shared_folder() / "data" / "asos" / "snapshots.parquet"
    rows = parquet.read_table(path).to_pandas().dropna(subset=["count_c", "count_t", "mean_c"])
    rows = rows[(rows.count_c > 1) & (rows.count_t > 1) & (rows.variance_c + rows.variance_t > 0)]
    keys = ["experiment_id", "variant_id", "metric_id"]
    for _, part in rows.sort_values("time_since_start").groupby(keys):
        if len(part) >= LEAST_SNAPSHOTS:
            yield part


def summaries(row: Any) -> Summaries:
    """A snapshot as the analysis reads it."""
    sides = ((row.count_c, row.mean_c, row.variance_c), (row.count_t, row.mean_t, row.variance_t))
    now = START + timedelta(days=float(row.time_since_start))
    return Summaries(
        units=np.array([row.count_c, row.count_t]),
        multiple_variant_units=0,
        unplanned_units=0,
        first_exposure_at=START,
        last_event_at=now,
        last_exposure_at=now,
        overall={
            (METRIC.name, variant.variant_id): MetricSummary(n=n, mean=mean, variance=variance)
            for variant, (n, mean, variance) in zip(VARIANTS, sides, strict=True)
        },
        shapes={},
    )


def replayed(part: Any) -> tuple[list[str], int]:
    """The verdict at each snapshot, and the sign of the textbook test at the last."""
    last = part.iloc[-1]
    plan = Experiment(
        experiment_id="asos",
        variants=VARIANTS,
        metrics=(METRIC,),
        planned_sample_size=int(last.count_c + last.count_t),
        minimum_duration_days=0.0,
        started_at=START,
    )
    verdicts = [verdict_of(plan, summaries(row)).decision for row in part.itertuples()]
    error = np.sqrt(last.variance_c / last.count_c + last.variance_t / last.count_t)
    z = (last.mean_t - last.mean_c) / error
    return verdicts, int(np.sign(z)) if abs(z) >= 1.96 else 0


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tenth, nothing written")
    small = parser.parse_args().small
    found = [
        replayed(part) for number, part in enumerate(series()) if not small or number % 10 == 0
    ]
    rows = []
    for verdict, sign in (("ship", 1), ("rollback", -1)):
        called = [(said, end) for said, end in found if verdict in said]
        kept = sum(said[-1] == verdict for said, _ in called)
        stood = sum(end == sign for _, end in called)
        opposite = sum(end == -sign for _, end in called)
        count = len(called)
        cells = [share_text(n, count) if count else "–" for n in (kept, stood)]
        rows.append([verdict, f"{count} of {len(found)}", *cells, opposite])
    last = Counter(said[-1] for said, _ in found)
    ends = ", ".join(f"{name} {count}" for name, count in last.most_common())
    text = markdown(HEADER, rows) + f"\n\nThe last verdict of the {len(found)} series: {ends}."
    print(text)
    if not small:
        write_section("asos-verdicts", text)


HEADER = [
    "verdict",
    "said at any snapshot",
    "still said at the last, %",
    "end significant the same way, %",
    "the other way",
]


if __name__ == "__main__":
    main()
