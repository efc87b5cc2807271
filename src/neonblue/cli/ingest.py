"""``neonblue ingest``: run the Kafka worker, or read events from a file or stdin."""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neonblue.errors import InvalidInputError, StoreBusyError

CHUNK_LINES = 50_000
CHUNK_SECONDS = 1.0
READ_BYTES = 1 << 20
STDIN = "stdin"
# A store that hangs must not hold the worker: what it was at is read again.
LAST_SECONDS = 4.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Without FILE, the Kafka worker runs until it is stopped."""
    parser.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="JSON lines of events or change envelopes, '-' for stdin; without it, Kafka",
    )
    parser.add_argument(
        "--events-only",
        action="store_true",
        help="store events without making journeys searchable, which a later ingest or worker does",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the worker, or one file."""
    if arguments.file is None:
        return _run_worker()
    if arguments.file == "-":
        return _read_stdin(sys.stdin.fileno(), index=not arguments.events_only)
    path = Path(arguments.file).expanduser().resolve()
    if not path.is_file():
        raise InvalidInputError(
            f"there is no file {str(path)!r}: give a file of JSON lines, or '-'"
        )
    print(json.dumps(_read_file(path, path.name, 0, index=not arguments.events_only)))
    return 0


def _run_worker() -> int:
    """Until SIGINT or SIGTERM; then what is under way is finished first, if it can be in time."""
    from neonblue.ingest.stream.service import IngestService
    from neonblue.owner.shutdown import exit_within
    from neonblue.settings import KafkaSettings
    from neonblue.workspace import open_workspace

    settings = KafkaSettings()
    if not settings.bootstrap_servers:
        raise InvalidInputError(
            "there is no Kafka to read from: set KAFKA_BOOTSTRAP_SERVERS, "
            "or give a file: `neonblue ingest FILE`"
        )
    with _data_owned(), open_workspace() as workspace:
        service = IngestService(
            workspace.store,
            settings,
            lambda: workspace.memory,
            workspace.model_files,
            workspace.event_kinds,
        ).start()

        def leave(*_: object) -> None:
            exit_within(LAST_SECONDS)
            service.ask_to_stop()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, leave)
        print(f"reading {settings.events_topic} from {settings.bootstrap_servers}", file=sys.stderr)
        service.wait()
    return 0


@contextmanager
def _data_owned() -> Iterator[None]:
    """The data directory, for as long as the worker runs; a server has no owner."""
    from neonblue.owner.data_directory import DataDirectory
    from neonblue.settings import StoreSettings

    settings = StoreSettings()
    if not settings.embedded:
        yield
        return
    directory = DataDirectory(settings.owned_directory)
    if not directory.own():
        raise StoreBusyError(
            f"another process holds {str(settings.owned_directory)!r} and runs the worker itself "
            "when KAFKA_BOOTSTRAP_SERVERS is set there: set it for that process, or end it first"
        )
    try:
        yield
    finally:
        directory.close()


@dataclass
class Pace:
    """How long the first line of a chunk waits for others, in seconds."""

    seconds: float = CHUNK_SECONDS


def _read_stdin(descriptor: int, *, index: bool) -> int:
    """Chunk by chunk, so that a stream without an end is queryable as it goes."""
    total: dict[str, Any] = {}
    lines_read, pace = 0, Pace()
    for lines in _chunks(descriptor, pace):
        began = time.monotonic()
        with tempfile.NamedTemporaryFile(prefix="neonblue-", suffix=".jsonl") as spooled:
            spooled.write(b"\n".join(lines))
            spooled.flush()
            part = _read_file(Path(spooled.name), STDIN, lines_read, index=index)
        lines_read += len(lines)
        # Writing a chunk costs something however few its lines are: at most half of the time.
        pace.seconds = max(CHUNK_SECONDS, time.monotonic() - began)
        summed = {key: total.get(key, 0) + value for key, value in part.items()}
        # What waits at the end waits, however much did in between.
        total = {**summed, "journeys_waiting": part["journeys_waiting"]}
    print(json.dumps(total))
    return 0


def _chunks(descriptor: int, pace: Pace) -> Iterator[list[bytes]]:
    """Lines as they come: ``CHUNK_LINES``, or fewer when the first has waited long enough."""
    lines: list[bytes] = []
    begun, deadline = b"", 0.0
    while True:
        wait = max(0.0, deadline - time.monotonic()) if lines else None
        if not select.select([descriptor], [], [], wait)[0]:
            yield lines
            lines = []
            continue
        data = os.read(descriptor, READ_BYTES)
        if not data:
            break
        *whole, rest = data.split(b"\n")
        if not whole:
            begun += rest
            continue
        if not lines:
            deadline = time.monotonic() + pace.seconds
        lines += [begun + whole[0], *whole[1:]]
        begun = rest
        while len(lines) >= CHUNK_LINES:
            yield lines[:CHUNK_LINES]
            lines = lines[CHUNK_LINES:]
            deadline = time.monotonic() + pace.seconds
        if lines and time.monotonic() >= deadline:
            yield lines
            lines = []
    if begun:
        lines.append(begun)
    if lines:
        yield lines


def _read_file(path: Path, name: str, first_line: int, *, index: bool) -> dict[str, Any]:
    from neonblue.owner.embedded import run_job

    arguments = {"path": str(path), "name": name, "first_line": first_line, "index": index}
    if name == STDIN:
        # Where its lines are spooled differs each time; the same stream again is the same letters.
        arguments["origin"] = ""
    return run_job("ingest", arguments, _show)


def _show(done: float, total: float, message: str) -> None:
    print(f"\r{done:,.0f} {message}", end="", file=sys.stderr, flush=True)
