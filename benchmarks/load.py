"""How fast files load, and that memory does not grow with them: 1 M rows, then 10 M.

``python -m benchmarks.load [rows …]``. Each size is loaded from CSV in a process of its own; rows a
second and the peak of its memory are printed, and the peak against that of the first size.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

CHUNK = 500_000


def write(path: Path, rows: int) -> None:
    """A unit a row: variant, a proportion, an amount, a segment."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.csv

    random = np.random.default_rng(1)
    schema = pa.schema(
        [
            ("user", pa.int64()),
            ("variant", pa.string()),
            ("bought", pa.int8()),
            ("spent", pa.float64()),
            ("os", pa.string()),
        ]
    )
    with pyarrow.csv.CSVWriter(str(path), schema) as file:
        for start in range(0, rows, CHUNK):
            size = min(CHUNK, rows - start)
            bought = random.random(size) < 0.1
            columns = [
                # Not in order: a file sorted by unit would be the easy case.
                (np.arange(start, start + size) * 2_654_435_761) % (1 << 40),
                np.where(random.random(size) < 0.5, "a", "b"),
                bought.astype(np.int8),
                np.round(np.where(bought, random.lognormal(3, 1, size), 0), 2),
                np.array(["ios", "android", "web"])[random.integers(0, 3, size)],
            ]
            arrays = [pa.array(c, field.type) for c, field in zip(columns, schema, strict=True)]
            file.write_table(pa.Table.from_arrays(arrays, schema=schema))


def measure(path: str, folder: str, queue: Any) -> None:
    """Load in this process and report seconds, units and the peak of memory in bytes."""
    from neonblue.ingest.files.load import load_file
    from neonblue.ingest.files.load_plan import LoadPlan
    from neonblue.stores import open_store

    store = open_store(f"chdb://{folder}/clickhouse")
    plan = LoadPlan.from_arguments(
        {
            "path": path,
            "experiment_id": "benchmark",
            "unit": "user",
            "variant": "variant",
            "control": "a",
            "metrics": ["bought=bought", "spent=spent"],
            "segments": ["os"],
        }
    )
    started = time.perf_counter()
    summary = load_file(store, plan, lambda done, total, message: None)
    seconds = time.perf_counter() - started
    store.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    queue.put((seconds, summary.units, peak))


def main(*sizes: int) -> None:
    """One line a size."""
    first = 0
    for rows in sizes or (1_000_000, 10_000_000):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.csv"
            write(path, rows)
            context = multiprocessing.get_context("spawn")
            queue = context.Queue()
            process = context.Process(target=measure, args=(str(path), folder, queue))
            process.start()
            seconds, units, peak = queue.get()
            process.join()
            first = first or peak
            size = path.stat().st_size / 1e6
            print(f"{rows:,} rows ({size:.0f} MB), {units:,} units: {seconds:.1f} s, ", end="")
            print(f"{rows / seconds:,.0f} rows/s, peak {peak / 1e9:.2f} GB ", end="")
            print(f"({peak / first:.2f}x the first)")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
