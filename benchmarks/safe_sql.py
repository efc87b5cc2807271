"""How many hostile statements pass the check of raw SQL, how many harmless ones do not, how fast.

python -m benchmarks.safe_sql [--times 20] [--server]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.services import clickhouse_server

from benchmarks.sql_statements import HARMLESS, hostile, variations
from neonblue.errors import NeonBlueError, UnsafeQueryError
from neonblue.query.raw_sql import check_sql
from neonblue.query.statement import read_statement
from neonblue.stores import Store, open_store

SEED = 2026


@contextmanager
def opened(server: bool) -> Iterator[Store]:
    """An empty store on chDB or on a real server."""
    with tempfile.TemporaryDirectory(prefix="neonblue-safe-sql-") as folder:
        if not server:
            with closing(open_store(f"chdb://{Path(folder) / 'clickhouse'}")) as store:
                yield store
            return
        with clickhouse_server.running() as running, closing(open_store(running.dsn())) as store:
            yield store


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=20, help="variations of each statement")
    parser.add_argument("--server", action="store_true", help="a real server instead of chDB")
    arguments = parser.parse_args()
    with opened(arguments.server) as store:
        check_sql(store, "SELECT 1")
        refused = _count(hostile(), arguments.times, lambda sql: check_sql(store, sql))
        allowed = _count(HARMLESS, arguments.times, lambda sql: check_sql(store, sql))
        where = "server" if arguments.server else "chDB"
        print(f"{where}: hostile {refused[0]:,}, through {refused[0] - refused[1]}")
        print(f"{where}: harmless {allowed[0]:,}, refused {allowed[1]}")
        print("check, ms (p50, p95):", _times(lambda sql: check_sql(store, sql)))
        print("first parser alone, ms (p50, p95):", _times(read_statement))


def _count(
    statements: tuple[str, ...], times: int, check: Callable[[str], object]
) -> tuple[int, int]:
    tried = refused = 0
    for _, written in variations(statements, times=times, seed=SEED):
        tried += 1
        try:
            check(written)
        except UnsafeQueryError:
            refused += 1
        except NeonBlueError as error:
            print("neither:", repr(written), error)
    return tried, refused


def _times(check: Callable[[str], object]) -> str:
    taken = []
    for statement in HARMLESS * 3:
        began = time.perf_counter()
        check(statement)
        taken.append(1000 * (time.perf_counter() - began))
    return f"{statistics.median(taken):.2f}, {statistics.quantiles(taken, n=20)[-1]:.2f}"


if __name__ == "__main__":
    main()
