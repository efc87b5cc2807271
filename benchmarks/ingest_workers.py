"""Two workers on two partitions against one, and what bounds them: each a process of its own.

The store is one ClickHouse over HTTP (the tests' front over chDB, itself a process), because
chDB takes one process only. Run:

    python -m benchmarks.ingest_workers [--events 200000]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.services import tansu
from tests.services.ports import free_port, wait_for_port

from benchmarks.ingest_throughput import create, fill, messages
from neonblue.stores import open_store

FRONT = Path(__file__).parents[1] / "tests" / "stores" / "clickhouse_front.py"
WORKER = "import sys; from neonblue.cli import main; sys.exit(main(['ingest']))"


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(servers: str, count: int, workers: int, folder: Path) -> None:
    """Time from the first row to the last one, and who used how much processor time."""
    port = free_port()
    front = subprocess.Popen([sys.executable, str(FRONT), str(port), str(folder / "store")])
    wait_for_port(port, 30)
    store = open_store(f"clickhouse://default:@127.0.0.1:{port}/default")
    environment = {
        **os.environ,
        "NEONBLUE_CLICKHOUSE_DSN": f"clickhouse://default:@127.0.0.1:{port}/default",
        "NEONBLUE_DATA_DIR": str(folder / "data"),
        "KAFKA_BOOTSTRAP_SERVERS": servers,
        "KAFKA_EVENTS_TOPIC": "events",
        "KAFKA_DEAD_TOPIC": "dead",
        "KAFKA_GROUP_ID": f"group-{workers}",
        "KAFKA_SESSION_TIMEOUT_MS": "2000",
    }
    processes = [
        subprocess.Popen([sys.executable, "-c", WORKER], env=environment) for _ in range(workers)
    ]
    started, used = 0.0, {process.pid: 0.0 for process in [front, *processes]}
    rows = 0
    while rows < count:
        time.sleep(0.1)
        rows = store.events.count()
        if rows and not started:
            started, first = time.perf_counter(), rows
            used = {pid: cpu_seconds(pid) for pid in used}
    elapsed = time.perf_counter() - started
    shares = [f"{(cpu_seconds(pid) - before) / elapsed:.2f}" for pid, before in used.items()]
    print(
        f"{workers} workers: {(count - first) / elapsed:9,.0f} events/s, "
        f"processors used by store and workers: {' '.join(shares)}, load {os.getloadavg()[0]:.1f}"
    )
    for process in processes:
        process.terminate()
        process.wait()
    store.close()
    front.kill()
    front.wait()


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    count = parser.parse_args().events
    with tansu.running() as broker:
        asyncio.run(create(broker.address, ["events", "dead"], partitions=2))
        asyncio.run(fill(broker.address, "events", messages(count)))
        for workers in (1, 2):
            with tempfile.TemporaryDirectory() as folder:
                run(broker.address, count, workers, Path(folder))
    print(f"{os.cpu_count()} processors on this machine")


if __name__ == "__main__":
    main()
